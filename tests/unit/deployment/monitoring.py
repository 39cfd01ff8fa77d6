"""What kubernetes/components/monitoring has in it."""

import json
import re
from typing import Any

import yaml

from tests.unit.deployment.manifests import ROOT

COMPONENT = ROOT / "kubernetes" / "components" / "monitoring"
RULES = COMPONENT / "ordergen-rules.yaml"
RULES_TEST = ROOT / "tests" / "unit" / "deployment" / "ordergen-rules-test.yaml"
#: In an expression, a name that begins so is a metric.
_METRIC = re.compile(r"\b(?:ordergen|grpc_server|process|python)_[a-z0-9_]+")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def alerts() -> list[dict[str, Any]]:
    """Every alert."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel of the dashboard but the headings of its rows."""
    dashboard = json.loads((COMPONENT / "ordergen-dashboard.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    """Every expression of the dashboard, with a rate as Grafana would put it."""
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    return [one.replace("$__rate_interval", "1m") for one in found]


def metrics_named() -> set[str]:
    """Every metric that an alert or a panel is about."""
    texts = [alert["expr"] for alert in alerts()] + expressions()
    return {name for text in texts for name in _METRIC.findall(_TEXT.sub("", text))}
