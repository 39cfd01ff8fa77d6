"""The page on security names settings that there are, and its overlay of the base is one that starts."""

import re
from functools import cache

import yaml

from ordergen_server.api.security.scopes import ANY_SCOPE, SCOPE_OF
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.subjects import SCOPES
from tests.unit.deployment.manifests import ROOT, Manifest, container, manifest, overlaid
from tests.unit.deployment.references import dangling
from tools.configuration import variable

PAGE = (ROOT / "docs" / "security.md").read_text()
KNOWN = {variable(field): field for field in Settings.model_fields}


@cache
def overlay() -> list[Manifest]:
    """What the overlay of the page makes."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return overlaid(yaml.safe_load(text))


def test_every_scope_is_there_with_its_calls() -> None:
    rows = dict(re.findall(r"^\| `(ordergen:\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert rows.keys() == SCOPES
    (rows[ANY_SCOPE],) = re.findall(
        r"^\| none, but credentials that are accepted \| (.*) \|$", PAGE, re.MULTILINE
    )
    for path, scope in SCOPE_OF.items():
        name = path.rpartition("/")[2]
        general = re.match(r"(Get|List)", name)
        assert (f"{general[0]}..." if general else name) in rows[scope]


def test_the_overlay_starts_with_tls_and_tokens() -> None:
    data = manifest("ConfigMap", among=overlay())["data"]
    settings = Settings.model_validate({KNOWN[name]: value for name, value in data.items() if name in KNOWN})
    assert settings.exposure == "The API is served with TLS on 0.0.0.0, and asks for a bearer token."


def test_the_overlay_mounts_the_files_of_its_settings() -> None:
    data, server = manifest("ConfigMap", among=overlay())["data"], container("Deployment", among=overlay())
    folders = {one["mountPath"] for one in server["volumeMounts"]}
    assert {data[f"ORDERGEN_TLS_{name}"].rpartition("/")[0] for name in ("CERTIFICATE", "KEY")} <= folders


def test_the_overlay_is_complete_and_reaches_the_issuer() -> None:
    assert list(dangling(overlay())) == []
    ports = {
        port["port"]
        for rule in manifest("NetworkPolicy", among=overlay())["spec"]["egress"]
        for port in rule["ports"]
    }
    assert 443 in ports
