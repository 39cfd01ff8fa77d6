"""docs/deployment.md tells of the components, overlays, Services and Secrets that there are."""

import re

from tests.unit.deployment.manifests import COMPONENTS, FULL, KUBERNETES, ORDER, OVERLAYS, ROOT, variant
from tools.cluster_secrets import MEMBERS, made

PAGE = (ROOT / "docs" / "deployment.md").read_text()


def test_components_are_listed_in_the_order_in_which_they_are_taken_in() -> None:
    assert tuple(re.findall(r"^\| `components/([\w-]+)` \|", PAGE, re.MULTILINE)) == ORDER
    assert {one.name for one in COMPONENTS.iterdir()} == set(ORDER)


def test_overlays_are_those_that_there_are_and_take_components_in_that_order() -> None:
    (row,) = re.findall(r"^\| `overlays/(.*?) \|", PAGE, re.MULTILINE)
    assert set(re.findall(r"\w+", row)) == {one.name for one in OVERLAYS.iterdir()}
    for one in OVERLAYS.iterdir():
        taken = re.findall(r"components/([\w-]+)", (one / "kustomization.yaml").read_text())
        assert taken == sorted(taken, key=ORDER.index)


def test_every_service_of_callers_is_there_with_its_port() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) \|", PAGE, re.MULTILINE)
    services = {
        (one["metadata"]["name"], str(port["port"]))
        for one in variant(FULL)
        if one["kind"] == "Service" and not one["metadata"]["name"].endswith("scheduler")
        for port in one["spec"]["ports"]
    }
    assert set(rows) == services


def test_every_secret_is_there_with_its_keys() -> None:
    rows = re.findall(r"^\| `(\S+)` \| ((?:`[\w.-]+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    told = {name: set(re.findall(r"`([\w.-]+)`", keys)) for name, keys in rows}
    for one in made("globeco", MEMBERS, certificates=True):
        name, keys = one["metadata"]["name"], set(one["stringData"])
        assert told.pop(name) <= keys
        assert name.endswith("-tls") or keys == set(re.findall(r"`([\w.-]+)`", dict(rows)[name]))
    assert told == {}


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"kubernetes/[\w./-]+", PAGE)) | {
        f"kubernetes/{one}" for one in re.findall(r"`(examples/[\w./-]+)`", PAGE)
    }
    assert [one for one in sorted(named) if not (ROOT / one).exists()] == []
    assert KUBERNETES.joinpath("namespaces.yaml").exists()
