"""The report of a run by its handle, of both clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ordergen_client import (
    AsyncClient,
    Client,
    FileNotWrittenError,
    Model,
    Position,
    Rebalance,
    RebalanceState,
)
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import served
from tests.e2e.test_client import awaited
from tests.limits import PATIENCE
from tests.report_pages import read_page

PORTFOLIOS = 4


@pytest.fixture(scope="module")
def target(mongodb_uri: str, faulty_siblings: SimulatedSiblings) -> Iterator[str]:
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, faulty_siblings) as running:
        yield f"127.0.0.1:{running.port}"


@pytest.fixture(scope="module")
def client(target: str) -> Iterator[Client]:
    with Client(target, timeout_seconds=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def model(client: Client, faulty_siblings: SimulatedSiblings) -> Model:
    suggested = faulty_siblings.model
    positions = [
        Position(one.security_id, one.target, one.low_drift, one.high_drift) for one in suggested.positions
    ]
    return client.models.create("Of reports", positions, suggested.portfolio_ids[:PORTFOLIOS])


def test_a_run_is_followed_to_its_end_and_has_one_page(
    client: Client, target: str, model: Model, tmp_path: Path
) -> None:
    path, other_path = tmp_path / "page.html", tmp_path / "other.html"
    run = client.runs.start(model.model_id)
    assert run.report(str(path)) == run.wait()

    async def report(other: AsyncClient) -> Rebalance:
        return await other.runs.attach(run.rebalance_id).report(other_path)

    assert awaited(target, report) == run.wait()
    assert path.read_bytes() == other_path.read_bytes()
    page = read_page(path)
    assert sorted(page.column("id")) == sorted(model.portfolio_ids)
    assert page.blocks["known"][0]["run"] == run.rebalance_id


def test_nothing_is_overwritten_but_by_force(
    client: Client, target: str, model: Model, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text("mine")
    run = client.runs.start(model.model_id)
    with pytest.raises(FileNotWrittenError, match="force=True"):
        run.report(path)

    async def report(other: AsyncClient) -> Rebalance:
        handle = other.runs.attach(run.rebalance_id)
        with pytest.raises(FileNotWrittenError, match="force=True"):
            await handle.report(path)
        assert path.read_text() == "mine"
        return await handle.report(path, force=True)

    ended = awaited(target, report)
    assert run.report(path, force=True) == ended
    assert len(read_page(path).column("id")) == PORTFOLIOS


def test_a_run_that_failed_has_its_page(
    client: Client, model: Model, siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    siblings.set_faults("accounting", [Fault(kind="status", status=503)])
    run = client.runs.start(model.model_id)
    ended = run.report(tmp_path / "page.html")
    assert ended.state is RebalanceState.FAILED
    assert len(read_page(tmp_path / "page.html").column("id")) == PORTFOLIOS
