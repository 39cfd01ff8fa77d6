"""kubernetes/examples: patches that fit the base, and name settings and files that there are."""

from typing import Any

import kubernetes_validate
import yaml

from tests.unit.deployment.manifests import ROOT, Manifest, manifest
from tools import configuration

PATCH = yaml.safe_load((ROOT / "kubernetes" / "examples" / "secret-files.yaml").read_text())


def merged(base: Any, patch: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    """A strategic merge, as far as the examples need it: objects by key, lists of objects by name."""
    if isinstance(base, dict) and isinstance(patch, dict):
        return {**base, **{key: merged(base.get(key), value) for key, value in patch.items()}}
    if isinstance(base, list) and isinstance(patch, list):
        named = {one["name"]: one for one in base}
        for one in patch:
            named[one["name"]] = merged(named.get(one["name"]), one)
        return [one for one in named.values() if one.get("$patch") != "delete"]
    return patch


def patched() -> Manifest:
    result: Manifest = merged(manifest("Deployment"), PATCH)
    return result


def test_the_patch_fits_the_base() -> None:
    kubernetes_validate.validate(patched(), kubernetes_validate.latest_version(), strict=True)


def test_every_secret_is_a_file_of_a_mounted_secret() -> None:
    pod = patched()["spec"]["template"]["spec"]
    (server,) = pod["containers"]
    given = {one["name"]: one["value"] for one in server["env"] if one["name"].startswith("ORDERGEN_")}
    assert set() == given.keys() - configuration.variables()
    mounts = {one["mountPath"]: one["name"] for one in server["volumeMounts"] if one["name"] != "mongodb"}
    assert {path.rpartition("/")[0] for path in given.values()} == mounts.keys()
    volumes = {one["name"]: one["secret"]["defaultMode"] for one in pod["volumes"] if "secret" in one}
    assert volumes == dict.fromkeys(mounts.values(), 0o440)
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]
