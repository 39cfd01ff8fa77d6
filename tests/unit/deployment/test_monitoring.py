"""Rules and dashboard are good to the real promtool, lead to their runbooks, and open what they need."""

import subprocess
from pathlib import Path

import pytest
import yaml

from ordergen_server.configuration.settings import Settings
from tests.promtool import NoPromtoolError, promtool
from tests.unit.deployment.manifests import (
    FULL,
    MONGODB,
    REST,
    ROOT,
    SERVICE,
    container,
    listed,
    manifest,
    variant,
)
from tests.unit.deployment.monitoring import (
    COMPONENT,
    RULES,
    RULES_TEST,
    alerts,
    expressions,
    metrics_named,
    panels,
)

RUNBOOKS = ROOT / "docs" / "runbooks"


@pytest.fixture(scope="module")
def tool() -> Path:
    try:
        return promtool()
    except NoPromtoolError as error:
        pytest.skip(str(error))


def check(tool: Path, *arguments: str | Path) -> None:
    """Fail with what promtool says, unless it is content."""
    answer = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_rules_are_rules(tool: Path) -> None:
    check(tool, "check", "rules", RULES)


def test_each_alert_fires_when_it_should_and_only_then(tool: Path) -> None:
    check(tool, "test", "rules", RULES_TEST)


def test_every_expression_of_the_dashboard_is_one(tool: Path, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(expressions())]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    check(tool, "check", "rules", file)


def test_the_jobs_are_ones_that_prometheus_takes(tool: Path, tmp_path: Path) -> None:
    given = yaml.safe_load((COMPONENT / "scrape-config.yaml").read_text())
    # Debian builds its promtool without this one kind of discovery.
    assert [job.pop("kubernetes_sd_configs") for job in given] == [[{"role": "pod"}]] * 2
    file = tmp_path / "prometheus.yaml"
    file.write_text(yaml.safe_dump({"scrape_configs": given}))
    check(tool, "check", "config", "--syntax-only", file)
    assert [job["job_name"] for job in given] == [SERVICE, REST]


def test_the_adapter_asks_what_prometheus_understands(tool: Path, tmp_path: Path) -> None:
    custom = yaml.safe_load((COMPONENT / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    asked = [
        one["metricsQuery"]
        .replace("<<.GroupBy>>", "pod")
        .replace("<<.LabelMatchers>>", 'namespace="globeco"')
        for one in custom
    ]
    queries = [*asked, *(one["seriesQuery"] for one in custom)]
    rules = [{"record": f"adapter:{number}", "expr": one} for number, one in enumerate(queries)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "adapter", "rules": rules}]}))
    check(tool, "check", "rules", file)


def test_every_alert_has_tests_of_both_kinds() -> None:
    """At least one evaluation at which it fires, and one at which it does not."""
    cases = yaml.safe_load(RULES_TEST.read_text())["tests"]
    seen = {
        (one["alertname"], bool(one.get("exp_alerts"))) for case in cases for one in case["alert_rule_test"]
    }
    assert seen == {(alert["alert"], fires) for alert in alerts() for fires in (True, False)}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    pages = {alert["annotations"]["runbook_url"]: alert["alert"] for alert in alerts()}
    assert set(pages) == {str(one.relative_to(ROOT)) for one in RUNBOOKS.glob("*.md")}
    for page, alert in pages.items():
        text = (ROOT / page).read_text()
        assert text.startswith("# ")
        assert f"`{alert}`" in text


def test_an_alert_says_how_bad_it_is() -> None:
    assert {alert["labels"]["severity"] for alert in alerts()} == {"critical", "warning"}


def test_the_dashboard_lies_in_a_grid_and_every_panel_is_explained() -> None:
    places = [panel["gridPos"] for panel in panels()]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert all(panel["description"] and panel["targets"] for panel in panels())
    assert len(metrics_named()) > 20


def jobs() -> dict[str, dict[str, str]]:
    """What each job keeps, and the labels that it sets, by their sources."""
    listed = yaml.safe_load((COMPONENT / "scrape-config.yaml").read_text())
    return {
        job["job_name"]: {
            rule["source_labels"][0]: rule.get("regex", rule.get("target_label"))
            for rule in job["relabel_configs"]
        }
        for job in listed
    }


@pytest.mark.parametrize("name", [SERVICE, REST])
def test_the_jobs_find_the_pods_by_their_labels_and_ports(name: str) -> None:
    job = jobs()[name]
    (port,) = (
        one
        for one in container("Deployment", name, variant(FULL))["ports"]
        if one["name"] == job["__meta_kubernetes_pod_container_port_name"]
    )
    assert job["__meta_kubernetes_pod_label_app_kubernetes_io_name"] == name
    assert job["__meta_kubernetes_namespace"] == "namespace"
    assert job["__meta_kubernetes_pod_name"] == "pod"
    assert port["containerPort"] == {SERVICE: Settings.model_fields["metrics_port"].default, REST: 8080}[name]


def test_metrics_are_open_to_prometheus_alone_and_the_database_to_its_exporter() -> None:
    policies = [one["spec"] for one in listed(COMPONENT)]
    server, database = policies
    ports = {one["name"]: one["containerPort"] for one in container("Deployment")["ports"]}
    assert server["podSelector"] == manifest("Deployment")["spec"]["selector"]
    assert [(rule["from"], [one["port"] for one in rule["ports"]]) for rule in server["ingress"]] == [
        (
            [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitor"}}}],
            [ports["metrics"]],
        )
    ]
    assert database["podSelector"] == manifest("StatefulSet", MONGODB)["spec"]["selector"]


def test_autoscalers_ask_for_metrics_that_the_adapter_makes_of_ours() -> None:
    adapter = yaml.safe_load((COMPONENT / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    made = {rule["name"]["as"]: rule["seriesQuery"].partition("{")[0] for rule in adapter}
    asked = {
        metric["pods"]["metric"]["name"]
        for one in variant(FULL)
        if one["kind"] == "HorizontalPodAutoscaler"
        for metric in one["spec"]["metrics"]
        if metric["type"] == "Pods"
    }
    assert made.keys() == asked
    assert made == {
        "ordergen_calls_in_flight": "ordergen_calls_in_flight",
        "ordergen_rest_requests_in_flight": "http_requests_in_flight",
    }


@pytest.mark.parametrize("name", [SERVICE, REST])
def test_autoscalers_look_at_the_processor_and_at_what_is_in_flight(name: str) -> None:
    spec = manifest("HorizontalPodAutoscaler", name, variant(FULL))["spec"]
    assert [one["type"] for one in spec["metrics"]] == ["Resource", "Pods"]
    assert [one["type"] for one in manifest("HorizontalPodAutoscaler")["spec"]["metrics"]] == ["Resource"]


def test_rules_and_dashboard_are_config_maps_as_they_are() -> None:
    made = manifest("ConfigMap", "globeco-order-generation-rules", variant(FULL))
    assert made["data"] == {"ordergen-rules.yaml": RULES.read_text()}
