"""The use cases of rebalancing, with fakes around them."""

import logging
from threading import Event

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    DatabaseUnavailable,
    DeadlineExceeded,
    MarketValueNotPositive,
    ModelWithoutPositions,
    NotFound,
    OrderGenerationError,
    SiblingUnavailable,
)
from ordergen_server.domain.rebalances import (
    PortfolioRebalance,
    PortfolioState,
    Rebalance,
    RebalanceOptions,
    RebalanceState,
    RunEvent,
    RunFinished,
    RunStarted,
)
from tests.builders import MODEL_ID, NOW, model, portfolio_id
from tests.unit.services.runs import BUYS, RESTS, WORTHLESS, House, house

OPTIONS = RebalanceOptions(solver_timeout_seconds=3)


def rebalance_one(parts: House) -> PortfolioRebalance:
    return parts.rebalancer.rebalance_portfolio(portfolio_id(0), OPTIONS, Deadline.after(10))


def rebalance_all(parts: House, seconds: float = 10) -> list[RunEvent]:
    return list(parts.rebalancer.rebalance_model(MODEL_ID, OPTIONS, Deadline.after(seconds)))


def only_run(parts: House) -> Rebalance:
    (run,) = parts.runs.headers.values()
    return run


def test_one_portfolio_is_a_run_of_its_own() -> None:
    """Also where its model has others."""
    with house(BUYS, RESTS) as parts:
        answer = rebalance_one(parts)
    run = only_run(parts)
    assert parts.runs.results == [answer]
    assert (answer.state, answer.sequence, answer.rebalance_id) == (
        PortfolioState.REBALANCED,
        2,
        run.rebalance_id,
    )
    assert (run.state, run.portfolio_count, run.options) == (RebalanceState.COMPLETED, 1, OPTIONS)
    assert (run.model_id, run.model_name, run.model_version) == (MODEL_ID, "Growth", model().version)
    assert (run.create_time, run.rebalance_date, run.finish_time) == (NOW, NOW.date(), NOW)


def test_one_portfolio_without_an_answer_is_its_error() -> None:
    """It leads to what was stored."""
    with house(WORTHLESS) as parts, pytest.raises(MarketValueNotPositive) as raised:
        rebalance_one(parts)
    assert raised.value.metadata["rebalance_id"] == only_run(parts).rebalance_id


def test_a_portfolio_of_no_model() -> None:
    with house() as parts, pytest.raises(NotFound):
        rebalance_one(parts)
    assert parts.runs.headers == {}


def test_a_model_without_positions_would_sell_everything() -> None:
    with house(RESTS, wanted=model(portfolios=1)) as parts:
        for rebalance in (rebalance_one, rebalance_all):
            with pytest.raises(ModelWithoutPositions, match="must have positions") as raised:
                rebalance(parts)
            assert raised.value.violations[0].subject == MODEL_ID
    assert parts.runs.headers == {}


def test_a_model_that_is_not_there() -> None:
    with house() as parts, pytest.raises(NotFound):
        parts.rebalancer.rebalance_model("f" * 24, OPTIONS, Deadline.after(10))


def test_a_model_is_told_from_start_to_end_and_everything_is_stored() -> None:
    with house(BUYS, RESTS, WORTHLESS, BUYS, workers=4, window=8) as parts:
        events = rebalance_all(parts)
    run = only_run(parts)
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6]
    assert isinstance(events[0].event, RunStarted)
    assert events[-1].event == RunFinished(run)
    assert run.state is RebalanceState.COMPLETED_WITH_ERRORS
    assert [event.event for event in events[1:-1]] == sorted(parts.runs.results, key=lambda one: one.sequence)


def test_a_model_without_portfolios() -> None:
    with house() as parts:
        events = rebalance_all(parts)
    assert [type(event.event) for event in events] == [RunStarted, RunFinished]
    assert only_run(parts).state is RebalanceState.COMPLETED


@pytest.mark.parametrize("problem", [SiblingUnavailable("down"), DeadlineExceeded("late")])
def test_a_run_that_stopped_says_why_after_its_last_event(problem: OrderGenerationError) -> None:
    with house(RESTS, RESTS, market=problem) as parts:
        events = parts.rebalancer.rebalance_model(MODEL_ID, OPTIONS, Deadline.after(10))
        told = [next(events) for _ in range(4)]
        with pytest.raises(type(problem)) as raised:
            next(events)
    finished = told[-1].event
    assert isinstance(finished, RunFinished)
    assert finished.rebalance.state is RebalanceState.FAILED
    assert raised.value.metadata["rebalance_id"] == only_run(parts).rebalance_id


def test_a_bug_ends_the_run_and_reaches_the_caller_itself(caplog: pytest.LogCaptureFixture) -> None:
    """So that the interceptor logs it with its correlation id."""
    with caplog.at_level(logging.ERROR), house(ZeroDivisionError("a bug")) as parts:
        with pytest.raises(ZeroDivisionError, match="a bug"):
            rebalance_all(parts)
        assert only_run(parts).state is RebalanceState.FAILED
    assert f"run {only_run(parts).rebalance_id} broke off" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text


def test_a_caller_is_not_left_waiting_where_the_end_could_not_be_stored() -> None:
    with house(RESTS) as parts:
        parts.runs.failures = [DatabaseUnavailable("down"), DatabaseUnavailable("down")]
        with pytest.raises(DatabaseUnavailable):
            rebalance_all(parts)
    assert only_run(parts).state is RebalanceState.RUNNING


def test_a_caller_that_leaves_cancels_the_run() -> None:
    """It is over when the iterator is closed: nothing of it goes on behind our back."""
    slowly = Event()
    with house(*[RESTS] * 20, before=lambda _: slowly.wait(0.1), workers=1, window=1) as parts:
        events = parts.rebalancer.rebalance_model(MODEL_ID, OPTIONS, Deadline.after(10))
        assert isinstance(next(events).event, RunStarted)
        events.close()  # type: ignore[attr-defined] # a generator
        run = only_run(parts)
    assert run.state is RebalanceState.CANCELLED
    assert run.counts[PortfolioState.SKIPPED] > 0
    assert len(parts.runs.results) == 20


def test_a_run_that_is_not_over_in_time_is_ended() -> None:
    release = Event()
    with house(RESTS, RESTS, before=lambda _: release.wait(0.3), workers=1, window=1) as parts:
        with pytest.raises(DeadlineExceeded):
            rebalance_all(parts, seconds=0.1)
        assert only_run(parts).state is not RebalanceState.RUNNING
