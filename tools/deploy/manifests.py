"""What an overlay renders to: read, checked, and made so that changed settings restart what has them."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import kubernetes_validate
import yaml

from tools.deploy.errors import Invalid, RenderFailed

Manifest = dict[str, Any]

#: On pods: a digest of the ConfigMaps and Secrets that they have. It changes with them, so that pods are
#: started anew, and back with them where what ran before is brought back.
SETTINGS_DIGEST = "globeco.io/settings-digest"
#: Shorter values of Secrets could be parts of any word.
_LEAST_SECRET = 4
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


def parsed(text: str) -> list[Manifest]:
    """The documents of a rendered overlay.

    Raises:
        RenderFailed: they are no manifests, or none.
    """
    try:
        found = [one for one in yaml.safe_load_all(text) if one]
    except yaml.YAMLError as error:
        raise RenderFailed(f"the rendered overlay cannot be read: {error}") from error
    if not found:
        raise RenderFailed("the overlay renders to nothing")
    for one in found:
        if not (isinstance(one, dict) and one.get("kind") and one.get("metadata", {}).get("name")):
            raise RenderFailed("the overlay renders to a document without kind or name")
    return found


def name(manifest: Manifest) -> str:
    """A manifest as messages name it."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def identity(manifest: Manifest) -> tuple[str, str, str, str]:
    """What makes two manifests versions of one object: group, kind, namespace and name."""
    metadata, group = manifest["metadata"], manifest["apiVersion"].rpartition("/")[0]
    return group, manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def text(manifests: Iterable[Manifest]) -> str:
    """As kubectl reads them: one list in JSON, in which everything is said in one way.

    Of several documents in JSON it reads the first.
    """
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}, sort_keys=True)


def validate(manifests: Iterable[Manifest], version: str) -> list[str]:
    """Hold manifests to the schemas of a version of Kubernetes; the names of those that have none.

    Raises:
        Invalid: some are not what their schemas say; all of them are named.
    """
    unknown, wrong = [], []
    for one in manifests:
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            unknown.append(name(one))
        except kubernetes_validate.ValidationError as error:
            # What a message quotes may be a value.
            said = "not what its schema says" if is_secret(one) else error.message
            wrong.append(f"{name(one)}: {_at(error.path)}{said}")
    if wrong:
        raise Invalid("; ".join(wrong))
    return unknown


def _at(path: Iterable[str | int]) -> str:
    return "".join(f"{one}: " for one in (".".join(map(str, path)),) if one)


def is_secret(manifest: Manifest) -> bool:
    """Whether nothing of a manifest but its name may be shown."""
    return bool(manifest["kind"] == "Secret")


def secrets(manifests: Iterable[Manifest]) -> set[str]:
    """Every value of every Secret, plain and as it is encoded."""
    found = set()
    for one in filter(is_secret, manifests):
        for encoded in (one.get("data") or {}).values():
            found.add(str(encoded))
            with suppress(ValueError):  # what is no base64 is refused later, and not told either
                plain = base64.b64decode(str(encoded)).decode(errors="replace")
                found |= {plain, plain.strip()}
        found |= set(map(str, (one.get("stringData") or {}).values()))
    return {one for one in found if len(one) >= _LEAST_SECRET}


def workloads(manifests: Iterable[Manifest]) -> list[Manifest]:
    """What runs pods, and can be waited for."""
    return [one for one in manifests if one["kind"] in _WORKLOADS]


def namespace(manifests: Iterable[Manifest]) -> str | None:
    """The one that pods are in; None is that of the context.

    Raises:
        RenderFailed: there are several.
    """
    found = {one["metadata"].get("namespace") for one in workloads(manifests)}
    if len(found) > 1:
        raise RenderFailed(f"there are pods in several namespaces: {', '.join(sorted(map(str, found)))}")
    return next(iter(found), None)


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the pods of a Deployment."""

    deployment: str
    name: str
    number: int


def port(manifests: Iterable[Manifest], names: Iterable[str]) -> Port | None:
    """The first container port of any Deployment that has one of these names."""
    for one in manifests:
        if one["kind"] == "Deployment":
            for container in one["spec"]["template"]["spec"]["containers"]:
                for each in container.get("ports", ()):
                    if each.get("name") in names:
                        return Port(one["metadata"]["name"], each["name"], each["containerPort"])
    return None


def with_settings_digest(manifests: list[Manifest]) -> list[Manifest]:
    """The same, workloads with a digest of the ConfigMaps and Secrets among them that their pods have."""
    settings = {
        (one["kind"], one["metadata"]["name"]): one
        for one in manifests
        if one["kind"] in {"ConfigMap", "Secret"}
    }
    return [_digested(one, settings) if one["kind"] in _WORKLOADS else one for one in manifests]


def _digested(workload: Manifest, settings: Mapping[tuple[str, str], Manifest]) -> Manifest:
    template = workload["spec"]["template"]
    used = sorted(set(_references(template["spec"])) & set(settings))
    if not used:
        return workload
    contents = [[settings[one].get(part) for part in ("data", "binaryData", "stringData")] for one in used]
    digest = hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), SETTINGS_DIGEST: digest[:16]}
    marked = {**template, "metadata": {**metadata, "annotations": annotations}}
    return {**workload, "spec": {**workload["spec"], "template": marked}}


#: Where a pod names what its settings come from, as variables or as files.
_REFERENCES = {
    "configMapRef": "ConfigMap",
    "configMapKeyRef": "ConfigMap",
    "configMap": "ConfigMap",
    "secretRef": "Secret",
    "secretKeyRef": "Secret",
    "secret": "Secret",
}


def _references(node: object) -> Iterator[tuple[str, str]]:
    """Every ConfigMap and Secret that is named anywhere in the specification of pods."""
    if isinstance(node, list):
        for one in node:
            yield from _references(one)
    if isinstance(node, dict):
        for key, value in node.items():
            if key in _REFERENCES and isinstance(value, dict):
                yield _REFERENCES[key], value.get("secretName") or value.get("name", "")
            yield from _references(value)
