"""kubernetes/base runs the server and its database as they need it."""

import re
from urllib.parse import urlsplit

import pytest
import yaml

from ordergen_server.configuration.settings import Settings
from tests.unit.deployment.manifests import (
    BASE,
    GRPC,
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

WORKLOADS = [("Deployment", SERVICE), ("StatefulSet", MONGODB)]
each_workload = pytest.mark.parametrize(("kind", "name"), WORKLOADS)


def test_every_file_is_listed_and_is_rendered_as_it_is() -> None:
    def key(resource: Manifest) -> tuple[str, str]:
        return resource["kind"], resource["metadata"]["name"]

    assert sorted(rendered(), key=key) == sorted(listed(), key=key)
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    assert {path.name for path in BASE.glob("*.yaml")} == {"kustomization.yaml", *kustomization["resources"]}


def test_the_server_is_configured_by_settings_it_has() -> None:
    data = manifest("ConfigMap")["data"]
    known = {variable(field): field for field in Settings.model_fields}
    assert {"ORDERGEN_MONGODB_URI_FILE"} == data.keys() - known.keys()
    data = {name: value for name, value in data.items() if name in known}
    # Reading them is the check that the values are good.
    settings = Settings.model_validate({known[name]: value for name, value in data.items()})
    assert (settings.port, settings.health_port, settings.metrics_port) == (8088, 8089, 9090)
    assert (settings.api_host, settings.health_host) == ("0.0.0.0", "0.0.0.0")  # noqa: S104 - probes and clients reach them


def test_the_address_of_the_database_is_a_file_of_a_secret() -> None:
    server, (volume,) = container("Deployment"), pod_spec("Deployment")["volumes"]
    (mount,) = server["volumeMounts"]
    assert server["envFrom"] == [{"configMapRef": {"name": SERVICE}}]
    assert manifest("ConfigMap")["data"]["ORDERGEN_MONGODB_URI_FILE"] == f"{mount['mountPath']}/uri"
    assert volume["projected"]["defaultMode"] == 0o440
    assert "secretKeyRef" not in str(server)


def test_traces_go_to_the_collector_of_the_node() -> None:
    given = {one["name"]: one for one in container("Deployment")["env"]}
    assert given["NODE_IP"]["valueFrom"] == {"fieldRef": {"fieldPath": "status.hostIP"}}
    assert given["OTEL_EXPORTER_OTLP_ENDPOINT"]["value"] == "http://$(NODE_IP):4317"
    names = list(given)
    for place, one in enumerate(given.values()):  # a variable knows those alone that come before it
        assert set(re.findall(r"\$\((\w+)\)", one.get("value", ""))) <= set(names[:place])


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
def test_services_are_headless_and_lead_to_ports_of_the_same_number(kind: str, name: str) -> None:
    """Whoever looks up a headless Service reaches pods by themselves, at the ports that these have."""
    service = manifest("Service", GRPC if name == SERVICE else name)["spec"]
    ports = {one["name"]: one["containerPort"] for one in container(kind, name)["ports"]}
    assert service["clusterIP"] == "None"
    assert [ports[one["targetPort"]] for one in service["ports"]] == [one["port"] for one in service["ports"]]


@each_workload
def test_pods_are_spread_over_those_like_them(kind: str, name: str) -> None:
    labels = manifest(kind, name)["spec"]["selector"]["matchLabels"]
    spread = pod_spec(kind, name).get("topologySpreadConstraints", [])
    assert [labels] * len(spread) == [one["labelSelector"]["matchLabels"] for one in spread]


def test_the_name_of_the_suite_is_left_to_http() -> None:
    """The component `rest` has the Service that the portal calls; nothing else may answer by its name."""
    assert {one["metadata"]["name"] for one in rendered() if one["kind"] == "Service"} == {GRPC, MONGODB}


def test_nothing_is_open_that_is_not_opened() -> None:
    denied = manifest("NetworkPolicy", "globeco-order-generation-default-deny")["spec"]
    assert denied == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "globeco-order-generation"}},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_the_siblings_are_reached_where_their_addresses_say() -> None:
    data, rules = manifest("ConfigMap")["data"], manifest("NetworkPolicy")["spec"]["egress"]
    opened = {
        (peer["podSelector"]["matchLabels"].get("app"), port["port"])
        for rule in rules
        for peer in rule["to"]
        for port in rule["ports"]
    }
    urls = [urlsplit(value) for name, value in data.items() if name.endswith("_URL")]
    assert {(one.hostname, one.port) for one in urls} == {one for one in opened if one[0]}


def test_the_service_account_holds_no_token() -> None:
    assert manifest("ServiceAccount")["automountServiceAccountToken"] is False


def test_the_database_asks_for_tls_and_users() -> None:
    configuration = yaml.safe_load(manifest("ConfigMap", MONGODB)["data"]["mongod.conf"])
    mongodb, (keyfile,) = (
        container("StatefulSet", MONGODB),
        pod_spec("StatefulSet", MONGODB)["initContainers"],
    )
    folders = {one["mountPath"] for one in mongodb["volumeMounts"]}
    tls, security = configuration["net"]["tls"], configuration["security"]
    assert (tls["mode"], security["authorization"]) == ("requireTLS", "enabled")
    files = (tls["CAFile"], tls["certificateKeyFile"], security["keyFile"])
    assert {one.rpartition("/")[0] for one in files} <= folders
    assert configuration["storage"]["dbPath"] in folders
    assert keyfile["command"][-1] == security["keyFile"]
    assert mongodb["command"][-1].rpartition("/")[0] in folders


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe"])
def test_the_probes_of_the_database_trust_its_authority_and_name_it(probe: str) -> None:
    command = container("StatefulSet", MONGODB)[probe]["exec"]["command"]
    configuration = yaml.safe_load(manifest("ConfigMap", MONGODB)["data"]["mongod.conf"])
    assert f"--tlsCAFile={configuration['net']['tls']['CAFile']}" in command
    assert "--host=127.0.0.1" in command


def test_the_member_is_found_by_its_name_before_it_is_ready() -> None:
    assert manifest("Service", MONGODB)["spec"]["publishNotReadyAddresses"] is True


def test_the_data_of_the_database_is_kept() -> None:
    stateful_set, mongodb = manifest("StatefulSet", MONGODB)["spec"], container("StatefulSet", MONGODB)
    (claim,) = stateful_set["volumeClaimTemplates"]
    mounts = {one["mountPath"]: one["name"] for one in mongodb["volumeMounts"]}
    configuration = yaml.safe_load(manifest("ConfigMap", MONGODB)["data"]["mongod.conf"])
    folder = configuration["storage"]["dbPath"]
    assert claim["metadata"]["name"] == mounts[folder]
    assert stateful_set["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    }
