"""The page on security names settings that there are, and its overlay of the base is one that starts."""

import re
from typing import Any

import yaml

from ordergen_server.api.security.scopes import SCOPE_OF
from ordergen_server.domain.subjects import SCOPES
from ordergen_server.settings import Settings
from tests.unit.deployment.manifests import ROOT, manifest
from tools.configuration import variable

PAGE = (ROOT / "docs" / "security.md").read_text()
KNOWN = {variable(field): field for field in Settings.model_fields}


def overlay() -> dict[str, Any]:
    """The patches of the page, by the kind of what they change."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    patches = [yaml.safe_load(one["patch"]) for one in yaml.safe_load(text)["patches"]]
    return {one["kind"]: one for one in patches}


def test_every_scope_is_there_with_its_calls() -> None:
    rows = dict(re.findall(r"^\| `(ordergen:\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
    rows |= dict.fromkeys(("ordergen:approve", "ordergen:orders"), "")  # which no call needs yet
    assert rows.keys() == SCOPES
    for path, scope in SCOPE_OF.items():
        name = path.rpartition("/")[2]
        general = re.match(r"(Get|List)", name)
        assert (f"{general[0]}..." if general else name) in rows[scope]


def test_the_overlay_starts_with_tls_and_tokens() -> None:
    data = {**manifest("ConfigMap")["data"], **overlay()["ConfigMap"]["data"]}
    settings = Settings.model_validate({KNOWN[name]: value for name, value in data.items()})
    assert settings.exposure == "The API is served with TLS on 0.0.0.0, and asks for a bearer token."


def test_the_overlay_mounts_the_files_of_its_settings() -> None:
    pod = overlay()["Deployment"]["spec"]["template"]["spec"]
    (server,), (volume,) = pod["containers"], pod["volumes"]
    (mount,) = server["volumeMounts"]
    data = overlay()["ConfigMap"]["data"]
    assert mount["name"] == volume["name"]
    assert {data[f"ORDERGEN_TLS_{name}"].rpartition("/")[0] for name in ("CERTIFICATE", "KEY")} == {
        mount["mountPath"]
    }
    names = {one["metadata"]["name"] for one in overlay().values()}
    assert names == {manifest("Deployment")["metadata"]["name"]}
