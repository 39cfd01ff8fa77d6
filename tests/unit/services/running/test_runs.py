"""The runs of a server: begun, joined, bounded, cancelled, taken over, let go, and always ended."""

import logging
from datetime import timedelta
from threading import Event

import pytest

from ordergen_server.domain.errors import (
    DatabaseUnavailable,
    DeadlineExceeded,
    InternalError,
    InvalidArgument,
    NotFound,
    RebalanceInProgress,
    ResourceExhausted,
)
from ordergen_server.domain.rebalances import PortfolioState, Rebalance, RebalanceState
from ordergen_server.domain.stores import Request, RunOrder
from ordergen_server.domain.subjects import NOBODY
from ordergen_server.services.running.runs import Runs
from tests.builders import MODEL_ID, NOW, model, portfolio_id, position, rebalance
from tests.fakes import MemoryModels
from tests.limits import PATIENCE
from tests.memory_runs import MemoryRuns
from tests.unit.services.runs import BUYS, LEASE_SECONDS, RESTS, Clock, House, house
from tests.waiting import eventually

OTHER = "token of a server that died"
REQUEST = Request("16fd2706-8baf-433b-82eb-8c7fada847da", "body")


def begin(
    parts: House, *, model_id: str = MODEL_ID, request: Request | None = None, seconds: float = 1000
) -> Rebalance:
    started = rebalance(
        run_id=parts.runs.new_id(), model_id=model_id, portfolio_count=len(parts.model.portfolio_ids)
    )
    order = RunOrder(started, parts.model.positions, seconds)
    return parts.holder.begin(order, parts.model.portfolio_ids, request)


class Gate:
    """Portfolios wait at it until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = Event(), Event()

    def __call__(self, _: str) -> None:
        self.reached.set()
        self.opened.wait(PATIENCE)


def test_a_run_goes_on_by_itself_to_its_end() -> None:
    with house(BUYS, RESTS, BUYS) as parts:
        begun = begin(parts)
        assert begun.state is RebalanceState.RUNNING
        assert parts.ended(begun.rebalance_id)
        ended = parts.runs.get(begun.rebalance_id)
    assert ended.counts == {PortfolioState.REBALANCED: 2, PortfolioState.NO_ACTION: 1}
    assert parts.runs.runs[begun.rebalance_id].lease is None


def test_a_second_run_of_a_model_names_the_first() -> None:
    gate = Gate()
    with house(RESTS, before=gate) as parts:
        first = begin(parts)
        with pytest.raises(RebalanceInProgress) as raised:
            begin(parts)
        assert raised.value.metadata["rebalance_id"] == first.rebalance_id
        gate.opened.set()
        assert parts.ended(first.rebalance_id)
        assert parts.ended(begin(parts).rebalance_id)


def test_the_same_request_joins_its_run_while_it_goes_on_and_afterwards() -> None:
    gate = Gate()
    with house(RESTS, before=gate) as parts:
        first = begin(parts, request=REQUEST)
        assert begin(parts, request=REQUEST).rebalance_id == first.rebalance_id
        gate.opened.set()
        assert parts.ended(first.rebalance_id)
        again = begin(parts, request=REQUEST)
        assert again == parts.runs.get(first.rebalance_id)
        with pytest.raises(InvalidArgument):
            begin(parts, request=Request(REQUEST.request_id, "another body"))
    assert len(parts.runs.runs) == 1
    assert parts.portfolios.asked == [portfolio_id(0)]


def test_runs_beyond_the_bound_are_refused_and_room_comes_back() -> None:
    """Neither joining nor a refused beginning takes room for good."""
    gate = Gate()
    with house(RESTS, before=gate, maximum_runs=1) as parts:
        first = begin(parts, request=REQUEST)
        with pytest.raises(ResourceExhausted) as raised:
            begin(parts, model_id="f" * 24)
        assert raised.value.retry_after_seconds == 5
        gate.opened.set()
        assert parts.ended(first.rebalance_id)
        for _ in range(3):
            assert begin_when_there_is_room(parts, REQUEST).rebalance_id == first.rebalance_id
        parts.runs.failures = [DatabaseUnavailable("down")]
        with pytest.raises(DatabaseUnavailable):
            begin_when_there_is_room(parts)
        assert parts.ended(begin_when_there_is_room(parts).rebalance_id)


def begin_when_there_is_room(parts: House, request: Request | None = None) -> Rebalance:
    """A run's room is free a moment after its end is stored."""
    found: list[Rebalance] = []

    def try_it() -> bool:
        try:
            found.append(begin(parts, request=request))
        except ResourceExhausted:
            return False
        return True

    eventually(try_it)
    return found[0]


def test_a_cancelled_run_ends_with_the_rest_skipped() -> None:
    gate = Gate()
    with house(*[RESTS] * 9, before=gate, workers=1, window=1) as parts:
        begun = begin(parts)
        assert gate.reached.wait(PATIENCE)
        parts.holder.cancel(begun.rebalance_id, NOBODY)
        assert parts.ended(begun.rebalance_id)
        gate.opened.set()
        ended = parts.runs.get(begun.rebalance_id)
    assert ended.state is RebalanceState.CANCELLED
    assert ended.counts[PortfolioState.SKIPPED] >= 7
    assert sum(ended.counts.values()) == 9


def test_there_is_nothing_to_cancel() -> None:
    with house() as parts, pytest.raises(NotFound):
        parts.holder.cancel("f" * 24, NOBODY)


def test_a_run_of_a_server_that_stops_is_taken_over_at_once_and_finished() -> None:
    """Every portfolio once, sequences without a gap, and nothing is CANCELLED or SKIPPED."""
    gate, runs, models = Gate(), MemoryRuns(), MemoryModels(model(position(1), portfolios=12))
    with house(*[RESTS] * 12, runs=runs, models=models, workers=1, window=1, before=gate) as first:
        begun = begin(first)
        assert gate.reached.wait(PATIENCE)
        first.holder.drain()
        with pytest.raises(ResourceExhausted):
            begin(first, model_id="f" * 24)
        first.close_slowly(gate.opened.set)
        before = len(runs.results)
        assert before < 12
        assert runs.runs[begun.rebalance_id].until == NOW
    with house(*[RESTS] * 12, runs=runs, models=models) as second:
        second.holder.tend()
        assert second.ended(begun.rebalance_id)
    ended = runs.get(begun.rebalance_id)
    assert (ended.state, ended.counts) == (RebalanceState.COMPLETED, {PortfolioState.NO_ACTION: 12})
    assert len(second.portfolios.asked) == 12 - before
    assert [one.sequence for one in runs.results] == list(range(2, 14))
    assert sorted(one.portfolio_id for one in runs.results) == sorted(first.model.portfolio_ids)


def test_a_run_is_taken_over_only_once_its_lease_has_run_out(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    runs = MemoryRuns(clock)
    with house(RESTS, RESTS, runs=runs, clock=clock) as parts:
        held = parts.held(token=OTHER)
        clock.move(LEASE_SECONDS - 0.001)
        parts.holder.tend()
        assert parts.runs.runs[held.rebalance_id].lease == parts.journal.lease(OTHER)
        clock.move(0.001)
        with caplog.at_level(logging.WARNING):
            parts.holder.tend()
        assert parts.ended(held.rebalance_id)
    assert f"taking over run {held.rebalance_id}" in caplog.text
    assert runs.get(held.rebalance_id).state is RebalanceState.COMPLETED


def test_leases_are_renewed_while_a_run_takes_long() -> None:
    gate, clock = Gate(), Clock()
    with house(RESTS, before=gate, clock=clock) as parts:
        begun = begin(parts)
        for _ in range(3):
            clock.move(LEASE_SECONDS / 2)
            parts.holder.tend()
        until = parts.runs.runs[begun.rebalance_id].until
        assert until == clock() + timedelta(seconds=LEASE_SECONDS)
        gate.opened.set()
        assert parts.ended(begun.rebalance_id)


def test_a_cancel_asked_of_another_server_is_seen_while_a_portfolio_takes_long() -> None:
    gate = Gate()
    with house(*[RESTS] * 5, before=gate, workers=1, window=1) as parts:
        begun = begin(parts)
        assert gate.reached.wait(PATIENCE)
        parts.runs.request_cancel(begun.rebalance_id, NOBODY, NOW)
        parts.holder.tend()
        assert parts.ended(begun.rebalance_id)
        gate.opened.set()
    assert parts.runs.get(begun.rebalance_id).state is RebalanceState.CANCELLED


def test_a_cancel_asked_of_another_server_is_heard_without_waiting_for_anything() -> None:
    """Not for the portfolio that is being read, nor for the time when leases are renewed."""
    gate = Gate()
    with house(*[RESTS] * 5, before=gate, workers=1, window=1) as parts:
        begun = begin(parts)
        assert gate.reached.wait(PATIENCE)
        parts.runs.request_cancel(begun.rebalance_id, NOBODY, NOW)
        assert parts.ended(begun.rebalance_id)
        gate.opened.set()
    assert parts.runs.get(begun.rebalance_id).counts == {PortfolioState.SKIPPED: 5}


def test_a_server_that_was_only_slow_stops_once_it_hears_that_the_run_is_another_ones() -> None:
    gate, clock = Gate(), Clock()
    with house(*[RESTS] * 9, before=gate, clock=clock, workers=1, window=1) as parts:
        begun = begin(parts)
        assert gate.reached.wait(PATIENCE)
        clock.move(LEASE_SECONDS + 1)
        taken = parts.runs.take_over(parts.journal.lease("of another"))
        assert taken
        assert taken.rebalance.rebalance_id == begun.rebalance_id
        parts.holder.tend()
        gate.opened.set()
        eventually(lambda: begin_possible(parts))
        assert parts.runs.results == []
        assert parts.runs.get(begun.rebalance_id).state is RebalanceState.RUNNING


def test_a_run_that_was_lost_and_is_taken_over_again_is_held_as_any_other() -> None:
    """Its first thread has not ended yet; with it neither the second one's place nor room is lost."""
    gate, clock = Gate(), Clock()
    with house(*[RESTS] * 9, before=gate, clock=clock, workers=1, window=1) as parts:
        begun = begin(parts)
        assert gate.reached.wait(PATIENCE)
        (first,) = [thread for _, thread in parts.holder._held.values()]  # noqa: SLF001 - nothing else tells
        clock.move(LEASE_SECONDS + 1)
        assert parts.runs.take_over(parts.journal.lease("of another that dies"))
        clock.move(LEASE_SECONDS + 1)
        parts.holder.tend()
        first.join(PATIENCE)
        assert list(parts.holder._held) == [begun.rebalance_id]  # noqa: SLF001 - nothing else tells
        gate.opened.set()
        assert parts.ended(begun.rebalance_id)
        eventually(lambda: begin_possible(parts))
        room = parts.holder._room  # noqa: SLF001 - nothing else tells
        with room.held(), room.held():
            pass
    assert parts.runs.get(begun.rebalance_id).counts == {PortfolioState.NO_ACTION: 9}


def begin_possible(parts: House) -> bool:
    """Whether the server holds nothing any more."""
    return not parts.holder._held  # noqa: SLF001 - nothing else tells


def test_a_bug_ends_its_run_is_logged_and_frees_its_room(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), house(ZeroDivisionError("a bug"), RESTS, maximum_runs=1) as parts:
        begun = begin(parts)
        assert parts.ended(begun.rebalance_id)
        ended = parts.runs.get(begun.rebalance_id)
        assert ended.error == InternalError(
            "The run was ended by an internal error: the server's log has it."
        )
        assert ended.state is RebalanceState.FAILED
        assert sum(ended.counts.values()) == 2
        assert parts.ended(begin_when_there_is_room(parts).rebalance_id)
    assert f"run {begun.rebalance_id} was ended by an internal error" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text


def test_a_run_that_cannot_be_stored_waits_for_its_lease_to_run_out() -> None:
    clock = Clock()
    with house(RESTS, clock=clock) as parts:
        failing = parts.chunks.storing
        parts.chunks.storing = raising(DatabaseUnavailable("down"))  # type: ignore[assignment]
        begun = begin(parts)
        eventually(lambda: begin_possible(parts))
        assert parts.runs.get(begun.rebalance_id).state is RebalanceState.RUNNING
        parts.chunks.storing = failing  # type: ignore[method-assign]
        clock.move(LEASE_SECONDS + 1)
        parts.holder.tend()
        assert parts.ended(begun.rebalance_id)
    assert parts.runs.get(begun.rebalance_id).state is RebalanceState.COMPLETED


def raising(error: Exception) -> "Raising":
    return Raising(error)


class Raising:
    """Raises, whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *_: object) -> bool:
        raise self.error


def test_a_run_past_its_deadline_is_ended_by_whoever_takes_it_over() -> None:
    clock = Clock()
    with house(RESTS, clock=clock) as parts:
        held = parts.held(seconds=5, token=OTHER)
        clock.move(LEASE_SECONDS + 1)
        parts.holder.tend()
        assert parts.ended(held.rebalance_id)
        ended = parts.runs.get(held.rebalance_id)
    assert ended.state is RebalanceState.FAILED
    assert isinstance(ended.error, DeadlineExceeded)
    assert ended.counts == {PortfolioState.SKIPPED: 1}


def test_a_database_that_is_down_does_not_end_the_tending(caplog: pytest.LogCaptureFixture) -> None:
    runs = MemoryRuns()
    runs.failures = [DatabaseUnavailable("The database does not answer.")]
    with caplog.at_level(logging.WARNING), house(runs=runs) as parts:
        eventually(lambda: "runs cannot be tended: The database does not answer." in caplog.text)
        parts.holder.tend()


def test_a_bug_while_tending_is_logged_and_tending_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every lease of the server would run out, and nobody would know why."""
    tended = Event()
    with house(BUYS) as parts:
        holder = Runs(parts.execution, parts.journal, maximum_runs=1, tend_seconds=0.01)
        answers = iter([ZeroDivisionError("a bug")])

        def tend() -> None:
            for answer in answers:
                raise answer
            tended.set()

        monkeypatch.setattr(holder, "tend", tend)
        holder.start()
        assert tended.wait(PATIENCE)
        holder.close()
    assert [record.message for record in caplog.records] == ["tending runs met an internal error"]
