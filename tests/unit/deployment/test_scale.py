"""kubernetes/components/scale fits the base and what the server and its workers listen on."""

from typing import Any

import pytest
import yaml

from ordergen_server.configuration.settings import Settings
from tests.unit.deployment.manifests import ROOT, SERVICE, container, pod_spec

COMPONENT = ROOT / "kubernetes" / "components" / "scale"
SCHEDULER, WORKER = "globeco-order-generation-scheduler", "globeco-order-generation-worker"
KUSTOMIZATION = yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())


def resources() -> list[dict[str, Any]]:
    texts = [(COMPONENT / name).read_text() for name in KUSTOMIZATION["resources"]]
    return [one for text in texts for one in yaml.safe_load_all(text)]


def resource(kind: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in resources() if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = resource("Deployment", name)["spec"]["template"]["spec"]
    return spec


def test_every_file_is_listed() -> None:
    assert {path.name for path in COMPONENT.glob("*.yaml")} == {
        *KUSTOMIZATION["resources"],
        "kustomization.yaml",
    }


def test_the_server_is_told_where_the_scheduler_is() -> None:
    (patch,) = KUSTOMIZATION["patches"]
    assert patch["target"] == {"kind": "ConfigMap", "name": SERVICE}
    (operation,) = yaml.safe_load(patch["patch"])
    assert operation["path"] == "/data/ORDERGEN_DASK_SCHEDULER"
    (port,) = resource("Service", SCHEDULER)["spec"]["ports"]
    assert operation["value"] == f"tcp://{SCHEDULER}:{port['port']}"
    assert Settings(dask_scheduler=operation["value"]).dask_scheduler == operation["value"]


def test_workers_have_what_the_server_has() -> None:
    (worker,), server = pod(WORKER)["containers"], container("Deployment")
    assert worker["envFrom"] == server["envFrom"]
    assert {one["containers"][0]["image"] for one in map(pod, (WORKER, SCHEDULER))} == {server["image"]}
    (database,) = [one for one in pod(WORKER)["volumes"] if one["name"] == "mongodb"]
    assert [database] == pod_spec("Deployment")["volumes"]


@pytest.mark.parametrize(("name", "port"), [(SCHEDULER, 8786), (WORKER, 8790)])
def test_pods_listen_where_the_policies_open_them(name: str, port: int) -> None:
    (only,) = pod(name)["containers"]
    assert f"--port={port}" in only["args"]
    assert port in [one["containerPort"] for one in only["ports"]]


def test_workers_come_and_go_with_the_work() -> None:
    target = resource("HorizontalPodAutoscaler", WORKER)["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", WORKER)
    assert "replicas" not in resource("Deployment", WORKER)["spec"]


def test_the_base_has_as_many_compute_processes_as_processors() -> None:
    """By default it would be as many as the node has, in a pod that has the memory of two."""
    limit = container("Deployment")["resources"]["limits"]["cpu"]
    base = yaml.safe_load((ROOT / "kubernetes" / "base" / "config-map.yaml").read_text())
    assert base["data"]["ORDERGEN_COMPUTE_PROCESSES"] == limit
