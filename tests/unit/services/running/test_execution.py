"""A held run: every portfolio once, a stop where going on is useless, an end where it is ours to write."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from threading import Event, Thread
from typing import NoReturn

import pytest

from ordergen_server.domain.chunks import ChunkTask, ClaimedChunk
from ordergen_server.domain.errors import (
    BadData,
    DatabaseUnavailable,
    DeadlineExceeded,
    InternalError,
    MissingData,
    SiblingUnavailable,
)
from ordergen_server.domain.market import Holdings, Price, Quote
from ordergen_server.domain.rebalances import (
    PortfolioRebalance,
    PortfolioState,
    RebalanceState,
)
from ordergen_server.domain.stores import Lease, LeaseLost
from tests.builders import NOW, holdings, portfolio_id, rebalance, result, security_id, snapshot
from tests.limits import PATIENCE
from tests.unit.services.runs import BUYS, RESTS, TOKEN, WORTHLESS, carry_out, house
from tests.waiting import eventually


def test_every_portfolio_gets_its_result_from_one_snapshot() -> None:
    with house(BUYS, RESTS, WORTHLESS, BUYS, RESTS) as parts:
        ended = carry_out(parts)
        results = parts.runs.results
    expected = [
        PortfolioState.REBALANCED,
        PortfolioState.NO_ACTION,
        PortfolioState.FAILED,
        PortfolioState.REBALANCED,
        PortfolioState.NO_ACTION,
    ]
    assert parts.states == dict(zip(parts.model.portfolio_ids, expected, strict=True))
    assert sorted(one.sequence for one in results) == [2, 3, 4, 5, 6]
    assert ended.state is RebalanceState.COMPLETED_WITH_ERRORS
    assert ended.counts == {
        PortfolioState.REBALANCED: 2,
        PortfolioState.NO_ACTION: 2,
        PortfolioState.FAILED: 1,
    }
    assert parts.market.calls == 1
    assert sorted(parts.portfolios.asked) == sorted(parts.model.portfolio_ids)
    assert {one.portfolio_name for one in results} == {f"Name of {one}" for one in parts.model.portfolio_ids}
    assert {one.snapshot_time for one in results} == {NOW}


@pytest.mark.parametrize("problem", [MissingData("no price"), BadData("bad quantity")])
def test_bad_data_of_a_portfolio_do_not_stop_the_others(problem: Exception) -> None:
    with house(BUYS, problem, RESTS) as parts:
        ended = carry_out(parts)
        failed = parts.runs.get_portfolio(ended.rebalance_id, portfolio_id(1))
    assert (ended.state, ended.error) == (RebalanceState.COMPLETED_WITH_ERRORS, None)
    assert (failed.state, failed.error, failed.market_value) == (PortfolioState.FAILED, problem, None)


def test_a_missing_price_fails_the_portfolios_that_need_it() -> None:
    with house(BUYS, market=snapshot({2: "10"})) as parts:
        carry_out(parts)
    assert isinstance(parts.runs.results[0].error, MissingData)


def test_what_an_unlisted_market_lacks_is_asked_for_by_who_holds_it() -> None:
    """At the prices of the run; one that cannot be had fails its holder alone, and nobody asks for zeros."""
    holders = [
        holdings("0", {1: "50", 2: "5"}),
        holdings("0", {1: "50", 3: "1"}),
        holdings("90", {1: "1", 4: "0"}),
    ]
    market = replace(snapshot({1: "10"}), prices={"T2": Price(Decimal(20))})
    with house(*holders, market=market) as parts:
        parts.market.more = {
            security_id(2): Quote("T2", Decimal(20)),
            security_id(3): MissingData("no such security"),
        }
        carry_out(parts)
        found = {one.portfolio_id: one for one in parts.runs.results}
    assert sorted(parts.market.asked) == [security_id(2), security_id(3)]
    assert parts.market.calls == 1
    first = found[portfolio_id(0)]
    assert first.market_value == Decimal(600)
    assert [line.security.price for line in first.positions] == [Decimal(10), Decimal(20)]
    assert found[portfolio_id(1)].error == MissingData("no such security")
    assert found[portfolio_id(2)].error is None


def test_a_security_service_that_is_down_stops_a_run_of_an_unlisted_market(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market = replace(snapshot({1: "10"}), prices={})
    with house(holdings("0", {1: "50", 2: "5"}), market=market) as parts:
        monkeypatch.setattr(parts.market, "quotes", _down)
        ended = carry_out(parts)
    assert (ended.state, ended.error) == (RebalanceState.FAILED, SiblingUnavailable("down"))


def _down(*_: object) -> NoReturn:
    raise SiblingUnavailable("down")


@pytest.mark.parametrize("problem", [SiblingUnavailable("down"), DeadlineExceeded("late")])
def test_an_error_that_everyone_would_meet_stops_the_run(problem: Exception) -> None:
    """Those that had no turn are skipped for that reason."""
    with house(BUYS, problem, RESTS, RESTS, RESTS, workers=1, window=1) as parts:
        ended = carry_out(parts)
    assert (ended.state, ended.error) == (RebalanceState.FAILED, problem)
    assert [one.state for one in parts.runs.results] == [
        PortfolioState.REBALANCED,
        PortfolioState.FAILED,
        PortfolioState.SKIPPED,
        PortfolioState.SKIPPED,
        PortfolioState.SKIPPED,
    ]
    assert [one.error for one in parts.runs.results[1:]] == [problem] * 4
    assert [one.sequence for one in parts.runs.results] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("problem", [SiblingUnavailable("down"), DeadlineExceeded("late")])
def test_without_prices_no_portfolio_is_asked_for(problem: Exception) -> None:
    with house(BUYS, RESTS, market=problem) as parts:
        ended = carry_out(parts)
    assert (ended.state, ended.error) == (RebalanceState.FAILED, problem)
    assert parts.portfolios.asked == []
    assert set(parts.states.values()) == {PortfolioState.SKIPPED}
    assert {one.snapshot_time for one in parts.runs.results} == {None}


def test_no_time_at_all() -> None:
    with house(BUYS) as parts:
        ended = carry_out(parts, seconds=-1)
    assert ended.state is RebalanceState.FAILED
    assert isinstance(ended.error, DeadlineExceeded)
    assert parts.market.calls == 0


def test_an_abandoned_run_is_left_as_it_is() -> None:
    """Nothing is skipped and nothing ends: another server goes on where this one stopped."""
    with house(*[RESTS] * 9, workers=1, window=1) as parts:
        held = parts.held()
        left_alone = Event()

        def abandon(one: str) -> None:
            if one == portfolio_id(2):
                held.abandoned.set()
                left_alone.wait(PATIENCE)

        parts.portfolios.before = abandon
        parts.execution.carry_out(held)
        left_alone.set()
        left = parts.runs.get(held.rebalance_id)
        assert left.state is RebalanceState.RUNNING
        assert 0 < len(parts.runs.results) < 9
        assert set(parts.states.values()) == {PortfolioState.NO_ACTION}


def test_a_run_taken_over_goes_on_where_it_stood() -> None:
    """Sequences have no gap, no portfolio is asked for again, and the market is the first one's."""
    with house(BUYS, RESTS, BUYS, market=snapshot({1: "11"})) as parts:
        held = parts.held()
        first = snapshot({1: "10"})
        parts.runs.keep_snapshot(held.rebalance_id, first)
        done = result(1, run_id=held.rebalance_id, state=PortfolioState.NO_ACTION)
        parts.runs.append(held.rebalance_id, Lease(TOKEN, 60), [done])
        parts.execution.carry_out(held)
        ended = parts.runs.get(held.rebalance_id)
    assert ended.state is RebalanceState.COMPLETED
    assert [one.sequence for one in parts.runs.results] == [2, 3, 4]
    assert sorted(parts.portfolios.asked) == [portfolio_id(0), portfolio_id(2)]
    assert parts.market.calls == 0
    bought = [one.security.price for done in parts.runs.results[1:] for one in done.positions]
    assert bought == [10, 10]
    assert ended.counts == {PortfolioState.NO_ACTION: 1, PortfolioState.REBALANCED: 2}


def test_a_server_that_has_lost_its_run_writes_nothing_more() -> None:
    lost = Event()
    with house(*[RESTS] * 9, workers=1, window=1) as parts:
        held = parts.held()

        def lose(one: str) -> None:
            if one == portfolio_id(3):
                stored = parts.runs.runs[held.rebalance_id]
                stored.lease = Lease("of another", 60)
                lost.wait(PATIENCE)

        parts.portfolios.before = lose
        with pytest.raises(LeaseLost):
            parts.execution.carry_out(held)
        lost.set()
        assert parts.runs.get(held.rebalance_id).state is RebalanceState.RUNNING
        assert len(parts.runs.results) <= 4
        assert len(parts.portfolios.asked) < 9


def test_a_bug_ends_the_run_and_reaches_the_caller() -> None:
    """What is stored says nothing of its cause; everyone has a result."""
    with house(BUYS, ZeroDivisionError("a bug"), RESTS, RESTS, workers=1, window=1) as parts:
        with pytest.raises(ZeroDivisionError, match="a bug"):
            carry_out(parts)
        ended = parts.runs.get(rebalance().rebalance_id)
    expected = InternalError("The run was ended by an internal error: the server's log has it.")
    assert (ended.state, ended.error) == (RebalanceState.FAILED, expected)
    assert sorted(parts.states) == sorted(parts.model.portfolio_ids)
    assert [one.error for one in parts.runs.results[1:]] == [expected] * 3


def test_what_has_started_is_waited_for_and_what_waits_is_not_started() -> None:
    """With everyone of the window under way a run that stops asks for no more."""
    with house(SiblingUnavailable("down"), *[RESTS] * 9, workers=1, window=3) as parts:
        carry_out(parts)
    assert len(parts.portfolios.asked) < 10
    assert len(parts.runs.results) == 10


def test_no_more_than_the_window_is_read_ahead_of_the_store() -> None:
    """While a result cannot be stored, reading stops too: memory is bounded however many there are."""
    store_opens = Event()
    with house(*[RESTS] * 40, workers=4, window=4) as parts:
        storing = parts.chunks.storing

        def slowly(
            task: ChunkTask, chunk: ClaimedChunk, results: Sequence[PortfolioRebalance], *more: None
        ) -> Callable[[], bool]:
            store_opens.wait(PATIENCE)
            return storing(task, chunk, results, *more)

        parts.chunks.storing = slowly  # type: ignore[assignment,method-assign] # a slow database
        running = Thread(target=carry_out, args=(parts,))
        running.start()
        eventually(lambda: len(parts.portfolios.asked) >= 4)
        time.sleep(0.2)  # for more, which must not come
        asked = len(parts.portfolios.asked)
        store_opens.set()
        running.join()
    assert asked <= 3 * 4  # being stored, waiting to be stored, and being read
    assert len(parts.runs.results) == 40


def test_the_solver_has_no_more_time_than_the_run() -> None:
    with house(RESTS) as parts:
        assert carry_out(parts, seconds=1).state is RebalanceState.COMPLETED


@pytest.mark.parametrize("answers", [[RESTS], [RESTS] * 5, [SiblingUnavailable("down")]])
def test_a_result_that_cannot_be_stored_leaves_the_run_to_be_taken_over(
    answers: list[Holdings | Exception],
) -> None:
    with house(*answers) as parts:
        held = parts.held()
        parts.runs.failures = [DatabaseUnavailable("down")]
        with pytest.raises(DatabaseUnavailable):
            parts.execution.carry_out(held)
        assert parts.runs.get(held.rebalance_id).state is RebalanceState.RUNNING
