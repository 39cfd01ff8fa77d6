"""compose.yaml fits its schema, the image, the settings and itself. Nothing here starts a container."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from ordergen_server.configuration.settings import Settings
from ordergen_server.rest.settings import RestSettings
from ordergen_server.sandbox.services.faults import SERVICES
from tests.promtool import NoPromtoolError, promtool
from tests.unit.deployment.dockerfile import last, stages, variables
from tests.unit.deployment.manifests import MONGODB, ROOT, SERVICE, container
from tests.unit.deployment.monitoring import COMPONENT, RULES

Service = dict[str, Any]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
ALL: dict[str, Service] = COMPOSE["services"]
OURS = [name for name, service in ALL.items() if "build" in service]
OTHERS = sorted(set(ALL) - set(OURS))
#: Where the others listen.
LISTENING = {
    "mongodb": {27017},
    "mongo-express": {8081},
    "jaeger": {4317, 16686},
    "prometheus": {9090},
    "grafana": {3000},
}
ADDRESS = re.compile(r"(?:^|//)(?P<host>[a-z-]+):(?P<port>\d+)")
PINNED = re.compile(r"[a-z/-]+:v?\d[0-9.]*@sha256:[0-9a-f]{64}")
SETTINGS: dict[str, type[BaseSettings]] = {"server": Settings, "rest": RestSettings}


def exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def started(name: str) -> list[str]:
    """The words that a service of ours starts, without those of what starts it again after changes."""
    words: list[str] = ALL[name]["command"]
    if words[0] != "watchfiles":
        return words
    (command,) = [word for word in words if word.startswith("python -m ")]
    return shlex.split(command)[2:]


def listening(name: str) -> set[int]:
    """The ports that a service listens on."""
    settings = Settings.model_fields
    match name:
        case "server":
            return {settings[one].default for one in ("port", "health_port", "metrics_port")}
        case "rest":
            return {RestSettings.model_fields["port"].default}
        case "siblings":
            return {int(word.rpartition("=")[2]) for word in started(name) if word.startswith("--port-")}
        case _:
            return LISTENING[name]


def published(name: str) -> Iterator[tuple[str, int, int]]:
    """Address, port of this machine and port of the container, of each."""
    for line in ALL[name].get("ports", ()):
        address, *ports = line.split(":")
        outside, inside = ([int(one) for one in part.split("-")] for part in ports)
        for offset in range(outside[-1] - outside[0] + 1):
            yield address, outside[0] + offset, inside[0] + offset


def mounts(name: str) -> Iterator[tuple[str, str, str]]:
    """Source, target and mode of what is mounted from the repository."""
    for line in ALL[name].get("volumes", ()):
        if line.startswith("."):
            source, target, mode = line.split(":")
            yield source, target, mode


def test_it_fits_the_schema_of_compose() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_images_of_others_are_held_by_their_digests() -> None:
    assert [ALL[name]["image"] for name in OTHERS if not PINNED.fullmatch(ALL[name]["image"])] == []
    mongodb = container("StatefulSet", MONGODB)["image"]
    assert ALL["mongodb"]["image"].partition("@")[0] == mongodb.partition("@")[0]


def test_our_images_are_targets_that_start_what_there_is() -> None:
    targets = {name: ALL[name]["build"]["target"] for name in OURS}
    assert targets == {"siblings": "sandbox", "server": "development", "rest": "development"}
    for name, target in targets.items():
        assert target in stages()
        assert json.loads(last(target, "ENTRYPOINT")) == ["python", "-m"]
        assert exists(ALL[name]["command"][0])
        module, *_ = started(name)
        assert exists(module)


def test_code_is_mounted_where_it_runs_and_watched() -> None:
    for name in ("server", "rest"):
        assert (".", last("development", "WORKDIR"), "ro") in mounts(name)
        words = ALL[name]["command"]
        watched = words[words.index(next(one for one in words if one.startswith("python -m"))) + 1 :]
        assert watched
        assert [folder for folder in watched if not (ROOT / folder).is_dir()] == []


def test_what_runs_our_code_may_do_as_little_as_in_the_cluster() -> None:
    for name in OURS:
        assert ALL[name]["read_only"] is True
        assert ALL[name]["cap_drop"] == ["ALL"]
        assert ALL[name]["security_opt"] == ["no-new-privileges"]


@pytest.mark.parametrize(("name", "settings"), SETTINGS.items())
def test_variables_are_settings_and_make_ones_that_a_server_starts_with(
    name: str, settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {key: value for key, value in ALL[name]["environment"].items() if key.startswith("ORDERGEN_")}
    prefix = settings.model_config["env_prefix"]
    assert {key.removeprefix(prefix).lower() for key in told} <= settings.model_fields.keys()
    monkeypatch.delenv("ORDERGEN_COMPUTE_PROCESSES", raising=False)
    image = {key: value for key, value in variables("development").items() if key.startswith("ORDERGEN_")}
    for key, value in {**image, **told}.items():
        monkeypatch.setenv(key, value)
    settings()


def test_every_address_is_of_a_service_that_listens_there() -> None:
    texts = [value for service in ALL.values() for value in service.get("environment", {}).values()]
    texts += [
        one["url"]
        for file in (ROOT / "compose" / "grafana" / "datasources").glob("*.yaml")
        for one in yaml.safe_load(file.read_text())["datasources"]
    ]
    jobs = yaml.safe_load((ROOT / "compose" / "prometheus.yml").read_text())["scrape_configs"]
    texts += [target for job in jobs for one in job["static_configs"] for target in one["targets"]]
    found = {(match["host"], int(match["port"])) for text in texts for match in ADDRESS.finditer(text)}
    assert len(found) > 8
    assert [(host, port) for host, port in found if port not in listening(host)] == []


def test_siblings_have_the_options_that_they_are_given() -> None:
    options = {word.partition("=")[0] for word in started("siblings")[1:]}
    assert options == {"--host", *(f"--port-{name}" for name in (*SERVICES, "grpc"))}


def test_ports_are_published_once_and_on_this_machine_alone() -> None:
    every = [(name, *one) for name in ALL for one in published(name)]
    assert {address for _, address, _, _ in every} == {"127.0.0.1"}
    outside = [port for _, _, port, _ in every]
    assert sorted(outside) == sorted(set(outside))
    assert [(name, port) for name, _, _, port in every if port not in listening(name)] == []


def test_what_is_mounted_is_there_and_only_read() -> None:
    every = [one for name in ALL for one in mounts(name)]
    assert [source for source, _, _ in every if not (ROOT / source).exists()] == []
    assert {mode for _, _, mode in every} == {"ro"}


def test_who_waits_for_health_waits_for_something_that_is_checked() -> None:
    waits = [
        (name, other, how["condition"])
        for name, service in ALL.items()
        for other, how in service.get("depends_on", {}).items()
    ]
    assert {("server", "mongodb", "service_healthy"), ("rest", "server", "service_healthy")} <= set(waits)
    assert [(name, other) for name, other, how in waits if how != "service_healthy"] == [("server", "jaeger")]
    assert [
        other for _, other, how in waits if how == "service_healthy" and "healthcheck" not in ALL[other]
    ] == []
    TopologicalSorter({name: service.get("depends_on", {}) for name, service in ALL.items()}).prepare()


def test_checks_of_health_need_no_shell() -> None:
    checks = {
        name: service["healthcheck"]["test"] for name, service in ALL.items() if "healthcheck" in service
    }
    assert set(checks) == {"mongodb", "siblings", "server", "rest", "prometheus", "grafana"}
    assert {words[0] for words in checks.values()} == {"CMD"}
    for name in ("server", "rest"):
        assert checks[name] == ["CMD", "python", "-m", "ordergen_server.health", name]


def test_the_replica_set_is_the_one_that_is_asked_for() -> None:
    script = (ROOT / "compose" / "mongodb" / "replica-set.js").read_text()
    name, host = re.findall(r'_id: "(\w+)".*host: "([a-z0-9:]+)"', script)[0]
    assert ["--replSet", name] == ALL["mongodb"]["command"][1:3]
    assert host == "mongodb:27017"
    for service, variable in (("server", "ORDERGEN_MONGODB_URI"), ("mongo-express", "ME_CONFIG_MONGODB_URL")):
        assert ALL[service]["environment"][variable] == f"mongodb://{host}/?replicaSet={name}"


def test_prometheus_takes_its_configuration_with_our_rules(tmp_path: Path) -> None:
    try:
        tool = promtool()
    except NoPromtoolError as error:
        pytest.skip(str(error))
    for source, target, _ in mounts("prometheus"):
        (tmp_path / Path(target).name).write_text((ROOT / source).read_text())
    assert (tmp_path / RULES.name).read_text() == RULES.read_text()
    command = [str(tool), "check", "config", str(tmp_path / "prometheus.yml")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    jobs = yaml.safe_load((tmp_path / "prometheus.yml").read_text())["scrape_configs"]
    assert SERVICE in [job["job_name"] for job in jobs]


def test_grafana_has_the_dashboard_and_both_sources() -> None:
    targets = {target: source for source, target, _ in mounts("grafana")}
    folder = ROOT / "compose" / "grafana"
    (provider,) = yaml.safe_load((folder / "dashboards" / "dashboards.yaml").read_text())["providers"]
    dashboard = f"{provider['options']['path']}/ordergen-dashboard.json"
    assert ROOT / targets[dashboard] == COMPONENT / "ordergen-dashboard.json"
    assert ALL["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == dashboard
    sources = yaml.safe_load((folder / "datasources" / "datasources.yaml").read_text())["datasources"]
    assert [(one["type"], one.get("isDefault", False)) for one in sources] == [
        ("prometheus", True),
        ("jaeger", False),
    ]
    for kind in ("datasources", "dashboards"):
        assert targets[f"/etc/grafana/provisioning/{kind}"] == f"./compose/grafana/{kind}"
