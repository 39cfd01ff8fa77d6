"""kubernetes/examples: patches that fit the base, with settings that there are; the import of old data."""

from typing import Any

import kubernetes_validate
import yaml

from tests.unit.deployment import network, restricted
from tests.unit.deployment.manifests import FULL, ROOT, SERVICE, Manifest, manifest, variant
from tools import configuration

EXAMPLES = ROOT / "kubernetes" / "examples"
PATCH = yaml.safe_load((EXAMPLES / "secret-files.yaml").read_text())
LEGACY: list[Manifest] = list(yaml.safe_load_all((EXAMPLES / "legacy-mongodb.yaml").read_text()))


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


def test_the_data_of_the_service_before_are_served_to_our_servers_alone() -> None:
    for one in LEGACY:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
    assert list(restricted.unrestricted(LEGACY)) == []
    cluster = [*variant(FULL), *LEGACY]
    legacy = manifest("Deployment", "globeco-order-generation-legacy-mongodb", LEGACY)
    name = legacy["metadata"]["name"]
    assert {flow for flow in network.flows(cluster) if name in flow} == {(SERVICE, name, 27017)}
    assert list(network.idle(cluster)) == list(network.idle(variant(FULL)))


def test_their_service_chooses_them_and_none_of_ours_does() -> None:
    pods = manifest("Deployment", "globeco-order-generation-legacy-mongodb", LEGACY)["spec"]["template"]
    chosen = [
        one["metadata"]["name"]
        for one in [*variant(FULL), *LEGACY]
        if one["kind"] == "Service"
        and network.matches({"matchLabels": one["spec"]["selector"]}, network.labels(pods))
    ]
    assert chosen == ["globeco-order-generation-legacy-mongodb"]


def test_backups_are_copied_from_the_claim_that_they_are_in_by_whom_wrote_them() -> None:
    one = yaml.safe_load((EXAMPLES / "backups.yaml").read_text())
    kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
    template: Manifest = {"kind": "Deployment", "metadata": one["metadata"], "spec": {"template": one}}
    assert list(restricted.unrestricted([template])) == []
    job = manifest("CronJob", "globeco-order-generation-backup", variant(FULL))["spec"]["jobTemplate"]["spec"]
    writer = job["template"]["spec"]
    assert one["spec"]["securityContext"] == writer["securityContext"]
    assert [volume for volume in one["spec"]["volumes"] if volume in writer["volumes"]] == one["spec"][
        "volumes"
    ]
    assert one["spec"]["containers"][0]["image"] == writer["containers"][0]["image"]
