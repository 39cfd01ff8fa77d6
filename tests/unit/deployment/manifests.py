"""The resources of kubernetes/ as the cluster gets them: the base, with components, and overlays."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from tests.limits import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
KUBERNETES = ROOT / "kubernetes"
BASE, COMPONENTS, OVERLAYS = (KUBERNETES / name for name in ("base", "components", "overlays"))
#: That of the lock, so that everybody renders the same.
KUBECTL = Path(sys.executable).with_name("kubectl")
SERVICE = "globeco-order-generation-service"
REST = "globeco-order-generation-rest"
GRPC = "globeco-order-generation-grpc"
MONGODB = f"{SERVICE}-mongodb"

Manifest = dict[str, Any]

#: The components in the order in which they build on each other.
ORDER = ("rest", "scale", "mongodb-replica-set", "gateway-api", "monitoring", "tls")
#: What makes no sense without another: a component, and what it needs.
NEEDS = {"gateway-api": "rest"}
SETS_OF_COMPONENTS = [
    chosen
    for count in range(len(ORDER) + 1)
    for chosen in combinations(ORDER, count)
    if all(NEEDS.get(one, one) in chosen for one in chosen)
]
#: Everything that is rendered: overlays by name, and every set of components on the base.
VARIANTS = [
    *(f"overlays/{one}" for one in ("dev", "staging", "prod")),
    *("+".join(("base", *chosen)) for chosen in SETS_OF_COMPONENTS),
]
#: That of them which has everything.
FULL = "+".join(("base", *ORDER))


@cache
def variant(name: str) -> Sequence[Manifest]:
    """What `kubectl kustomize` makes of one of `VARIANTS`."""
    if name.startswith("overlays/"):
        return _documents(_kustomized(KUBERNETES / name))
    components = [f"../../components/{one}" for one in name.split("+")[1:]]
    return overlaid({"namespace": "tried", "resources": ["../../base"], "components": components})


def overlaid(kustomization: Manifest) -> list[Manifest]:
    """What `kubectl kustomize` makes of another overlay."""
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(shutil.copytree(KUBERNETES, Path(folder) / "kubernetes"))
        overlay = copied / "overlays" / "tried"
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return _documents(_kustomized(overlay))


@cache
def rendered() -> Sequence[Manifest]:
    """What `kubectl kustomize` makes of the base."""
    return _documents(_kustomized(BASE))


def listed(folder: Path = BASE) -> list[Manifest]:
    """What the files hold that a kustomization.yaml lists."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return [one for name in kustomization["resources"] for one in _documents((folder / name).read_text())]


def manifest(kind: str, name: str = SERVICE, among: Iterable[Manifest] | None = None) -> Manifest:
    """The one resource of a kind and name, of the base where nothing else is given."""
    (found,) = (
        one
        for one in (rendered() if among is None else among)
        if (one["kind"], one["metadata"]["name"]) == (kind, name)
    )
    return found


def pod_spec(kind: str, name: str = SERVICE, among: Iterable[Manifest] | None = None) -> Manifest:
    """The pods a Deployment or StatefulSet makes."""
    spec: Manifest = manifest(kind, name, among)["spec"]["template"]["spec"]
    return spec


def container(kind: str, name: str = SERVICE, among: Iterable[Manifest] | None = None) -> Manifest:
    """The one container of those pods."""
    (only,) = pod_spec(kind, name, among)["containers"]
    found: Manifest = only
    return found


def pod_templates(resources: Iterable[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The name of every workload, with the template of its pods."""
    for one in resources:
        spec = one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one.get("spec", {})
        if "template" in spec:
            yield one["metadata"]["name"], spec["template"]


def _kustomized(folder: Path) -> str:
    answer = subprocess.run(
        [KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def _documents(text: str) -> list[Manifest]:
    return [document for document in yaml.load_all(text, Loader=_LOADER) if document]


#: The parser in C is ten times as fast as the one in Python.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
