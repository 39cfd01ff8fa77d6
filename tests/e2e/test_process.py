"""The server as a process: it loses nothing, ends in order, and leaves nothing behind."""

from pathlib import Path

import pytest
from globeco.ordergen.v1 import rebalance_pb2

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import message_of
from tests.e2e.outcomes import as_streamed
from tests.e2e.processes import processes_on, server_process
from tests.limits import PATIENCE
from tests.waiting import eventually


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data folder"


def test_a_restart_loses_nothing(folder: Path, siblings: SimulatedSiblings) -> None:
    """Models, runs, their portfolios and a page token of the server before."""
    with server_process(folder, siblings) as first:
        model = first.api.create(message_of(siblings.model, portfolios=4))
        responses = list(first.api.rebalance_all(model.model_id))
        rebalanced = first.api.get(model.model_id)
        assert first.stop() == 0
    assert processes_on(folder) == []
    with server_process(folder, siblings) as second:
        assert second.api.get(model.model_id) == rebalanced
        run = responses[-1].finished
        assert second.api.run(run.rebalance_id) == run
        for one in responses[1:-1]:
            stored = second.api.portfolio(run.rebalance_id, one.portfolio.portfolio_id)
            assert as_streamed(stored) == one.portfolio
        assert second.stop() == 0


def test_told_to_end_it_finishes_the_calls_in_flight(folder: Path, siblings: SimulatedSiblings) -> None:
    """A stream that is half told when SIGTERM comes is told to its end; then the exit code is 0."""
    with server_process(folder, siblings, ORDERGEN_PORTFOLIO_WORKERS="1") as server:
        model = server.api.create(message_of(siblings.model, portfolios=6))
        siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.1)])
        responses = server.api.rebalance_all(model.model_id)
        told = [next(responses), next(responses)]
        server.process.terminate()
        told += responses
        assert told[-1].finished.state == rebalance_pb2.REBALANCE_STATE_COMPLETED
        assert [one.sequence for one in told] == list(range(1, 9))
        assert server.process.wait(PATIENCE) == 0
    assert processes_on(folder) == []


def test_killed_it_takes_its_database_along(folder: Path, siblings: SimulatedSiblings) -> None:
    """And what it acknowledged is there afterwards."""
    with server_process(folder, siblings) as server:
        model = server.api.create(message_of(siblings.model))
        assert processes_on(folder)
        server.process.kill()
        server.process.wait(PATIENCE)
        eventually(lambda: not processes_on(folder))
    with server_process(folder, siblings) as again:
        assert again.api.get(model.model_id) == model
        assert again.stop() == 0
