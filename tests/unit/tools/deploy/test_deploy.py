"""Deploying over a fake kubectl: every way it goes, and what is told and runs afterwards."""

import json
from collections.abc import Sequence
from io import StringIO

import pytest

from tests.unit.deployment.manifests import SERVICE
from tests.unit.tools.deploy.cluster import FakeCluster, Outcome, Pods
from tests.unit.tools.deploy.conftest import FORMER_SECRET, NEXT_SECRET
from tools.deploy.__main__ import main
from tools.deploy.deployment import MANAGER
from tools.deploy.manifests import SETTINGS_DIGEST, Manifest

STEPS = ["kustomize", "dry-run", "diff", "diff", "get", "apply", *3 * ["rollout"], *2 * ["port-forward"]]
PLAIN = "next-password"


def image(cluster: FakeCluster) -> str:
    template = cluster.objects()[f"Deployment/{SERVICE}"]["spec"]["template"]
    return str(template["spec"]["containers"][0]["image"])


def digest(cluster: FakeCluster) -> str:
    template = cluster.objects()[f"Deployment/{SERVICE}"]["spec"]["template"]
    return str(template["metadata"]["annotations"][SETTINGS_DIGEST])


def test_a_deployment(
    cluster: FakeCluster, following: list[Manifest], serving: Pods, capsys: pytest.CaptureFixture[str]
) -> None:
    """The steps in their order; pods have a new digest of settings; the lock is given back."""
    former = digest(cluster)
    assert cluster.deploy(following) == 0
    assert cluster.kinds() == STEPS
    assert (image(cluster), digest(cluster) != former) == (f"{SERVICE}:0.2.0", True)
    assert "holderIdentity" not in cluster.everything()["Lease/globeco-order-generation-deploy"]["spec"]
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "State: deployed."
    assert "Secret/globeco-order-generation-extra changes; its values are not shown." in printed
    assert [path for path, _ in serving.asked] == ["/health/ready", "/api/v1/models?limit=1"]


def test_it_is_server_side_with_a_manager_and_takes_nothing_from_others(
    cluster: FakeCluster, following: list[Manifest]
) -> None:
    assert cluster.deploy(following, "--context", "staging", "--namespace", "globeco") == 0
    for one in cluster.calls():
        assert one.arguments[:2] == ["--context=staging", "--namespace=globeco"]
        if one.kind in {"apply", "dry-run", "diff"}:
            assert {"--server-side", f"--field-manager={MANAGER}"} < set(one.arguments)
            assert "--force-conflicts" not in one.arguments


def test_everything_is_in_the_namespace_of_the_overlay(empty: FakeCluster, former: list[Manifest]) -> None:
    """Also the lock, and what names a workload and no namespace."""
    inside = [{**one, "metadata": {**one["metadata"], "namespace": "globeco"}} for one in former]
    assert empty.deploy(inside) == 0
    assert {one.arguments[0] for one in empty.calls() if one.kind != "kustomize"} == {"--namespace=globeco"}
    inside[-1]["metadata"]["namespace"] = "another"
    assert empty.deploy(inside) == 10


def test_fields_of_others_are_taken_when_that_is_said(
    cluster: FakeCluster, following: list[Manifest]
) -> None:
    cluster.put({**cluster.objects()[f"ConfigMap/{SERVICE}"], "data": {"by": "hand"}})
    assert cluster.deploy(following) == 13
    assert cluster.deploy(following, "--force-conflicts") == 0


def test_a_first_deployment(empty: FakeCluster, former: list[Manifest]) -> None:
    assert empty.deploy(former) == 0
    assert len(empty.objects()) == len(former)


def test_no_value_of_a_secret_is_told(
    cluster: FakeCluster, following: list[Manifest], capsys: pytest.CaptureFixture[str]
) -> None:
    """By a kubectl that shows everything, and names it when it fails."""
    cluster.plays(apply=[{"fail": f"cannot apply {NEXT_SECRET}, which is {PLAIN}"}])
    assert cluster.deploy(following) == 20
    printed = "".join(capsys.readouterr())
    assert "cannot apply ***, which is ***" in printed
    told = printed + cluster.saved.read_text()
    assert [one for one in (FORMER_SECRET, NEXT_SECRET, PLAIN, "former-password") if one in told] == []


def test_as_json(cluster: FakeCluster, following: list[Manifest], capsys: pytest.CaptureFixture[str]) -> None:
    assert cluster.deploy(following, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert {key: document[key] for key in ("state", "code", "error")} == {
        "state": "deployed",
        "code": 0,
        "error": None,
    }
    names = [
        "render",
        "validate",
        "lock",
        "dry-run",
        "diff",
        "remember what runs",
        "apply",
        "wait",
        "smoke test",
    ]
    assert [(one["step"], one["outcome"]) for one in document["steps"]] == [(one, "done") for one in names]


def test_where_nothing_changes_nothing_is_applied(cluster: FakeCluster, former: list[Manifest]) -> None:
    assert cluster.deploy(former) == 0
    assert [one for one in cluster.kinds() if one in {"apply", "get"}] == []
    assert cluster.kinds()[-1] == "port-forward"


def test_a_plan_changes_nothing_and_takes_no_lock(cluster: FakeCluster, following: list[Manifest]) -> None:
    before = cluster.everything()
    assert cluster.deploy(following, "--plan") == 0
    assert cluster.everything() == before
    assert [one.kind for one in cluster.calls()] == ["kustomize", "dry-run", "diff", "diff"]


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ({"kustomize": [{"fail": "no such overlay"}]}, 10),
        ({"kustomize": [{"killed": True}]}, 10),
        ({"lease_get": [{"fail": "forbidden"}]}, 12),
        ({"lease_replace": [{"fail": "forbidden"}]}, 12),
        ({"dry_run": [{"fail": "denied by a webhook"}]}, 13),
        ({"dry_run": [{"killed": True}]}, 13),
        ({"diff": [{"fail": "no diff program", "code": 2}]}, 14),
        ({"get": [{"fail": "connection refused"}]}, 14),
    ],
)
def test_what_fails_before_it_is_applied_changes_nothing(
    scenario: dict[str, Sequence[Outcome]],
    code: int,
    cluster: FakeCluster,
    following: list[Manifest],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = cluster.objects()
    cluster.plays(**scenario)
    assert cluster.deploy(following) == code
    assert cluster.objects() == before
    assert cluster.count("apply") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "State: unchanged."


@pytest.mark.parametrize("rendered", ["", "a: [", "kind: Nothing", "- 1"])
def test_what_cannot_be_deployed_never_reaches_the_cluster(rendered: str, cluster: FakeCluster) -> None:
    path = cluster.overlay([])
    (path / "rendered.yaml").write_text(rendered)
    assert main([str(path), "--kubectl", cluster.kubectl]) == 10
    assert cluster.kinds() == ["kustomize"]


def test_what_is_not_valid_never_reaches_the_cluster(
    cluster: FakeCluster, following: list[Manifest], capsys: pytest.CaptureFixture[str]
) -> None:
    """All that is wrong is named; of a Secret no value is."""
    following[1]["dota"] = {}
    (secret,) = (one for one in following if one["kind"] == "Secret")
    secret["data"]["password"] = [PLAIN]
    assert cluster.deploy(following) == 11
    assert cluster.kinds() == ["kustomize"]
    told = capsys.readouterr().err
    assert ("dota" in told, "Secret/" in told, PLAIN in told) == (True, True, False)


def test_what_has_no_schema_is_told_and_deployed(
    cluster: FakeCluster, following: list[Manifest], capsys: pytest.CaptureFixture[str]
) -> None:
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": {"name": "ours"}}
    assert cluster.deploy([*following, monitor]) == 0
    assert "there is no schema: PodMonitor/ours" in capsys.readouterr().out


def test_a_program_that_is_not_there(cluster: FakeCluster, former: list[Manifest]) -> None:
    assert cluster.deploy(former, "--kubectl", "/nowhere/kubectl") == 10


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("yes\n", 0), ("n\n", 15), ("", 15)])
def test_somebody_is_asked(
    answer: str,
    code: int,
    cluster: FakeCluster,
    following: list[Manifest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(answer))
    where = ["--kubectl", cluster.kubectl, "--saved", str(cluster.saved)]
    assert main([str(cluster.overlay(following)), *where]) == code
    assert cluster.count("apply") == (1 if code == 0 else 0)


def test_options_that_do_not_go_together(cluster: FakeCluster, former: list[Manifest]) -> None:
    assert cluster.deploy(former, "--certificate", "our.pem") == 2
    assert cluster.calls() == []
