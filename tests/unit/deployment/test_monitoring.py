"""Rules and dashboard are good to the real promtool, lead to their runbooks, and open what they need."""

import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from ordergen_server.settings import Settings
from tests.promtool import NoPromtoolError, promtool
from tests.unit.deployment.manifests import BASE, ROOT, SERVICE, container, manifest
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


def test_the_job_is_one_that_prometheus_takes(tool: Path, tmp_path: Path) -> None:
    jobs = yaml.safe_load((COMPONENT / "scrape-config.yaml").read_text())
    # Debian builds its promtool without this one kind of discovery.
    assert [job.pop("kubernetes_sd_configs") for job in jobs] == [[{"role": "pod"}]]
    file = tmp_path / "prometheus.yaml"
    file.write_text(yaml.safe_dump({"scrape_configs": jobs}))
    check(tool, "check", "config", "--syntax-only", file)
    assert [job["job_name"] for job in jobs] == [SERVICE]


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


def test_metrics_are_open_to_prometheus_alone_and_the_rest_to_all() -> None:
    policy = yaml.safe_load((COMPONENT / "network-policy.yaml").read_text())
    kubernetes_validate.validate(policy, "1.30", strict=True)
    assert policy["spec"]["podSelector"] == manifest("Deployment")["spec"]["selector"]
    everyone, prometheus = policy["spec"]["ingress"]
    ports = {one["name"]: one["containerPort"] for one in container("Deployment")["ports"]}
    assert "from" not in everyone
    assert [one["port"] for one in everyone["ports"]] == [ports["grpc"], ports["health"]]
    assert [one["port"] for one in prometheus["ports"]] == [ports["metrics"]]
    assert ports["metrics"] == Settings.model_fields["metrics_port"].default
    assert prometheus["from"]


def test_the_component_can_be_taken_in(tmp_path: Path) -> None:
    """By the real kustomize where there is one; its files are there in any case."""
    component = yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())
    listed = [
        *component["resources"],
        *(one for made in component["configMapGenerator"] for one in made["files"]),
    ]
    assert all((COMPONENT / name).exists() for name in listed)
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return
    shutil.copytree(BASE, tmp_path / "base")
    shutil.copytree(COMPONENT, tmp_path / "monitoring")
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    overlaid = {"resources": ["../base"], "components": ["../monitoring"]}
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(overlaid))
    answer = subprocess.run(
        [kubectl, "kustomize", overlay], capture_output=True, text=True, check=True, timeout=60
    )
    made = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(answer.stdout)}
    assert ("NetworkPolicy", SERVICE) in made
    rules = made["ConfigMap", "globeco-order-generation-rules"]
    assert rules["data"] == {"ordergen-rules.yaml": RULES.read_text()}
    for resource in made.values():
        kubernetes_validate.validate(resource, "1.30", strict=True)
