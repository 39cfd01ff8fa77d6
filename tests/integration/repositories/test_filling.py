"""Blocks and fills from a real database: page by page, of what is approved at that moment."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    PreconditionFailed,
)
from ordergen_server.domain.orders.reviews import ReviewDecision
from ordergen_server.domain.rebalances.lines import RebalancePosition, RunSecurity, Side, transactions_of
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, View
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.run_store.ended_runs import EndedRuns
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.services.reviewing import filling
from ordergen_server.services.reviewing.filling import FillAllocation, Filling
from tests.builders import NOW, TODAY, portfolio_id, rebalance, result, security_id
from tests.integration.repositories.begun import begin
from tests.integration.repositories.ended import reviewer
from tests.limits import PATIENCE

PRICES = {1: "10.05", 2: "0.333"}


@pytest.fixture(params=[1, 2, 1000])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """So many results are read at once."""
    size: int = request.param
    monkeypatch.setattr(filling, "AT_ONCE", dict.fromkeys(View, size))
    return size


def traded(run_id: str, number: int, trades: dict[int, int]) -> PortfolioRebalance:
    lines = tuple(
        RebalancePosition(security(one), Decimal(50), quantity, "TRADED_TO_TARGET")
        for one, quantity in trades.items()
    )
    return replace(
        result(number, run_id=run_id, state=PortfolioState.REBALANCED),
        positions=lines,
        transactions=transactions_of([(security_id(one), n) for one, n in trades.items()], TODAY),
    )


def security(number: int) -> RunSecurity:
    price, weight = Decimal(PRICES[number]), Decimal("0.1")
    return RunSecurity(security_id(number), f"T{number}", price, weight, weight, weight)


def stored(runs: Rebalances, database: Database, *trades: dict[int, int]) -> str:
    """A run whose portfolios trade this, by the number of a security; the first trades nothing."""
    run_id = runs.new_id()
    results = [
        result(0, run_id=run_id),
        *(traded(run_id, number, one) for number, one in enumerate(trades, 1)),
    ]
    counts = {PortfolioState.NO_ACTION: 1, PortfolioState.REBALANCED: len(trades)}
    run = replace(
        rebalance(run_id=run_id, portfolio_count=len(results)),
        state=RebalanceState.COMPLETED,
        finish_time=NOW,
        counts=counts,
    )
    assert EndedRuns(database).add(run, results)
    return run_id


def approve(runs: Rebalances, database: Database, run_id: str, numbers: Sequence[int]) -> Filling:
    ann = reviewer(runs, database, "ann")
    if numbers:
        ann.review(run_id, [portfolio_id(number) for number in numbers], ReviewDecision.APPROVED, "")
    return Filling(runs, ann)


def soon() -> Deadline:
    return Deadline.after(PATIENCE)


@pytest.mark.usefixtures("at_once")
def test_blocks_are_the_same_however_they_are_read(runs: Rebalances, database: Database) -> None:
    run_id = stored(runs, database, {1: 3, 2: -4}, {1: 5}, {1: -1, 2: -2}, {1: 100})
    use = approve(runs, database, run_id, [1, 2, 3])
    found = use.blocks(run_id, soon())
    assert [
        (one.ticker, one.block.is_buy, one.block.quantity, one.block.portfolio_count) for one in found
    ] == [
        ("T1", True, 8, 2),
        ("T1", False, 1, 1),
        ("T2", False, 6, 2),
    ]
    assert [str(one.block.value) for one in found] == ["80.40", "10.05", "1.998"]


@pytest.mark.usefixtures("at_once")
def test_fills_are_the_same_however_they_are_read(runs: Rebalances, database: Database) -> None:
    run_id = stored(runs, database, {1: 3}, {1: 3}, {1: 1}, {1: -9}, {1: 50})
    use = approve(runs, database, run_id, [1, 2, 3, 4])
    assert use.allocate(run_id, security_id(1), Side.BUY, 4, soon()) == [
        FillAllocation(portfolio_id(1), 3, 2),
        FillAllocation(portfolio_id(2), 3, 2),
        FillAllocation(portfolio_id(3), 1, 0),
    ]
    assert use.allocate(run_id, security_id(1), Side.SELL, 9, soon()) == [
        FillAllocation(portfolio_id(4), 9, 9)
    ]
    with pytest.raises(InvalidArgument):
        use.allocate(run_id, security_id(1), Side.BUY, 8, soon())
    with pytest.raises(NotFound):
        use.allocate(run_id, security_id(2), Side.BUY, 0, soon())


def test_what_nobody_approved_is_in_no_block(runs: Rebalances, database: Database) -> None:
    run_id = stored(runs, database, {1: 3})
    use = approve(runs, database, run_id, [])
    assert use.blocks(run_id, soon()) == []
    with pytest.raises(NotFound):
        use.allocate(run_id, security_id(1), Side.BUY, 0, soon())


def test_a_run_that_goes_on_has_no_blocks(runs: Rebalances, database: Database) -> None:
    use = Filling(runs, reviewer(runs, database, "ann"))
    with pytest.raises(PreconditionFailed):
        use.blocks(begin(runs), soon())


def test_a_run_that_is_being_deleted_has_no_sums(runs: Rebalances, database: Database) -> None:
    run_id = stored(runs, database, {1: 3}, {1: 5})
    use = approve(runs, database, run_id, [1, 2])
    database.collection("portfolio_rebalances").delete_many({})
    with pytest.raises(NotFound):
        use.blocks(run_id, soon())


def test_nobody_who_has_gone_is_added_up_for(runs: Rebalances, database: Database) -> None:
    run_id = stored(runs, database, {1: 3}, {1: 5})
    use = approve(runs, database, run_id, [1, 2])
    with pytest.raises(Cancelled):
        use.blocks(run_id, soon().unless(lambda: True))
    with pytest.raises(DeadlineExceeded):
        use.blocks(run_id, Deadline.after(0))
