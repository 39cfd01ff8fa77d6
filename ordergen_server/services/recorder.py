"""Writes down a run as it goes: each result with its place in the run, and the end."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState, Rebalance, RebalanceState
from ordergen_server.domain.stores import ModelStore, RebalanceStore

ERROR_STATES = (PortfolioState.INFEASIBLE, PortfolioState.FAILED, PortfolioState.SKIPPED)


class Recorder:
    """The only writer of one run.

    Args:
        started: the run as it begins; stored by `start`.
        changed: called after every write, for those who watch.
    """

    def __init__(
        self,
        started: Rebalance,
        runs: RebalanceStore,
        models: ModelStore,
        clock: Callable[[], datetime],
        changed: Callable[[], None],
    ) -> None:
        self.rebalance = started
        self._runs = runs
        self._models = models
        self._clock = clock
        self._changed = changed
        self._sequence = 1  # the start of the run has the first place
        self._counts: Counter[PortfolioState] = Counter()

    def start(self) -> None:
        """Store that the run has begun."""
        self._runs.create(self.rebalance)

    def add(self, results: Iterable[PortfolioRebalance]) -> Sequence[PortfolioRebalance]:
        """Store results; answers them with their places in the run."""
        placed = [replace(result, sequence=self._sequence + place) for place, result in enumerate(results, 1)]
        self._runs.save_portfolios(placed)
        self._sequence += len(placed)
        self._counts.update(result.state for result in placed)
        self._changed()
        return placed

    def finish(self, error: OrderGenerationError | None = None, *, cancelled: bool = False) -> Rebalance:
        """Store that the run has ended: of itself, by `error`, or cancelled."""
        time = self._clock()
        if self._counts[PortfolioState.REBALANCED]:
            self._models.mark_rebalanced(self.rebalance.model_id, time)
        self.rebalance = self._runs.update(
            replace(
                self.rebalance,
                state=self._end_state(error, cancelled),
                finish_time=time,
                counts=dict(self._counts),
                error=error,
            )
        )
        self._changed()
        return self.rebalance

    def _end_state(self, error: OrderGenerationError | None, cancelled: bool) -> RebalanceState:
        if cancelled:
            return RebalanceState.CANCELLED
        if error:
            return RebalanceState.FAILED
        with_errors = any(self._counts[state] for state in ERROR_STATES)
        return RebalanceState.COMPLETED_WITH_ERRORS if with_errors else RebalanceState.COMPLETED
