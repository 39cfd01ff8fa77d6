"""Runs of a server whose cluster is not there yet, and workers that cannot begin."""

import subprocess
import sys
from pathlib import Path

import pytest
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2

from ordergen_server.configuration.settings import Settings
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import message_of
from tests.e2e.processes import environment, server_process
from tests.e2e.runs import start, watched
from tests.limits import PATIENCE
from tests.ports import free_port


def test_a_run_waits_for_a_cluster_and_can_be_cancelled(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    """While there is none, nothing fails, and a portfolio alone is rebalanced by the server itself."""
    changed = {
        "ORDERGEN_MONGODB_URI": mongodb_uri,
        "ORDERGEN_MONGODB_DATABASE": database_name,
        "ORDERGEN_DASK_SCHEDULER": f"tcp://127.0.0.1:{free_port()}",
    }
    with server_process(tmp_path, siblings, None, **changed) as server:
        model = server.api.create(message_of(siblings.model, portfolios=3))
        run = start(server.api, model.model_id)
        assert server.api.rebalance(model.portfolio_ids[0]).HasField("solution")
        assert server.api.run(run.rebalance_id).state == rebalance_pb2.REBALANCE_STATE_RUNNING
        request = rebalance_service_pb2.CancelRebalanceRequest(rebalance_id=run.rebalance_id)
        server.api.rebalances.CancelRebalance(request, timeout=PATIENCE)
        ended = watched(server.api, run.rebalance_id)[-1].finished
        assert ended.state == rebalance_pb2.REBALANCE_STATE_CANCELLED
        assert ended.skipped_count == 3
        assert server.stop() == 0


def worker(folder: Path, siblings: SimulatedSiblings, **changed: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ordergen_server.worker"],
        env=dict(environment(folder, siblings, **changed)),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_a_worker_says_why_it_cannot_begin(siblings: SimulatedSiblings, tmp_path: Path) -> None:
    done = worker(tmp_path, siblings)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ORDERGEN_DASK_SCHEDULER and ORDERGEN_MONGODB_URI are needed" in done.stderr
    done = worker(tmp_path, siblings, ORDERGEN_DASK_SCHEDULER="nowhere")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert done.stderr.startswith("ordergen_server.worker: ORDERGEN_DASK_SCHEDULER: String should match")


@pytest.mark.parametrize("address", ["host:8786", "tcp://host", "http://host:8786", "tcp://user:pass@host:1"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match="dask_scheduler"):
        Settings(dask_scheduler=address)
