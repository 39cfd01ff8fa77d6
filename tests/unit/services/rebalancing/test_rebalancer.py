"""The use cases of rebalancing, with fakes around them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import islice
from threading import Event
from typing import NoReturn

import pytest

from ordergen_server.domain.chunks import ChunkTask, ClaimedChunk
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    Cancelled,
    DatabaseUnavailable,
    DeadlineExceeded,
    InternalError,
    ModelWithoutPositions,
    NotFound,
    OrderGenerationError,
    ResourceExhausted,
    SiblingUnavailable,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState, RunEvent, RunFinished, RunStarted
from tests.builders import MODEL_ID, model, portfolio_id
from tests.limits import PATIENCE
from tests.unit.services.runs import (
    BUYS,
    LEASE_SECONDS,
    OPTIONS,
    REQUEST,
    RESTS,
    WORTHLESS,
    House,
    each,
    house,
    only_run,
    rebalance_one,
)
from tests.waiting import eventually


def rebalance_all(parts: House, seconds: float = 10) -> list[RunEvent]:
    return list(each(parts.rebalancers.model.rebalance(MODEL_ID, OPTIONS, Deadline.after(seconds))))


def test_a_model_without_positions_would_sell_everything() -> None:
    with house(RESTS, wanted=model(portfolios=1)) as parts:
        for rebalance in (rebalance_one, rebalance_all):
            with pytest.raises(ModelWithoutPositions, match="must have positions") as raised:
                rebalance(parts)
            assert raised.value.violations[0].subject == MODEL_ID
    assert parts.runs.headers == {}


def test_a_model_that_is_not_there() -> None:
    with house() as parts, pytest.raises(NotFound):
        next(each(parts.rebalancers.model.rebalance("f" * 24, OPTIONS, Deadline.after(PATIENCE))))


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
        events = each(parts.rebalancers.model.rebalance(MODEL_ID, OPTIONS, Deadline.after(PATIENCE)))
        told = [next(events) for _ in range(4)]
        with pytest.raises(type(problem)) as raised:
            next(events)
    finished = told[-1].event
    assert isinstance(finished, RunFinished)
    assert finished.rebalance.state is RebalanceState.FAILED
    assert raised.value.metadata["rebalance_id"] == only_run(parts).rebalance_id


def test_a_bug_ends_the_run_as_an_internal_error() -> None:
    with house(ZeroDivisionError("a bug")) as parts, pytest.raises(InternalError) as raised:
        rebalance_all(parts)
    assert only_run(parts).state is RebalanceState.FAILED
    assert "a bug" not in raised.value.message


def test_a_caller_waits_for_whoever_takes_the_run_over() -> None:
    """What could not be stored is done again after the lease has run out, and the stream goes on."""
    with house(RESTS) as parts:
        events = each(parts.rebalancers.model.rebalance(MODEL_ID, OPTIONS, Deadline.after(1000)))
        storing, parts.chunks.storing = parts.chunks.storing, refuse  # type: ignore[assignment,method-assign]
        assert isinstance(next(events).event, RunStarted)
        eventually(lambda: not parts.holder._held)  # noqa: SLF001 - nothing else tells
        parts.chunks.storing = storing  # type: ignore[method-assign]
        parts.clock.move(LEASE_SECONDS + 1)
        parts.holder.tend()
        assert [event.sequence for event in events] == [2, 3]
    assert only_run(parts).state is RebalanceState.COMPLETED


def refuse(*_: object) -> NoReturn:
    raise DatabaseUnavailable("down")


def gated_house(gate: Event, count: int = 20) -> AbstractContextManager[House]:
    """Its portfolios are read one after another, once the gate is open."""
    return house(*[RESTS] * count, before=lambda _: gate.wait(PATIENCE), workers=1, window=1)


def test_a_caller_that_leaves_cancels_the_run() -> None:
    gate = Event()
    with gated_house(gate) as parts:
        events = each(parts.rebalancers.model.rebalance(MODEL_ID, OPTIONS, Deadline.after(PATIENCE)))
        assert isinstance(next(events).event, RunStarted)
        events.close()
        assert parts.ended(only_run(parts).rebalance_id)
        gate.set()
        run = only_run(parts)
    assert run.state is RebalanceState.CANCELLED
    assert run.counts[PortfolioState.SKIPPED] > 0
    assert len(parts.runs.results) == 20


def test_a_caller_that_is_gone_is_told_no_more_and_its_run_is_cancelled() -> None:
    """It ends while what is being read is still read, though nobody reads what it tells."""
    gate, leaving = Event(), Leaving()
    with gated_house(gate) as parts:
        events = each(
            parts.rebalancers.model.rebalance(
                MODEL_ID, OPTIONS, Deadline.after(PATIENCE), when_gone=leaving.add_callback
            )
        )
        next(events)
        eventually(lambda: parts.portfolios.asked)
        leaving.leave()
        assert parts.ended(only_run(parts).rebalance_id)
        gate.set()
    assert only_run(parts).state is RebalanceState.CANCELLED
    assert only_run(parts).counts == {PortfolioState.SKIPPED: 20}
    assert len(parts.portfolios.asked) == 1


def test_a_caller_that_is_gone_before_the_run_has_begun_cancels_it() -> None:
    gate = Event()
    with gated_house(gate) as parts:
        events = each(
            parts.rebalancers.model.rebalance(
                MODEL_ID, OPTIONS, Deadline.after(PATIENCE), when_gone=lambda _: False
            )
        )
        assert list(events) == []
        assert parts.ended(only_run(parts).rebalance_id)
        gate.set()
    assert only_run(parts).counts == {PortfolioState.SKIPPED: 20}


class Leaving:
    """A call, as gRPC has it, that is over once its caller leaves."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[], None]] = []

    def add_callback(self, callback: Callable[[], None]) -> bool:
        self.callbacks.append(callback)
        return True

    def leave(self) -> None:
        for callback in self.callbacks:
            callback()


def test_a_server_that_stops_does_not_cancel_the_runs_of_callers_that_it_cuts_off() -> None:
    gate, leaving = Event(), Leaving()
    with gated_house(gate) as parts:
        events = each(
            parts.rebalancers.model.rebalance(
                MODEL_ID, OPTIONS, Deadline.after(PATIENCE), when_gone=leaving.add_callback
            )
        )
        next(events)
        parts.holder.drain()
        leaving.leave()
        assert list(events) == []
        parts.close_slowly(gate.set)
        assert only_run(parts).state is RebalanceState.RUNNING


def test_a_preview_ends_once_its_caller_has_gone() -> None:
    """Though the portfolio that is being read does not come."""
    gate, gone = Event(), Event()
    with gated_house(gate) as parts:
        events = each(
            parts.rebalancers.previews.preview(
                MODEL_ID, OPTIONS, Deadline.after(PATIENCE).unless(gone.is_set)
            )
        )
        next(events)
        gone.set()
        with pytest.raises(Cancelled):
            list(events)
        gate.set()
    assert len(parts.portfolios.asked) <= 1


def test_previews_that_nobody_reads_keep_no_run_from_beginning() -> None:
    with house(RESTS, maximum_runs=1) as parts:
        unread = each(parts.rebalancers.previews.preview(MODEL_ID, OPTIONS, Deadline.after(PATIENCE)))
        next(unread)
        with pytest.raises(ResourceExhausted) as refused:
            next(each(parts.rebalancers.previews.preview(MODEL_ID, OPTIONS, Deadline.after(PATIENCE))))
        assert refused.value.metadata == {"kind": "previews"}
        assert parts.ended(parts.rebalancers.model.start(MODEL_ID, OPTIONS, PATIENCE).rebalance_id)
        unread.close()
        again = each(parts.rebalancers.previews.preview(MODEL_ID, OPTIONS, Deadline.after(PATIENCE)))
        assert len(list(again)) == 3


def test_a_caller_that_leaves_a_server_that_stops_leaves_the_run_to_another() -> None:
    gate = Event()
    with gated_house(gate) as parts:
        events = each(parts.rebalancers.model.rebalance(MODEL_ID, OPTIONS, Deadline.after(PATIENCE)))
        next(events)
        parts.holder.drain()
        events.close()
        parts.close_slowly(gate.set)
        assert only_run(parts).state is RebalanceState.RUNNING


def test_a_caller_that_joined_leaves_the_run_to_who_began_it() -> None:
    gate = Event()
    with gated_house(gate, 5) as parts:
        first = each(
            parts.rebalancers.model.rebalance(MODEL_ID, OPTIONS, Deadline.after(PATIENCE), request=REQUEST)
        )
        assert isinstance(next(first).event, RunStarted)
        second = each(
            parts.rebalancers.model.rebalance(MODEL_ID, OPTIONS, Deadline.after(PATIENCE), request=REQUEST)
        )
        next(second)
        second.close()
        gate.set()
        assert [event.sequence for event in first] == [2, 3, 4, 5, 6, 7]
    assert only_run(parts).state is RebalanceState.COMPLETED


def test_a_slow_reader_does_not_slow_the_run() -> None:
    with house(*[RESTS] * 30) as parts:
        events = each(parts.rebalancers.model.rebalance(MODEL_ID, OPTIONS, Deadline.after(PATIENCE)))
        next(events)
        assert parts.ended(only_run(parts).rebalance_id)
        assert [event.sequence for event in events] == list(range(2, 33))


def test_a_run_that_is_not_over_in_time_is_ended() -> None:
    release = Event()
    with house(RESTS, RESTS, before=lambda _: release.wait(PATIENCE), workers=1, window=1) as parts:
        with pytest.raises(DeadlineExceeded):
            rebalance_all(parts, seconds=0.5)
        assert parts.ended(only_run(parts).rebalance_id)
        release.set()
    assert only_run(parts).state in (RebalanceState.FAILED, RebalanceState.CANCELLED)


def test_a_run_started_goes_on_and_can_be_watched_and_cancelled() -> None:
    first, rest = Event(), Event()

    def before(asked: str) -> None:
        (first if asked == portfolio_id(0) else rest).wait(PATIENCE)

    with house(*[RESTS] * 20, before=before, workers=1, window=1) as parts, ThreadPoolExecutor(1) as caller:
        started = parts.rebalancers.model.start(MODEL_ID, OPTIONS, 1000)
        assert started.state is RebalanceState.RUNNING
        seen = each(parts.rebalancers.model.watch(started.rebalance_id, 1, Deadline.after(PATIENCE), Event()))
        first.set()
        assert next(seen).sequence == 2
        cancelling = caller.submit(parts.cancel, started.rebalance_id, PATIENCE)
        eventually(lambda: parts.runs.runs[started.rebalance_id].cancel_requested)
        cancelled = cancelling.result()
        rest.set()
        assert cancelled.state is RebalanceState.CANCELLED
        assert [event.sequence for event in seen] == list(range(3, 23))
        assert parts.cancel(started.rebalance_id, 10) == cancelled


def test_a_cancel_answers_after_its_time_that_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    release = Event()
    with gated_house(release) as parts:
        storing = parts.chunks.storing

        def slowly(
            task: ChunkTask, chunk: ClaimedChunk, results: Sequence[PortfolioRebalance], *more: None
        ) -> Callable[[], bool]:
            release.wait(PATIENCE)
            return storing(task, chunk, results, *more)

        monkeypatch.setattr(parts.chunks, "storing", slowly)
        started = parts.rebalancers.model.start(MODEL_ID, OPTIONS, 1000)
        assert parts.cancel(started.rebalance_id, 0.05).state is RebalanceState.RUNNING
        release.set()
        assert parts.ended(started.rebalance_id)


def test_a_preview_of_a_model_stores_nothing() -> None:
    with house(BUYS, RESTS, WORTHLESS) as parts:
        events = list(each(parts.rebalancers.previews.preview(MODEL_ID, OPTIONS, Deadline.after(PATIENCE))))
        assert parts.runs.runs == {}
        assert parts.models.get(MODEL_ID).last_rebalance_time is None
    finished = events[-1].event
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
    assert isinstance(finished, RunFinished)
    assert (finished.rebalance.state, finished.rebalance.rebalance_id) == (
        RebalanceState.COMPLETED_WITH_ERRORS,
        "",
    )
    assert finished.rebalance.counts == {
        PortfolioState.REBALANCED: 1,
        PortfolioState.NO_ACTION: 1,
        PortfolioState.FAILED: 1,
    }


@pytest.mark.parametrize("where", ["market", "portfolio"])
def test_a_preview_that_stops_skips_the_rest_and_says_why(where: str) -> None:
    down = SiblingUnavailable("down")
    market = down if where == "market" else None
    told: list[RunEvent] = []
    with house(down, *[RESTS] * 5, market=market, workers=1, window=1) as parts:
        with pytest.raises(SiblingUnavailable) as raised:
            told += each(parts.rebalancers.previews.preview(MODEL_ID, OPTIONS, Deadline.after(PATIENCE)))
        events = each(parts.rebalancers.previews.preview(MODEL_ID, OPTIONS, Deadline.after(PATIENCE)))
        told = list(islice(events, 8))
        events.close()
        assert parts.runs.runs == {}
    assert "rebalance_id" not in raised.value.metadata
    assert [event.sequence for event in told] == list(range(1, 9))
    finished = told[-1].event
    assert isinstance(finished, RunFinished)
    assert (finished.rebalance.state, finished.rebalance.error) == (RebalanceState.FAILED, down)
    assert sum(finished.rebalance.counts.values()) == 6
