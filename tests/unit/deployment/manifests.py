"""The resources of kubernetes/base, as the cluster gets them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
BASE = ROOT / "kubernetes" / "base"
SERVICE = "globeco-order-generation-service"
MONGODB = "globeco-order-generation-mongodb"

Manifest = dict[str, Any]


def rendered() -> list[Manifest]:
    """What `kubectl kustomize` makes; on a machine without it, what the kustomization lists."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return listed()
    answer = subprocess.run(
        [kubectl, "kustomize", str(BASE)], capture_output=True, text=True, check=True, timeout=60
    )
    return _documents(answer.stdout)


def listed() -> list[Manifest]:
    """What the files hold that kustomization.yaml lists."""
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    return [one for name in kustomization["resources"] for one in _documents((BASE / name).read_text())]


def manifest(kind: str, name: str = SERVICE) -> Manifest:
    """The one resource of a kind and name."""
    (found,) = (one for one in rendered() if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return found


def pod_spec(kind: str, name: str = SERVICE) -> Manifest:
    """The pods a Deployment or StatefulSet makes."""
    spec: Manifest = manifest(kind, name)["spec"]["template"]["spec"]
    return spec


def container(kind: str, name: str = SERVICE) -> Manifest:
    """The one container of those pods."""
    (only,) = pod_spec(kind, name)["containers"]
    found: Manifest = only
    return found


def _documents(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document]
