"""A run works on every portfolio, stops where going on is useless, and is always brought to an end."""

from threading import Event

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    BadData,
    Cancelled,
    DatabaseUnavailable,
    DeadlineExceeded,
    InternalError,
    MissingData,
    SiblingUnavailable,
)
from ordergen_server.domain.rebalances import PortfolioState, Rebalance, RebalanceState
from ordergen_server.services.recorder import Recorder
from tests.builders import NOW, portfolio_id, rebalance, snapshot
from tests.unit.services.runs import BUYS, RESTS, WORTHLESS, House, house


def carry_out(parts: House, *, cancelled: Event | None = None, seconds: float = 10) -> Rebalance:
    started = rebalance(portfolio_count=len(parts.model.portfolio_ids))
    recorder = Recorder(started, parts.runs, parts.models, lambda: NOW, lambda: None)
    recorder.start()
    return parts.execution.run(
        recorder, parts.model, parts.model.portfolio_ids, Deadline.after(seconds), cancelled or Event()
    )


def states(parts: House) -> dict[str, PortfolioState]:
    return {one.portfolio_id: one.state for one in parts.runs.results}


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
    assert states(parts) == dict(zip(parts.model.portfolio_ids, expected, strict=True))
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
    assert set(states(parts).values()) == {PortfolioState.SKIPPED}
    assert {one.snapshot_time for one in parts.runs.results} == {None}


def test_no_time_at_all() -> None:
    with house(BUYS) as parts:
        ended = carry_out(parts, seconds=-1)
    assert ended.state is RebalanceState.FAILED
    assert isinstance(ended.error, DeadlineExceeded)
    assert parts.market.calls == 0


def test_a_cancelled_run_skips_the_rest() -> None:
    """What was done stays done, and counts: the model was rebalanced."""
    cancelled = Event()
    with house(BUYS, RESTS, RESTS, before=lambda _: cancelled.set(), workers=1, window=1) as parts:
        ended = carry_out(parts, cancelled=cancelled)
    assert (ended.state, ended.error) == (RebalanceState.CANCELLED, None)
    assert [one.state for one in parts.runs.results] == [
        PortfolioState.REBALANCED,
        PortfolioState.SKIPPED,
        PortfolioState.SKIPPED,
    ]
    assert parts.runs.results[1].error == Cancelled("The run was cancelled before this portfolio's turn.")
    assert parts.models.get(parts.model.model_id).last_rebalance_time == NOW


def test_a_run_cancelled_after_its_last_portfolio_is_complete() -> None:
    cancelled = Event()
    with house(BUYS, before=lambda _: cancelled.set()) as parts:
        assert carry_out(parts, cancelled=cancelled).state is RebalanceState.COMPLETED


def test_a_bug_ends_the_run_and_reaches_the_caller() -> None:
    """What is stored says nothing of its cause; everyone has a result."""
    with house(BUYS, ZeroDivisionError("a bug"), RESTS, RESTS, workers=1, window=1) as parts:
        with pytest.raises(ZeroDivisionError, match="a bug"):
            carry_out(parts)
        ended = parts.runs.get(rebalance().rebalance_id)
    expected = InternalError("The run was ended by an internal error.")
    assert (ended.state, ended.error) == (RebalanceState.FAILED, expected)
    assert sorted(states(parts)) == sorted(parts.model.portfolio_ids)
    assert [one.error for one in parts.runs.results[1:]] == [expected] * 3


def test_what_has_started_is_waited_for_and_what_waits_is_not_started() -> None:
    """With everyone of the window under way a run that stops asks for no more."""
    with house(SiblingUnavailable("down"), *[RESTS] * 9, workers=1, window=3) as parts:
        carry_out(parts)
    assert len(parts.portfolios.asked) < 10
    assert len(parts.runs.results) == 10


def test_the_solver_has_no_more_time_than_the_run() -> None:
    with house(RESTS) as parts:
        assert carry_out(parts, seconds=1).state is RebalanceState.COMPLETED


def test_an_end_that_cannot_be_stored_reaches_the_caller() -> None:
    with house(RESTS) as parts:
        parts.runs.failures = [DatabaseUnavailable("down"), DatabaseUnavailable("down")]
        with pytest.raises(DatabaseUnavailable):
            carry_out(parts)


def test_a_result_that_cannot_be_stored_stops_the_run() -> None:
    """The database came back: the portfolio whose result was lost is skipped, and the end is stored."""
    down = DatabaseUnavailable("down")
    with house(RESTS) as parts:
        parts.runs.failures = [down]
        ended = carry_out(parts)
    assert (ended.state, ended.error) == (RebalanceState.FAILED, down)
    assert states(parts) == {portfolio_id(0): PortfolioState.SKIPPED}
