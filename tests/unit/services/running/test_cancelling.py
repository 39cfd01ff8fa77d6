"""A run that is cancelled: it ends at once, and what is not done is skipped."""

from collections.abc import Collection
from decimal import Decimal
from threading import Barrier, Event, Thread

import pytest

import optimizer
from ordergen_server.domain.errors import (
    Cancelled,
)
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.rebalances import (
    PortfolioState,
    RebalanceOptions,
    RebalanceState,
)
from ordergen_server.domain.subjects import NOBODY
from tests.builders import NOW, portfolio_id
from tests.limits import PATIENCE
from tests.unit.services.runs import BUYS, RESTS, house
from tests.waiting import eventually


def test_a_cancelled_run_skips_the_rest() -> None:
    """What was done stays done, and counts: the model was rebalanced."""
    with house(BUYS, RESTS, RESTS, RESTS, workers=1, window=1) as parts:
        held = parts.held()

        def cancel(one: str) -> None:
            if one == portfolio_id(1):
                eventually(lambda: parts.runs.results)
                held.cancelled.set()
                eventually(lambda: parts.runs.get(held.rebalance_id).finish_time)

        parts.portfolios.before = cancel
        parts.execution.carry_out(held)
        ended = parts.runs.get(held.rebalance_id)
    assert (ended.state, ended.error) == (RebalanceState.CANCELLED, None)
    assert ended.counts[PortfolioState.REBALANCED] == 1
    skipped = [one for one in parts.runs.results if one.state is PortfolioState.SKIPPED]
    assert len(parts.runs.results) == 4
    assert skipped
    why = Cancelled("The run was cancelled before this portfolio's turn: start another.")
    assert [one.error for one in skipped] == [why] * len(skipped)
    assert parts.models.get(parts.model.model_id).last_rebalance_time == NOW


def test_a_cancel_that_another_server_was_asked_for_is_seen_with_the_next_result() -> None:
    with house(*[RESTS] * 20, workers=1, window=1) as parts:
        held = parts.held()

        def wait_for_the_end(one: str) -> None:
            if one == portfolio_id(3):
                eventually(lambda: parts.runs.get(held.rebalance_id).finish_time)

        parts.portfolios.before = wait_for_the_end
        parts.runs.request_cancel(held.rebalance_id, NOBODY, NOW)
        parts.execution.carry_out(held)
        ended = parts.runs.get(held.rebalance_id)
    assert ended.state is RebalanceState.CANCELLED
    assert ended.counts[PortfolioState.SKIPPED] > 10
    assert sum(ended.counts.values()) == 20


def test_a_run_cancelled_after_its_last_portfolio_is_complete() -> None:
    with house(BUYS) as parts:
        held = parts.held()
        parts.runs.request_cancel(
            held.rebalance_id, NOBODY, NOW
        )  # it is heard with the answer to what is stored
        parts.execution.carry_out(held)
        assert parts.runs.get(held.rebalance_id).state is RebalanceState.COMPLETED


@pytest.mark.parametrize("done", [0, 7])
def test_a_cancelled_run_ends_while_what_is_being_read_is_slow(done: int) -> None:
    """Nothing is told after the cancel but that the rest is skipped, and nothing more is asked for."""
    reading, gate = Event(), Event()

    def before(one: str) -> None:
        if one == portfolio_id(done):
            eventually(lambda: len(parts.runs.results) == done)
            reading.set()
            gate.wait(PATIENCE)

    with house(*[RESTS] * 50, before=before, workers=1, window=1) as parts:
        held = parts.held()
        work = Thread(target=parts.execution.carry_out, args=(held,))
        work.start()
        assert reading.wait(PATIENCE)
        held.cancelled.set()
        work.join()
        gate.set()
    ended = parts.runs.get(held.rebalance_id)
    assert ended.state is RebalanceState.CANCELLED
    assert [ended.counts.get(one, 0) for one in (PortfolioState.NO_ACTION, PortfolioState.SKIPPED)] == [
        done,
        50 - done,
    ]
    assert len(parts.portfolios.asked) == done + 1


def test_a_cancelled_run_does_not_wait_for_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, gate = Event(), Event()
    with house(*[RESTS] * 3) as parts:
        read = parts.market.snapshot

        def slowly(seconds: float, needed: Collection[str]) -> MarketSnapshot:
            reading.set()
            gate.wait(PATIENCE)
            return read(seconds, needed)

        monkeypatch.setattr(parts.market, "snapshot", slowly)
        held = parts.held()
        work = Thread(target=parts.execution.carry_out, args=(held,))
        work.start()
        assert reading.wait(PATIENCE)
        held.cancelled.set()
        work.join()
        gate.set()
    assert parts.runs.get(held.rebalance_id).counts == {PortfolioState.SKIPPED: 3}
    assert parts.portfolios.asked == []


def test_portfolios_that_were_read_are_not_solved_after_the_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself, as options that bind several lines need it: the first is being solved at the cancel."""
    solved: list[object] = []
    with house(*[BUYS] * 9, workers=9, window=9) as parts:
        held = parts.held(options=RebalanceOptions(maximum_trade_count=1))
        read, ready = parts.portfolios.name, Barrier(9)
        solve = optimizer.solve

        def together(one: str, seconds: float) -> str:
            ready.wait(PATIENCE)
            return read(one, seconds)

        def cancelling(
            problem: optimizer.Problem, *, timeout_seconds: float, tolerance: Decimal = Decimal(0)
        ) -> optimizer.Solution:
            held.cancelled.set()
            eventually(lambda: parts.runs.get(held.rebalance_id).finish_time)
            solved.append(problem)
            return solve(problem, timeout_seconds=timeout_seconds, tolerance=tolerance)

        monkeypatch.setattr(parts.portfolios, "name", together)
        monkeypatch.setattr(optimizer, "solve", cancelling)
        parts.execution.carry_out(held)
    counts = parts.runs.get(held.rebalance_id).counts
    assert (len(solved), sum(counts.values())) == (1, 9)
    assert counts[PortfolioState.SKIPPED] >= 8
