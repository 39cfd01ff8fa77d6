"""A submission whose followers are cut off: no order's last state is missed, and nothing is sent twice."""

import random
from collections.abc import Iterator

import pytest

from ordergen_client import Client, OrderState, Position, SubmissionState
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.cutting import CuttingProxy
from tests.databases import temporary_database
from tests.e2e.api import Api, served
from tests.e2e.orders import check_exactly_once
from tests.limits import PATIENCE, examples

CUTS = examples(50)
PORTFOLIOS = 40


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=20) as running:
        running.set_faults("order", [Fault(kind="delay", endpoint="orders", delay_seconds=0.2)])
        yield running


@pytest.fixture(scope="module")
def api(mongodb_uri: str, siblings: SimulatedSiblings) -> Iterator[Api]:
    with (
        temporary_database(mongodb_uri) as name,
        served(mongodb_uri, name, siblings, with_orders=True) as running,
    ):
        yield running


def sizes() -> list[int]:
    """Bytes of answers until each cut."""
    chance = random.Random(3)  # noqa: S311 - the same ones every time
    return [chance.choice([10, 1_000, 5_000, 12_000]) for _ in range(CUTS)]


def test_one_that_is_cut_off_often_is_told_to_its_end(api: Api, siblings: SimulatedSiblings) -> None:
    suggested = siblings.model
    positions = [
        Position(one.security_id, one.target, one.low_drift, one.high_drift) for one in suggested.positions
    ]
    with (
        CuttingProxy(api.port) as proxy,
        Client(proxy.target, timeout_seconds=PATIENCE, reconnect_seconds=PATIENCE, actor="ann") as client,
    ):
        model = client.models.create("Cut off", positions, suggested.portfolio_ids)
        run = client.runs.start(model.model_id)
        run.wait()
        run.approve()
        sent = run.submit()
        proxy.cut_after(sizes())
        events = list(sent.events())
        assert proxy.cuts > 0
        proxy.cut_after([0])
        again = list(client.submissions.watch(sent.submission_id))
    sequences = [one.sequence for one in events]
    assert sequences == sorted(set(sequences))
    last = {one.order.order_id: one.order for one in events if one.order}
    stored = check_exactly_once(api, siblings, run.rebalance_id)
    assert {one.order_id: one.external_order_id for one in stored} == {
        key: one.external_order_id for key, one in last.items()
    }
    assert {one.state for one in last.values()} == {OrderState.SENT}
    assert {one.order.order_id: one.order for one in again if one.order} == last
    ended = events[-1].finished
    assert ended
    assert (ended.state, ended.order_count) == (SubmissionState.COMPLETED, len(last))
