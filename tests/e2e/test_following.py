"""The commands that start a run, leave it, come back to it, and show what became of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from globeco.ordergen.v1 import rebalance_pb2

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import MODEL_ID
from tests.e2e.api import Api, message_of, served
from tests.e2e.runs import check_told, watched
from tests.limits import PATIENCE
from tests.waiting import eventually

PORTFOLIOS = 6


@pytest.fixture
def served_model(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> Iterator[tuple[Api, str]]:
    with served(mongodb_uri, database_name, siblings, portfolio_workers=1) as api:
        yield api, api.create(message_of(siblings.model, portfolios=PORTFOLIOS)).model_id


def command(api: Api, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "ordergen_client.cli", *arguments, f"--target=127.0.0.1:{api.port}"]


def ordergen(api: Api, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(api, *arguments), capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_a_run_is_followed_to_its_end(served_model: tuple[Api, str]) -> None:
    api, model_id = served_model
    done = ordergen(api, "rebalance", model_id)
    assert done.returncode == 0, done.stderr
    rebalance_id = done.stderr.split()[1]
    assert f"{rebalance_id}  COMPLETED" in done.stdout
    assert f"{PORTFOLIOS}/{PORTFOLIOS}" in done.stderr


def test_a_run_as_json_is_what_is_stored(served_model: tuple[Api, str]) -> None:
    api, model_id = served_model
    done = ordergen(api, "rebalance", model_id, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told["portfolios"]) == PORTFOLIOS
    again = ordergen(api, "runs", "watch", told["rebalance_id"], "--json")
    assert json.loads(again.stdout) == told
    stored = api.run(told["rebalance_id"])
    assert told["counts"]["REBALANCED"] == stored.rebalanced_count


def test_a_run_is_left_and_come_back_to(served_model: tuple[Api, str], siblings: SimulatedSiblings) -> None:
    api, model_id = served_model
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.1)])
    left = ordergen(api, "rebalance", model_id, "--detach", "--json")
    rebalance_id = json.loads(left.stdout)["rebalance_id"]
    assert (left.returncode, left.stderr) == (0, "")
    done = ordergen(api, "watch", rebalance_id)  # as it was called before
    assert done.returncode == 0, done.stderr
    assert f"{rebalance_id}  COMPLETED" in done.stdout


def test_a_run_goes_on_where_its_command_is_interrupted(
    served_model: tuple[Api, str], siblings: SimulatedSiblings
) -> None:
    api, model_id = served_model
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=3)])
    with subprocess.Popen(
        command(api, "rebalance", model_id), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr
        rebalance_id = process.stderr.readline().split()[1]
        eventually(lambda: len(api.run(rebalance_id).rebalance_id) > 0)
        os.kill(process.pid, signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(PATIENCE) == 130
    siblings.clear()
    assert "Traceback" not in told
    assert f"ordergen runs watch {rebalance_id} --target 127.0.0.1:{api.port}" in told
    assert f"ordergen runs cancel {rebalance_id} --target 127.0.0.1:{api.port}" in told
    events = watched(api, rebalance_id)
    ended = check_told(events, [one.portfolio.portfolio_id for one in events[1:-1]])
    assert ended.state == rebalance_pb2.REBALANCE_STATE_COMPLETED
    assert ended.portfolio_count == PORTFOLIOS


@pytest.mark.parametrize("name", ["rebalance", "watch"])
def test_what_is_not_there_is_told_in_words(served_model: tuple[Api, str], name: str) -> None:
    done = ordergen(served_model[0], name, MODEL_ID)
    assert (done.returncode, done.stdout) == (1, "")
    assert MODEL_ID in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_fails_says_why(served_model: tuple[Api, str], siblings: SimulatedSiblings) -> None:
    api, model_id = served_model
    siblings.set_faults("pricing", [Fault(kind="status", status=503)])
    done = ordergen(api, "rebalance", model_id, "--json")
    assert done.returncode == 1
    assert "pricing" in done.stderr
    assert json.loads(done.stdout)["state"] == "FAILED"
