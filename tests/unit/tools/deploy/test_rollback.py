"""What ran before is what runs after whatever fails; where it cannot be, that is told."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tests.limits import PATIENCE
from tests.unit.deployment.manifests import ROOT
from tests.unit.tools.deploy.cluster import FakeCluster, Outcome, Pods
from tests.unit.tools.deploy.fake_kubectl import key
from tests.waiting import eventually
from tools.deploy.kubectl import Answer, Kubectl
from tools.deploy.manifests import Manifest

FAILED, KILLED, INTERRUPTED = {"fail": "it failed"}, {"killed": True}, {"interrupt": True}


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ({"apply": [FAILED]}, 20),
        ({"apply": [{"fail": "too late", "after": 5}]}, 20),
        ({"apply": [KILLED]}, 20),
        ({"rollout": [FAILED]}, 21),
        ({"rollout": [{}, {}, FAILED]}, 21),
        ({"rollout": [KILLED]}, 21),
        ({"port_forward": [FAILED]}, 22),
        ({"apply": [INTERRUPTED]}, 130),
        ({"rollout": [{}, INTERRUPTED]}, 130),
        ({"port_forward": [INTERRUPTED]}, 130),
    ],
)
def test_what_ran_before_is_brought_back(
    scenario: dict[str, Sequence[Outcome]],
    code: int,
    cluster: FakeCluster,
    following: list[Manifest],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whole: pods, settings, Secret; and what was added is gone."""
    before = cluster.objects()
    cluster.plays(**scenario)
    assert cluster.deploy(following) == code
    assert cluster.objects() == before
    assert capsys.readouterr().out.splitlines()[-1] == "State: rolled back."
    assert cluster.kinds()[-3:] == 3 * ["rollout"]


@pytest.mark.parametrize("path", ["/health/ready", "/api/v1/models?limit=1"])
def test_a_rest_that_does_not_answer(
    path: str, cluster: FakeCluster, following: list[Manifest], serving: Pods
) -> None:
    before = cluster.objects()
    serving.rest_status[path] = 503
    assert cluster.deploy(following) == 22
    assert cluster.objects() == before


def test_a_grpc_that_does_not_serve(cluster: FakeCluster, following: list[Manifest], serving: Pods) -> None:
    before = cluster.objects()
    serving.serve(serving=False)
    assert cluster.deploy(following) == 22
    assert cluster.objects() == before


def test_who_scales_goes_on_scaling(cluster: FakeCluster, following: list[Manifest]) -> None:
    """Neither a deployment nor the way back asks for a number of pods where the overlay asks for none."""
    for one in following:
        one.get("spec", {}).pop("replicas", None)
    cluster.plays(rollout=[FAILED])
    assert cluster.deploy(following, "--force-conflicts") == 21
    back = cluster.calls()
    (first, second) = (one.given for one in back if one.kind == "apply")
    assert ('"replicas"' in first, '"replicas"' in second) == (False, False)


def test_what_data_is_in_is_never_deleted(cluster: FakeCluster, following: list[Manifest]) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "added-data"}}
    cluster.plays(rollout=[FAILED])
    assert cluster.deploy([claim, *following]) == 21
    assert "PersistentVolumeClaim/added-data" in cluster.objects()
    assert "ConfigMap/added" not in cluster.objects()


def test_where_nothing_ran_what_failed_is_left_to_be_looked_at(
    empty: FakeCluster, former: list[Manifest], capsys: pytest.CaptureFixture[str]
) -> None:
    empty.plays(rollout=[FAILED])
    assert empty.deploy(former) == 21
    assert len(empty.objects()) == len(former)
    printed = capsys.readouterr().out
    assert "Nothing ran before: what was applied stays as it is." in printed
    assert printed.splitlines()[-1] == "State: kept."


def test_no_way_back_where_that_is_said(
    cluster: FakeCluster, following: list[Manifest], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.plays(rollout=[FAILED])
    assert cluster.deploy(following, "--no-rollback") == 21
    assert "ConfigMap/added" in cluster.objects()
    assert capsys.readouterr().out.splitlines()[-1] == "State: kept."


def test_what_does_not_change_is_not_brought_back(cluster: FakeCluster, former: list[Manifest]) -> None:
    cluster.plays(rollout=[FAILED])
    assert cluster.deploy(former) == 21
    assert cluster.count("apply") == 0


@pytest.mark.parametrize(
    "scenario",
    [
        {"apply": [{}, FAILED]},
        {"apply": [{}, {"fail": "too late", "after": 2}]},
        {"apply": [{}, KILLED]},
        {"apply": [{}, INTERRUPTED]},
        {"delete": [FAILED]},
        {"rollout": [FAILED, {}, FAILED]},
        {"rollout": [FAILED, INTERRUPTED]},
    ],
)
def test_a_way_back_that_fails_is_told_with_the_command(
    scenario: dict[str, Sequence[Outcome]],
    cluster: FakeCluster,
    following: list[Manifest],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both reasons are there, and the file that the command names has what ran before.

    Without Secrets, and without the numbers of pods that autoscalers set.
    """
    before = {name: one for name, one in cluster.objects().items() if not name.startswith("Secret/")}
    for one in before.values():
        if one["kind"] == "Deployment":
            del one["spec"]["replicas"]
    cluster.plays(**{"rollout": [FAILED], **scenario})
    assert cluster.deploy(following) == 30
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "State: unknown."
    assert "it failed; and the way back failed: " in told.err
    assert "kubectl apply --server-side" in told.err
    assert f"-f {cluster.saved}" in told.err
    saved = json.loads(cluster.saved.read_text())["items"]
    assert {key(one): one for one in saved} == before


def test_an_apply_that_hangs_is_ended_and_taken_back(
    cluster: FakeCluster, following: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its deadline, which is a short one here, for the first apply alone."""
    before = cluster.objects()

    class Hasty(Kubectl):
        def run(self, *arguments: str, seconds: float | None = None, **more: Any) -> Answer:  # noqa: ANN401 - as it is
            first = arguments[0] == "apply" and "--dry-run=server" not in arguments
            short = first and not cluster.count("apply")
            return super().run(*arguments, seconds=0.5 if short else seconds, **more)

    monkeypatch.setattr("tools.deploy.__main__.Kubectl", Hasty)
    cluster.plays(apply=[{"hang": True}])
    assert cluster.deploy(following) == 20
    assert cluster.objects() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_to_the_program(
    number: signal.Signals, cluster: FakeCluster, following: list[Manifest]
) -> None:
    """As somebody at a terminal, or a pipeline, sends them: while it waits for pods."""
    before = cluster.objects()
    cluster.plays(rollout=[{"hang": True}])
    command = [sys.executable, "-m", "tools.deploy", str(cluster.overlay(following)), "--yes", "--json"]
    where = ["--kubectl", cluster.kubectl, "--saved", str(cluster.saved)]
    with subprocess.Popen(
        [*command, *where], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            eventually(lambda: cluster.count("rollout"))
            process.send_signal(number)
            out, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    document = json.loads(out)
    assert (process.returncode, document["code"], document["state"]) == (130, 130, "rolled back")
    assert cluster.objects() == before
