"""A run that this server holds: its lease, and why it should be let go."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Event

from ordergen_server.domain.chunks import ChunkStore, DoneChunk
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import OrderGenerationError, StoredDataDamaged
from ordergen_server.domain.origin import Origin
from ordergen_server.domain.rebalances import PortfolioState, Rebalance, RebalanceState
from ordergen_server.domain.stores import Lease, ModelStore, RebalanceStore, RunOrder
from ordergen_server.domain.subjects import Subject
from ordergen_server.services.observer import UNOBSERVED, RunObserver

_log = logging.getLogger(__name__)

_ERRORS = (PortfolioState.INFEASIBLE, PortfolioState.FAILED, PortfolioState.SKIPPED)


@dataclass(frozen=True, slots=True)
class LeasedRun:
    """A run with the token of its lease.

    Attributes:
        cancelled: a caller wants no more of it.
        abandoned: it is not ours any more, or we let it go for another server.
        trace: the span of the call that began it, where that was here.
    """

    order: RunOrder
    token: str
    deadline: Deadline
    cancelled: Event = field(default_factory=Event)
    abandoned: Event = field(default_factory=Event)
    trace: object = None

    @property
    def rebalance_id(self) -> str:
        """The id of the run."""
        return self.order.rebalance.rebalance_id

    @property
    def key(self) -> str:
        """The id of the run."""
        return self.rebalance_id

    @property
    def origin(self) -> Origin:
        """The call that began it."""
        begun_by = self.order.begun_by
        return Origin(begun_by.fields, begun_by.headers, self.trace).noting(rebalance_id=self.rebalance_id)

    @property
    def ends_early(self) -> bool:
        """Whether to stop before every portfolio had its turn."""
        return self.cancelled.is_set() or self.abandoned.is_set()


class RunJournal:
    """Writes down runs that this server holds, and tells those who watch.

    Attributes:
        lease_seconds: how long a run is ours after each write or renewal.

    Args:
        changed: called after every write.
        lease_seconds: how long a run is ours after each write or renewal.
        observer: hears what was stored.
    """

    def __init__(
        self,
        *,
        runs: RebalanceStore,
        chunks: ChunkStore,
        models: ModelStore,
        clock: Callable[[], datetime],
        changed: Callable[[], None],
        lease_seconds: float,
        observer: RunObserver = UNOBSERVED,
    ) -> None:
        self.runs = runs
        self._chunks = chunks
        self._observer = observer
        self._models = models
        self._clock = clock
        self._changed = changed
        self.lease_seconds = lease_seconds

    def lease(self, token: str) -> Lease:
        """The lease of a token."""
        return Lease(token, self.lease_seconds)

    def publish(self, run: LeasedRun, done: DoneChunk, sequence: int) -> None:
        """Tell a chunk that is done, after the results up to `sequence`. Raises LeaseLost, PlaceTaken."""
        if self._chunks.publish(run.rebalance_id, done, sequence, self.lease(run.token)):
            run.cancelled.set()
        self._observer.stored(done.counts)
        self._changed()

    def renew(self, run: LeasedRun) -> None:
        """Hold a run for longer. Raises LeaseLost."""
        if self.runs.renew(run.rebalance_id, self.lease(run.token)):
            run.cancelled.set()

    def release(self, run: LeasedRun) -> None:
        """Let another server take the run at once. Raises LeaseLost."""
        self.runs.renew(run.rebalance_id, Lease(run.token, 0))

    def cancel(self, rebalance_id: str, by: Subject) -> Rebalance:
        """Ask whoever carries out a run to cancel it. Raises NotFound."""
        return self.runs.request_cancel(rebalance_id, by, self._clock())

    def finish(self, run: LeasedRun, error: OrderGenerationError | None) -> Rebalance:
        """Store that a run has ended: of itself, by `error`, or cancelled. Raises LeaseLost.

        One that was cancelled once everyone had had their turn was not; one in which somebody has no result
        has FAILED, whatever became of that.
        """
        time = self._clock()
        counts = self.runs.get(run.rebalance_id).counts
        if lost := run.order.rebalance.portfolio_count - sum(counts.values()):
            error = error or _lost(run.rebalance_id, lost)
        if counts.get(PortfolioState.REBALANCED):
            self._models.mark_rebalanced(run.order.rebalance.model_id, time)
        state = end_state(counts, error, cancelled=not error and PortfolioState.SKIPPED in counts)
        ended = replace(run.order.rebalance, state=state, error=error, finish_time=time)
        stored = self.runs.finish(ended, self.lease(run.token))
        self._observer.run_ended(state)
        _log.info("run %s has ended: %s", run.rebalance_id, state.value)
        self._changed()
        return stored


def _lost(rebalance_id: str, count: int) -> StoredDataDamaged:
    _log.error("run %s has no results for %d portfolios: their chunks are not there", rebalance_id, count)
    return StoredDataDamaged(
        f"{count} portfolios have no result, for what was left to do is not stored: start another run.",
        metadata={"what": f"the chunks of rebalance {rebalance_id}"},
    )


def end_state(
    counts: dict[PortfolioState, int], error: OrderGenerationError | None, *, cancelled: bool
) -> RebalanceState:
    """How a run ended."""
    if cancelled:
        return RebalanceState.CANCELLED
    if error:
        return RebalanceState.FAILED
    with_errors = any(counts.get(state) for state in _ERRORS)
    return RebalanceState.COMPLETED_WITH_ERRORS if with_errors else RebalanceState.COMPLETED
