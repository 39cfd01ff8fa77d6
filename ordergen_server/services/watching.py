"""Tells a run to anyone, from any point: what is stored, and what comes."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Condition, Event

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.rebalances import Rebalance, RebalanceState, RunEvent, RunFinished, RunStarted
from ordergen_server.domain.stores import RebalanceStore
from ordergen_server.domain.violations import broken

#: How many results are read from the store at once.
BATCH = 50
#: How long a watcher sleeps before it looks for what another server stored.
LOOK_AGAIN_SECONDS = 0.25
#: Of a run; its end is the second.
FIRST_VERSION = 1


class ChangeSignal:
    """Wakes those who watch runs of this process when something was stored."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often something was stored so far."""
        return self._count

    def notify(self) -> None:
        """Wake everyone who waits."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Return once the count is above `heard`, or after `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._count > heard, seconds)


def watch(
    runs: RebalanceStore,
    changed: ChangeSignal,
    rebalance_id: str,
    after_sequence: int,
    deadline: Deadline,
    *,
    gone: Event | None = None,
) -> Iterator[RunEvent]:
    """Every event of a run after `after_sequence`, until the run ends.

    It reads from the store, so a slow reader slows nothing but itself. Where the caller is `gone` it ends
    before the run does.

    Raises:
        NotFound: there is no such run.
        InvalidArgument: the run never has that many events.
        DeadlineExceeded: the run is not over in time.
    """
    sequence = after_sequence
    while not (gone and gone.is_set()):
        deadline.remaining_seconds("the run ended")
        heard = changed.count
        rebalance = runs.get(rebalance_id)
        _check_place(after_sequence, rebalance)
        if sequence < 1:
            sequence = 1
            yield RunEvent(1, RunStarted(_as_it_began(rebalance)))
        results = runs.portfolios_after(rebalance_id, sequence, BATCH)
        for result in results:
            sequence = result.sequence
            yield RunEvent(sequence, result)
        if results:
            continue
        if rebalance.state is not RebalanceState.RUNNING:
            if sequence <= rebalance.portfolio_count + 1:
                yield RunEvent(rebalance.portfolio_count + 2, RunFinished(rebalance))
            return
        changed.wait(heard, min(LOOK_AGAIN_SECONDS, deadline.remaining_seconds("the run ended")))


def _check_place(after_sequence: int, run: Rebalance) -> None:
    last = run.portfolio_count + 2  # its beginning, its portfolios, its end
    if not 0 <= after_sequence <= last:
        raise broken(
            "after_sequence", f"must be from 0 to {last}, the last message of the run", after_sequence
        )


def _as_it_began(run: Rebalance) -> Rebalance:
    return replace(
        run, state=RebalanceState.RUNNING, counts={}, finish_time=None, error=None, version=FIRST_VERSION
    )
