"""Every overlay, and the base with every set of components: valid, complete, closed and restricted."""

import json
from collections.abc import Iterator, Sequence
from functools import cache

import kubernetes_validate
import pytest
import yaml

from ordergen_server.api.calls import SERVICES
from ordergen_server.rest.settings import RestSettings
from tests.unit.deployment.manifests import (
    FULL,
    GRPC,
    MONGODB,
    OVERLAYS,
    REST,
    SERVICE,
    VARIANTS,
    Manifest,
    container,
    manifest,
    pod_templates,
    variant,
)
from tests.unit.deployment.network import flows, idle
from tests.unit.deployment.references import dangling
from tests.unit.deployment.restricted import unrestricted

OLDEST_KUBERNETES = "1.30"  # the first with a preStop hook that sleeps
#: kubernetes-validate has the schemas of Kubernetes itself alone; of these only the references are checked.
OTHERS = ("cert-manager.io/", "gateway.networking.k8s.io/")
SCHEDULER, WORKER, BACKUP = (f"globeco-order-generation-{one}" for one in ("scheduler", "worker", "backup"))
#: Who must reach whom, and at what, of those that are there.
FLOWS = {
    (REST, SERVICE, 8088),
    (SERVICE, MONGODB, 27017),
    (MONGODB, MONGODB, 27017),
    (BACKUP, MONGODB, 27017),
    (SERVICE, SCHEDULER, 8786),
    (SERVICE, WORKER, 8790),
    (SCHEDULER, WORKER, 8790),
    (WORKER, SCHEDULER, 8786),
    (WORKER, MONGODB, 27017),
}


@cache
def problems_of_schema(text: str, version: str) -> str:
    """What kubernetes-validate has against a resource; most are the same in most variants."""
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return ""


def invalid(resources: Sequence[Manifest]) -> Iterator[str]:
    for one in resources:
        if not one["apiVersion"].startswith(OTHERS):
            text = json.dumps(one)
            for version in (OLDEST_KUBERNETES, kubernetes_validate.latest_version()):
                if problem := problems_of_schema(text, version):
                    yield f"{one['kind']} {one['metadata']['name']}: {problem}"


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_valid_and_complete_and_opens_what_is_needed(name: str) -> None:
    resources = variant(name)
    present = {workload for workload, _ in pod_templates(resources)}
    assert list(invalid(resources)) == []
    assert list(dangling(resources)) == []
    assert list(unrestricted(resources)) == []
    assert list(idle(resources)) == []
    assert flows(resources) == {one for one in FLOWS if {one[0], one[1]} <= present}
    assert "Secret" not in {one["kind"] for one in resources}
    assert len({one["metadata"]["namespace"] for one in resources}) == 1
    labels = [one["metadata"]["labels"] for one in (*resources, *dict(pod_templates(resources)).values())]
    assert {one.get("app.kubernetes.io/part-of") for one in labels} == {"globeco-order-generation"}


def test_production_is_found_under_the_names_that_the_suite_knows() -> None:
    """The portal's and the gateway's base URL is HTTP; the exporter of the database has its name and port."""
    found = variant("overlays/prod")
    service, database = manifest("Service", SERVICE, found), manifest("Service", MONGODB, found)
    assert {one["metadata"]["namespace"] for one in found} == {"globeco"}
    assert service["spec"]["selector"] == {"app.kubernetes.io/name": REST}
    assert [one["port"] for one in service["spec"]["ports"]] == [8088]
    assert [one["port"] for one in database["spec"]["ports"]] == [27017]
    assert manifest("ConfigMap", REST, found)["data"]["ORDERGEN_REST_ROOT_PATH"] == "/order-gen"


def test_routes_leave_the_prefix_to_the_front() -> None:
    found = variant(FULL)
    rules = manifest("HTTPRoute", among=found)["spec"]["rules"]
    (ingress,) = manifest("Ingress", among=found)["spec"]["rules"]
    assert not any("filters" in one for one in rules)
    assert [match["path"]["value"] for one in rules for match in one["matches"]] == [
        "/order-gen/api/v2",
        "/order-gen",
    ]
    assert [one["path"] for one in ingress["http"]["paths"]] == ["/order-gen"]


def test_every_service_of_the_api_has_its_route() -> None:
    (rule,) = manifest("GRPCRoute", GRPC, variant(FULL))["spec"]["rules"]
    routed = {one["method"]["service"] for one in rule["matches"]}
    assert routed == {*(one.full_name for one in SERVICES), "grpc.health.v1.Health"}


def test_no_gateway_cuts_off_a_stream() -> None:
    """Who leaves the stream that started a run has the run cancelled."""
    rules = manifest("HTTPRoute", among=variant(FULL))["spec"]["rules"]
    limits = {one["matches"][0]["path"]["value"]: one["timeouts"]["request"] for one in rules}
    assert limits == {"/order-gen/api/v2": "0s", "/order-gen": "60s"}


def test_overlays_differ_in_size() -> None:
    def size(name: str) -> tuple[int, int]:
        scaler = manifest("HorizontalPodAutoscaler", among=variant(name))["spec"]
        return scaler["minReplicas"], scaler["maxReplicas"]

    sizes = [size(f"overlays/{one}") for one in ("dev", "staging", "prod")]
    assert sizes == sorted(set(sizes))


def test_every_overlay_has_a_namespace_that_is_marked() -> None:
    text = (OVERLAYS.parent / "namespaces.yaml").read_text()
    namespaces = {one["metadata"]["name"]: one["metadata"]["labels"] for one in yaml.safe_load_all(text)}
    used = {yaml.safe_load(one.read_text())["namespace"] for one in OVERLAYS.glob("*/kustomization.yaml")}
    assert namespaces.keys() == used
    for labels in namespaces.values():
        assert set(labels.values()) == {"restricted"}


@pytest.mark.parametrize("name", ["base+rest", FULL])
def test_the_front_is_configured_by_settings_that_it_takes(name: str) -> None:
    data = manifest("ConfigMap", REST, variant(name))["data"]
    fields = {one.removeprefix("ORDERGEN_REST_").lower(): value for one, value in data.items()}
    settings = RestSettings.model_validate(fields)
    service = manifest("Service", GRPC, variant(name))
    assert settings.target == f"dns:///{GRPC}:{service['spec']['ports'][0]['port']}"
    assert [settings.port] == [
        one["containerPort"] for one in container("Deployment", REST, variant(name))["ports"]
    ]
    assert settings.listening_host == "0.0.0.0"  # noqa: S104 - what a setting says, where nobody listens
