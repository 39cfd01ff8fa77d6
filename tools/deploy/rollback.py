"""What ran before a deployment, and how it is brought back.

`kubectl rollout undo` brings back the pods of one workload, and not the ConfigMap that they read: the old
image would run with the new settings. So all that is about to be changed is read first, and applied again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.deploy import manifests
from tools.deploy.kubectl import Kubectl
from tools.deploy.manifests import Manifest

#: What the API server writes, and nobody applies.
_SERVER_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_SERVER_ANNOTATIONS = (
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
)
#: With these, data would go.
_NEVER_DELETED = frozenset(
    {"Namespace", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition"}
)


@dataclass(frozen=True, slots=True)
class Before:
    """What ran before.

    Attributes:
        objects: those of the deployment that were there, as they were.
        added: those that were not, which deploying makes.
    """

    objects: list[Manifest]
    added: list[Manifest]

    @property
    def ran(self) -> bool:
        """Whether there is something to go back to."""
        return bool(manifests.workloads(self.objects))

    @property
    def to_delete(self) -> list[Manifest]:
        """What going back takes away, users before what they use."""
        return [one for one in reversed(self.added) if one["kind"] not in _NEVER_DELETED]

    def save(self, path: Path) -> None:
        """Write it down for who has to bring it back by hand; Secrets are left out."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(manifests.text(one for one in self.objects if not manifests.is_secret(one)) + "\n")


def read(kubectl: Kubectl, deployed: list[Manifest]) -> Before:
    """Read from the cluster what a deployment is about to change.

    Raises:
        KubectlFailed: it cannot be read.
    """
    answer = kubectl.run(
        "get", "-f", "-", "--ignore-not-found", "-o", "json", given=manifests.text(deployed), told=False
    )
    found = _items(answer.out)
    kubectl.secrets |= manifests.secrets(found)
    there = {_key(one): one for one in found}
    wanted = {_key(one): one for one in deployed}
    return Before(
        [_applicable(there[key], one) for key, one in wanted.items() if key in there],
        [one for key, one in wanted.items() if key not in there],
    )


def _items(text: str) -> list[Manifest]:
    """Kubectl gives a list for several objects, one as it is, and nothing for none."""
    if not text.strip():
        return []
    document: Manifest = json.loads(text)
    return list(document["items"]) if document["kind"] == "List" else [document]


def _key(manifest: Manifest) -> tuple[str, str, str]:
    """Without the namespace: a manifest that names none is in that of the context."""
    group, kind, _namespace, name = manifests.identity(manifest)
    return group, kind, name


def _applicable(live: Manifest, deployed: Manifest) -> Manifest:
    """An object as it was, without what only the API server writes."""
    metadata = _without(live["metadata"], _SERVER_METADATA)
    if annotations := _without(metadata.pop("annotations", {}), _SERVER_ANNOTATIONS):
        metadata["annotations"] = annotations
    kept = {**_without(live, ("status",)), "metadata": metadata}
    # Who scales it by itself goes on doing so: a number of ours would be taken for what is asked for.
    if "replicas" in kept.get("spec", {}) and "replicas" not in deployed.get("spec", {}):
        kept["spec"] = _without(kept["spec"], ("replicas",))
    return kept


def _without(mapping: Mapping[str, object], keys: Iterable[str]) -> Manifest:
    return {key: value for key, value in mapping.items() if key not in set(keys)}
