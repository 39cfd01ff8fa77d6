"""A run is told to anyone, from any point, while it goes on and afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from threading import Event, Thread

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import DeadlineExceeded, InvalidArgument, NotFound
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, View
from ordergen_server.domain.rebalances.runs import (
    Rebalance,
    RebalanceState,
    RunEvent,
    RunFinished,
    RunStarted,
)
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.services.running.watching import BATCH, ChangeSignal, watch
from tests.builders import RUN_ID, rebalance, result
from tests.limits import PATIENCE
from tests.memory_runs import MemoryRuns
from tests.unit.services.runs import each


def stored_run(count: int, state: RebalanceState = RebalanceState.COMPLETED) -> MemoryRuns:
    runs = MemoryRuns()
    results = [result(number, sequence=number + 2) for number in range(count)]
    runs.put(replace(rebalance(portfolio_count=count), state=state), results)
    return runs


def told(runs: MemoryRuns, after: int = 0) -> list[RunEvent]:
    return list(each(watch(runs, RUN_ID, after, Deadline.after(PATIENCE))))


def summary(events: Sequence[RunEvent]) -> list[tuple[int, type]]:
    return [(event.sequence, type(event.event)) for event in events]


def test_a_whole_run() -> None:
    assert summary(told(stored_run(2))) == [
        (1, RunStarted),
        (2, PortfolioRebalance),
        (3, PortfolioRebalance),
        (4, RunFinished),
    ]


@pytest.mark.parametrize("after", [-1, 5, 2**63 - 1])
def test_a_point_that_the_run_never_reaches(after: int) -> None:
    with pytest.raises(InvalidArgument) as raised:
        told(stored_run(2), after)
    rule = f"must be from 0 to 4, the last message of the run, not {after}"
    assert [(one.subject, one.rule) for one in raised.value.violations] == [("after_sequence", rule)]


def test_a_run_of_no_portfolios() -> None:
    assert summary(told(stored_run(0))) == [(1, RunStarted), (2, RunFinished)]


def test_a_run_of_more_than_a_batch() -> None:
    count = 2 * BATCH[View.FULL] + 1
    events = told(stored_run(count))
    assert [event.sequence for event in events] == list(range(1, count + 3))


@pytest.mark.parametrize("after", range(5))
def test_from_any_point(after: int) -> None:
    """What was told once is not told again; after the last event there is nothing more."""
    everything = told(stored_run(2))
    assert everything[after:] == told(stored_run(2), after)


def test_a_run_that_goes_on_is_told_as_it_goes() -> None:
    runs = stored_run(0, RebalanceState.RUNNING)
    runs.put(rebalance(portfolio_count=1))
    events = each(watch(runs, RUN_ID, 0, Deadline.after(PATIENCE)))
    assert next(events) == RunEvent(1, RunStarted(rebalance(portfolio_count=1)))

    def finish() -> None:
        runs.put(rebalance(portfolio_count=1), [result(sequence=2)])
        runs.put(replace(rebalance(portfolio_count=1), state=RebalanceState.COMPLETED))

    writer = Thread(target=finish)
    writer.start()
    assert summary(list(events)) == [(2, PortfolioRebalance), (3, RunFinished)]
    writer.join()


def test_a_run_that_was_imported_ends_after_the_results_that_there_are() -> None:
    """Of one of its three portfolios nothing is known but that it failed."""
    runs = MemoryRuns()
    ended = replace(rebalance(portfolio_count=3), state=RebalanceState.COMPLETED_WITH_ERRORS)
    runs.put(ended, [result(0, sequence=2), result(1, sequence=3)])
    expected = [(1, RunStarted), (2, PortfolioRebalance), (3, PortfolioRebalance), (4, RunFinished)]
    assert summary(told(runs)) == expected
    assert summary(told(runs, 3)) == expected[3:]
    assert told(runs, 4) == []


def test_what_another_server_stored_is_found_without_a_signal() -> None:
    runs = stored_run(0, RebalanceState.RUNNING)
    events = each(watch(runs, RUN_ID, 1, Deadline.after(PATIENCE)))
    writer = Thread(
        target=lambda: runs.put(replace(rebalance(portfolio_count=0), state=RebalanceState.FAILED))
    )
    writer.start()
    assert summary(list(events)) == [(2, RunFinished)]
    writer.join()


def test_a_reader_that_is_gone_is_told_no_more() -> None:
    runs, gone = stored_run(1, RebalanceState.RUNNING), Event()
    events = each(watch(runs, RUN_ID, 0, Deadline.after(PATIENCE), gone=gone))
    assert summary([next(events), next(events)]) == [(1, RunStarted), (2, PortfolioRebalance)]
    gone.set()
    assert list(events) == []


def test_a_run_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        told(MemoryRuns())


@pytest.mark.parametrize("left", [(), (0,), (0, 2)])
def test_a_run_that_is_being_deleted_does_not_look_as_if_it_had_ended(left: Sequence[int]) -> None:
    """Results go first: with some of them gone, its end would be told after a gap."""
    runs = stored_run(3)
    header = replace(runs.get(RUN_ID), counts={PortfolioState.NO_ACTION: 3})
    runs.put(header)
    assert len(told(runs)) == 5
    stored = runs.runs[RUN_ID].results
    runs.runs[RUN_ID].results = [stored[number] for number in left]
    with pytest.raises(NotFound, match="being deleted"):
        told(runs)


def test_a_run_that_is_not_over_in_time() -> None:
    runs = stored_run(0, RebalanceState.RUNNING)
    with pytest.raises(DeadlineExceeded, match="before the run ended"):
        list(each(watch(runs, RUN_ID, 0, Deadline.after(0.05))))


def test_while_there_is_nothing_a_batch_is_empty() -> None:
    """So that whoever asks can wait without holding a thread."""
    batches = watch(stored_run(1, RebalanceState.RUNNING), RUN_ID, 2, Deadline.after(PATIENCE))
    assert [next(batches), next(batches)] == [[], []]


def test_whoever_listens_hears_of_every_change() -> None:
    changed, heard = ChangeSignal(), list[int]()
    for listener in range(2):
        changed.subscribe(partial(heard.append, listener))
    changed.notify()
    changed.notify()
    assert heard == [0, 1, 0, 1]


def test_a_look_that_finds_nothing_new_asks_for_the_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """And while there are results to tell the run is not asked for again: many may watch."""
    count = 2 * BATCH[View.FULL]
    runs, asked = stored_run(count, RebalanceState.RUNNING), list[str]()
    get, portfolios_after = runs.get, runs.portfolios_after

    def noted_get(rebalance_id: str) -> Rebalance:
        asked.append("run")
        return get(rebalance_id)

    def noted_after(
        rebalance_id: str, sequence: int, limit: int, view: View = View.FULL
    ) -> tuple[PortfolioRebalance, ...]:
        asked.append("results")
        return portfolios_after(rebalance_id, sequence, limit, view)

    monkeypatch.setattr(runs, "get", noted_get)
    monkeypatch.setattr(runs, "portfolios_after", noted_after)
    batches = watch(runs, RUN_ID, 0, Deadline.after(PATIENCE))
    told = [next(batches) for _ in range(4)]
    assert [len(batch) for batch in told] == [1 + BATCH[View.FULL], BATCH[View.FULL], 0, 0]
    assert asked == ["run", "results", "results", "run", "run"]


@pytest.mark.parametrize("summary", [None, RebalanceSummary(trade_count=3)])
def test_a_run_begins_with_nothing_summed_where_it_has_sums(summary: RebalanceSummary | None) -> None:
    runs = stored_run(1)
    runs.put(replace(runs.get(RUN_ID), summary=summary))
    first, *_, last = [one.event for one in told(runs)]
    assert isinstance(first, RunStarted)
    assert isinstance(last, RunFinished)
    assert first.rebalance.summary == (summary and RebalanceSummary())
    assert last.rebalance.summary == summary
