"""Rebalancing one portfolio, or all portfolios of a model; and reading what was done."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from threading import Event

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import ModelWithoutPositions, Violation
from ordergen_server.domain.models import Model
from ordergen_server.domain.rebalances import (
    PortfolioRebalance,
    Rebalance,
    RebalanceOptions,
    RebalanceState,
    RunEvent,
    RunFinished,
)
from ordergen_server.domain.stores import ModelStore, RebalanceStore
from ordergen_server.services.execution import Execution
from ordergen_server.services.recorder import Recorder
from ordergen_server.services.watching import Bell, watch

_log = logging.getLogger(__name__)


class Rebalancer:
    """The use cases of rebalancing. What became of a portfolio is stored before anyone is told."""

    def __init__(
        self,
        *,
        models: ModelStore,
        runs: RebalanceStore,
        execution: Execution,
        clock: Callable[[], datetime],
    ) -> None:
        self._models = models
        self._runs = runs
        self._execution = execution
        self._clock = clock
        self._bell = Bell()

    def rebalance_portfolio(
        self, portfolio_id: str, options: RebalanceOptions, deadline: Deadline
    ) -> PortfolioRebalance:
        """Rebalance one portfolio to its model.

        Raises:
            NotFound: the portfolio belongs to no model.
            ModelWithoutPositions: its model has none.
            Infeasible, MarketValueNotPositive, DataProblem, Unavailable, DeadlineExceeded: why the portfolio
                has no answer; metadata rebalance_id leads to what was stored.
        """
        model = self._models.of_portfolio(portfolio_id)
        recorder = self._begin(model, 1, options)
        run = self._execution.run(recorder, model, (portfolio_id,), deadline, Event())
        result = self._runs.get_portfolio(run.rebalance_id, portfolio_id)
        if result.error:
            result.error.metadata["rebalance_id"] = run.rebalance_id
            raise result.error
        return result

    def rebalance_model(
        self, model_id: str, options: RebalanceOptions, deadline: Deadline
    ) -> Iterator[RunEvent]:
        """Rebalance every portfolio of a model, telling each as it is done and stored.

        A caller that closes the iterator cancels the run.

        Raises:
            NotFound: there is no such model.
            ModelWithoutPositions: it has none.
            Unavailable, DeadlineExceeded: why the run stopped, after its last event.
        """
        model = self._models.get(model_id)
        recorder = self._begin(model, len(model.portfolio_ids), options)
        cancelled = Event()
        thread = ThreadPoolExecutor(1, "run")
        run = thread.submit(self._execution.run, recorder, model, model.portfolio_ids, deadline, cancelled)
        thread.shutdown(wait=False)  # it ends with the run
        return self._told(recorder.rebalance.rebalance_id, deadline, cancelled, run)

    def _told(
        self, rebalance_id: str, deadline: Deadline, cancelled: Event, run: Future[Rebalance]
    ) -> Iterator[RunEvent]:
        try:
            for event in watch(self._runs, self._bell, rebalance_id, 0, deadline, is_over=run.done):
                yield event
                if isinstance(event.event, RunFinished):
                    _raise_error(run, event.event.rebalance)
            run.result()
        finally:
            cancelled.set()
            if failure := run.exception():
                _log.error("run %s broke off", rebalance_id, exc_info=failure)

    def _begin(self, model: Model, portfolio_count: int, options: RebalanceOptions) -> Recorder:
        _require_positions(model)
        time = self._clock()
        started = Rebalance(
            rebalance_id=self._runs.new_id(),
            model_id=model.model_id,
            model_name=model.name,
            model_version=model.version,
            state=RebalanceState.RUNNING,
            create_time=time,
            rebalance_date=time.date(),
            portfolio_count=portfolio_count,
            options=options,
        )
        recorder = Recorder(started, self._runs, self._models, self._clock, self._bell.ring)
        recorder.start()
        return recorder


def _raise_error(run: Future[Rebalance], finished: Rebalance) -> None:
    """Raise why a run stopped, if it did: the bug itself where it was one."""
    run.result()
    if finished.error:
        finished.error.metadata["rebalance_id"] = finished.rebalance_id
        raise finished.error


def _require_positions(model: Model) -> None:
    if not model.positions:
        rule = "must have positions: rebalancing to none would sell everything"
        raise ModelWithoutPositions(
            f"Model {model.model_id} {rule}.",
            metadata={"model_id": model.model_id},
            violations=[Violation(model.model_id, rule, "MODEL_WITHOUT_POSITIONS")],
        )
