"""Tells a run to anyone, from any point: what is stored, and what comes."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from threading import Event

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import NotFound, Resource
from ordergen_server.domain.rebalances.results import View
from ordergen_server.domain.rebalances.runs import (
    Rebalance,
    RebalanceState,
    RunEvent,
    RunFinished,
    RunStarted,
)
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.requests.violations import broken
from ordergen_server.domain.stores import RebalanceStore

#: How many results are read from the store at once; a slow reader keeps as many.
BATCH = {View.BASIC: 256, View.FULL: 32}
#: Of a run; its end is the second.
FIRST_VERSION = 1


#: Events as they come; an empty batch says that there is nothing yet: ask again after a change.
Events = Generator[Sequence[RunEvent], None, None]


class ChangeSignal:
    """Tells those who watch runs of this process that something was stored."""

    def __init__(self) -> None:
        self._hearers: list[Callable[[], None]] = []

    def subscribe(self, hearer: Callable[[], None]) -> None:
        """Have something called, quickly, after every change, by whatever thread made it."""
        self._hearers.append(hearer)

    def notify(self) -> None:
        """Something was stored."""
        for hearer in self._hearers:
            hearer()


def watch(
    runs: RebalanceStore,
    rebalance_id: str,
    after_sequence: int,
    deadline: Deadline,
    *,
    view: View = View.FULL,
    gone: Event | None = None,
) -> Events:
    """Every event of a run after `after_sequence`, until the run ends.

    It reads from the store, so a slow reader slows nothing but itself: the run again once all that it counted
    is told, and results only where it counts more. Where the caller is `gone` it ends before the run does.

    Raises:
        NotFound: there is no such run, or it is being deleted.
        InvalidArgument: the run never has that many events.
        DeadlineExceeded: the run is not over in time.
    """
    sequence = last = after_sequence
    while not (gone and gone.is_set()):
        deadline.remaining_seconds("the run ended")
        if sequence >= last:
            rebalance = runs.get(rebalance_id)
            _check_place(after_sequence, rebalance)
            last = 1 + sum(rebalance.counts.values())
        events = [RunEvent(1, RunStarted(_as_it_began(rebalance)))] if sequence < 1 else []
        sequence = max(sequence, 1)
        if sequence < last:
            events += _read(runs, rebalance_id, sequence, view)
            sequence = events[-1].sequence
        elif rebalance.state is not RebalanceState.RUNNING:
            if sequence <= last:
                events.append(RunEvent(last + 1, RunFinished(rebalance)))
            yield events
            return
        yield events


def _check_place(after_sequence: int, run: Rebalance) -> None:
    last = run.portfolio_count + 2  # its beginning, its portfolios, its end
    if not 0 <= after_sequence <= last:
        raise broken(
            "after_sequence", f"must be from 0 to {last}, the last message of the run", after_sequence
        )


def _read(runs: RebalanceStore, rebalance_id: str, sequence: int, view: View) -> list[RunEvent]:
    """The next results, which the run counts. Raises NotFound: some are not there any more."""
    results = runs.portfolios_after(rebalance_id, sequence, BATCH[view], view)
    if not results or results[-1].sequence != sequence + len(results):
        raise NotFound(
            f"Results of rebalance {rebalance_id} are not there any more: it is being deleted.",
            metadata={"rebalance_id": rebalance_id},
            resource=Resource("Rebalance", rebalance_id),
        )
    return [RunEvent(result.sequence, result) for result in results]


def _as_it_began(run: Rebalance) -> Rebalance:
    return replace(
        run,
        state=RebalanceState.RUNNING,
        counts={},
        not_traded=0,
        finish_time=None,
        error=None,
        version=FIRST_VERSION,
        summary=run.summary and RebalanceSummary(),
    )
