"""kubernetes/base is valid, agrees with itself, and configures the server by settings it has."""

import re

import kubernetes_validate
import pytest

from ordergen_server.settings import Settings
from tests.unit.deployment.manifests import (
    BASE,
    MONGODB,
    SERVICE,
    Manifest,
    container,
    listed,
    manifest,
    pod_spec,
    rendered,
)
from tools.configuration import variable

OLDEST_KUBERNETES = "1.30"  # the first with a preStop hook that sleeps
WORKLOADS = [("Deployment", SERVICE), ("StatefulSet", MONGODB)]
each_workload = pytest.mark.parametrize(("kind", "name"), WORKLOADS)


@pytest.mark.parametrize("version", [OLDEST_KUBERNETES, kubernetes_validate.latest_version()])
def test_every_manifest_is_valid(version: str) -> None:
    for resource in rendered():
        kubernetes_validate.validate(resource, version, strict=True)


def test_the_base_is_complete() -> None:
    expected = {
        ("ServiceAccount", SERVICE),
        ("ConfigMap", SERVICE),
        ("Deployment", SERVICE),
        ("Service", SERVICE),
        ("PodDisruptionBudget", SERVICE),
        ("ConfigMap", MONGODB),
        ("StatefulSet", MONGODB),
        ("Service", MONGODB),
        ("NetworkPolicy", MONGODB),
    }
    assert expected == {(one["kind"], one["metadata"]["name"]) for one in rendered()}


def test_every_file_is_listed_and_is_rendered_as_it_is() -> None:
    def key(resource: Manifest) -> tuple[str, str]:
        return resource["kind"], resource["metadata"]["name"]

    assert sorted(rendered(), key=key) == sorted(listed(), key=key)
    assert len(listed()) == len([path for path in BASE.glob("*.yaml") if path.stem != "kustomization"])


def test_no_secret_is_in_the_base() -> None:
    assert [one for one in rendered() if one["kind"] == "Secret"] == []


def test_the_server_is_configured_by_settings_it_has() -> None:
    data = manifest("ConfigMap")["data"]
    known = {variable(field): field for field in Settings.model_fields}
    assert set() == data.keys() - known.keys()
    assert {"ORDERGEN_MONGODB_URI"} == {one["name"] for one in container("Deployment")["env"]}
    # Reading them is the check that the values are good.
    settings = Settings.model_validate({known[name]: value for name, value in data.items()})
    assert (settings.port, settings.health_port, settings.metrics_port) == (8088, 8089, 9090)
    assert (settings.api_host, settings.health_host) == ("0.0.0.0", "0.0.0.0")  # noqa: S104 - probes and clients reach them


def test_the_server_gets_the_config_map_and_the_secret() -> None:
    server = container("Deployment")
    assert server["envFrom"] == [{"configMapRef": {"name": SERVICE}}]
    (uri,) = server["env"]
    assert uri["valueFrom"] == {"secretKeyRef": {"name": MONGODB, "key": "uri"}}


@each_workload
def test_no_variables_are_made_of_services(kind: str, name: str) -> None:
    """ORDERGEN_PORT=tcp://10.0.0.1:8088 of a Service named `ordergen` would be taken for the setting."""
    assert pod_spec(kind, name)["enableServiceLinks"] is False


def test_a_drain_ends_before_the_pod_is_killed() -> None:
    drain_seconds = float(manifest("ConfigMap")["data"]["ORDERGEN_DRAIN_SECONDS"])
    pause_seconds = container("Deployment")["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod_spec("Deployment")["terminationGracePeriodSeconds"] > drain_seconds + pause_seconds


def test_liveness_outlasts_a_drain() -> None:
    probe = container("Deployment")["livenessProbe"]
    drain_seconds = float(manifest("ConfigMap")["data"]["ORDERGEN_DRAIN_SECONDS"])
    assert probe["periodSeconds"] * probe["failureThreshold"] > drain_seconds


def test_only_readiness_follows_the_database() -> None:
    """The overall status ("") follows it; a liveness probe that did would restart every pod in an outage."""
    server = container("Deployment")
    services = {
        name: server[name]["grpc"].get("service", "")
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert services == {"startupProbe": "liveness", "livenessProbe": "liveness", "readinessProbe": ""}


def test_probes_of_the_server_use_the_health_port() -> None:
    server = container("Deployment")
    ports = {one["name"]: one["containerPort"] for one in server["ports"]}
    assert ports == {"grpc": 8088, "health": 8089, "metrics": 9090}
    probes = [server[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert [ports["health"]] * 3 == [probe["grpc"]["port"] for probe in probes]


def test_the_configured_ports_are_the_container_ports() -> None:
    data = manifest("ConfigMap")["data"]
    names = ("ORDERGEN_PORT", "ORDERGEN_HEALTH_PORT", "ORDERGEN_METRICS_PORT")
    configured = [int(data[name]) for name in names]
    assert configured == [one["containerPort"] for one in container("Deployment")["ports"]]


def test_the_probe_of_the_database_knocks_at_its_port() -> None:
    mongodb = container("StatefulSet", MONGODB)
    assert [mongodb["livenessProbe"]["tcpSocket"]["port"]] == [
        one["containerPort"] for one in mongodb["ports"]
    ]


@each_workload
def test_selectors_match_the_labels_of_the_pods(kind: str, name: str) -> None:
    workload, service = manifest(kind, name)["spec"], manifest("Service", name)["spec"]
    labels = workload["template"]["metadata"]["labels"]
    assert labels == workload["selector"]["matchLabels"]
    assert labels == service["selector"]
    spread = workload["template"]["spec"].get("topologySpreadConstraints", [])
    assert [labels] * len(spread) == [one["labelSelector"]["matchLabels"] for one in spread]


@each_workload
def test_services_are_headless_and_lead_to_ports_that_exist(kind: str, name: str) -> None:
    service = manifest("Service", name)["spec"]
    ports = {one["name"]: one["containerPort"] for one in container(kind, name)["ports"]}
    assert service["clusterIP"] == "None"
    assert [ports[one["targetPort"]] for one in service["ports"]] == [one["port"] for one in service["ports"]]


def test_the_budget_and_the_policy_choose_existing_pods() -> None:
    policy, budget = manifest("NetworkPolicy", MONGODB)["spec"], manifest("PodDisruptionBudget")["spec"]
    server = manifest("Deployment")["spec"]["selector"]
    ((source,),) = (rule["from"] for rule in policy["ingress"])
    assert server == budget["selector"]
    assert server == source["podSelector"]
    assert manifest("StatefulSet", MONGODB)["spec"]["selector"] == policy["podSelector"]


@each_workload
def test_pods_are_restricted(kind: str, name: str) -> None:
    """As the Pod Security Standard `restricted` asks, and with a root file system that is read-only."""
    pod, only = pod_spec(kind, name), container(kind, name)
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    security = pod["securityContext"]
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert pod["automountServiceAccountToken"] is False


@each_workload
def test_pods_say_what_they_need(kind: str, name: str) -> None:
    resources = container(kind, name)["resources"]
    assert {"cpu", "memory"} == resources["requests"].keys()
    assert {"cpu", "memory"} == resources["limits"].keys()


def test_the_service_account_is_ours_and_holds_no_token() -> None:
    assert pod_spec("Deployment")["serviceAccountName"] == SERVICE
    assert manifest("ServiceAccount")["automountServiceAccountToken"] is False


def test_the_replica_set_is_made_under_the_name_it_is_started_with() -> None:
    stateful_set, mongodb = manifest("StatefulSet", MONGODB)["spec"], container("StatefulSet", MONGODB)
    command = mongodb["command"]
    ((script_name, script),) = manifest("ConfigMap", MONGODB)["data"].items()
    (initiated,) = re.findall(r'rs\.initiate\(\{ _id: "(\w+)"', script)
    (host,) = re.findall(r'const host = "([^"]+)"', script)
    assert initiated == command[command.index("--replSet") + 1]
    assert host == f"{MONGODB}-0.{stateful_set['serviceName']}:27017"
    assert stateful_set["replicas"] == 1
    assert mongodb["startupProbe"]["exec"]["command"][-1] == f"/scripts/{script_name}"


def test_the_member_is_found_by_its_name_before_it_is_ready() -> None:
    assert manifest("Service", MONGODB)["spec"]["publishNotReadyAddresses"] is True


def test_the_data_of_the_database_is_kept() -> None:
    stateful_set, mongodb = manifest("StatefulSet", MONGODB)["spec"], container("StatefulSet", MONGODB)
    (claim,) = stateful_set["volumeClaimTemplates"]
    mounts = {one["mountPath"]: one["name"] for one in mongodb["volumeMounts"]}
    folder = mongodb["command"][mongodb["command"].index("--dbpath") + 1]
    assert claim["metadata"]["name"] == mounts[folder]
    assert stateful_set["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    }


@each_workload
def test_every_volume_mounted_exists(kind: str, name: str) -> None:
    pod, only = pod_spec(kind, name), container(kind, name)
    claims = manifest(kind, name)["spec"].get("volumeClaimTemplates", [])
    volumes = {one["name"] for one in pod.get("volumes", [])} | {one["metadata"]["name"] for one in claims}
    assert volumes == {one["name"] for one in only.get("volumeMounts", [])}
