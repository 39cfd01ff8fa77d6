"""A cluster in which a release runs, and the next one, which changes pods, settings and a Secret."""

import copy
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.deployment.manifests import SERVICE, listed
from tests.unit.tools.deploy.cluster import FakeCluster, Pods, pods
from tools.deploy.manifests import Manifest

FORMER_SECRET, NEXT_SECRET = "Zm9ybWVyLXBhc3N3b3Jk", "bmV4dC1wYXNzd29yZA=="


def _secret(value: str) -> Manifest:
    metadata = {"name": "globeco-order-generation-extra"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": value}}


@pytest.fixture(scope="session")
def former() -> list[Manifest]:
    """What ran before: settings, a database, the service, and one more Deployment for REST."""
    kinds = {"ConfigMap", "Deployment", "StatefulSet"}
    base = [copy.deepcopy(one) for one in listed() if one["kind"] in kinds]
    rest = copy.deepcopy(next(one for one in base if one["kind"] == "Deployment"))
    rest["metadata"]["name"] = "globeco-order-generation-rest"
    rest["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 8080}]
    return [*base, _secret(FORMER_SECRET), rest]


@pytest.fixture
def following(former: list[Manifest]) -> list[Manifest]:
    """The next release: another image, another setting, another Secret, and one ConfigMap more."""
    found = copy.deepcopy(former)
    added = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "added"}, "data": {"a": "b"}}
    for one in found:
        if one["kind"] == "Secret":
            one["data"] = {"password": NEXT_SECRET}
        if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", SERVICE):
            one["data"]["ORDERGEN_LOG_LEVEL"] = "DEBUG"
        if one["kind"] == "Deployment":
            one["spec"]["template"]["spec"]["containers"][0]["image"] = f"{SERVICE}:0.2.0"
    return [added, *found]


@pytest.fixture(scope="session")
def all_pods() -> Iterator[Pods]:
    with pods() as found:
        yield found


@pytest.fixture
def serving(all_pods: Pods) -> Iterator[Pods]:
    """Pods of which nothing is wrong, until a test says so."""
    yield all_pods
    all_pods.serve(serving=True)
    all_pods.rest_status.clear()
    all_pods.asked.clear()


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The command line takes SIGTERM for itself."""
    kept = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, kept)


@pytest.fixture
def empty(tmp_path: Path, serving: Pods) -> FakeCluster:
    """A cluster in which nothing runs."""
    cluster = FakeCluster(tmp_path)
    cluster.forwards(serving.ports)
    return cluster


@pytest.fixture(scope="session")
def _deployed(tmp_path_factory: pytest.TempPathFactory, former: list[Manifest], all_pods: Pods) -> str:
    cluster = FakeCluster(tmp_path_factory.mktemp("former"))
    cluster.forwards(all_pods.ports)
    assert cluster.deploy(former) == 0
    all_pods.asked.clear()
    return (cluster.folder / "cluster.json").read_text()


@pytest.fixture
def cluster(empty: FakeCluster, _deployed: str) -> FakeCluster:
    """A cluster in which the former release runs."""
    (empty.folder / "cluster.json").write_text(_deployed)
    return empty
