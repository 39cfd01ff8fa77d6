"""Carries out one run: reads the market once, works on every portfolio, and always ends the run."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace
from itertools import islice
from threading import Event

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    Cancelled,
    DataProblem,
    DeadlineExceeded,
    InternalError,
    OrderGenerationError,
    Unavailable,
)
from ordergen_server.domain.market import MarketSnapshot, MarketSource, PortfolioSource
from ordergen_server.domain.models import Model
from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState, Rebalance, RebalanceOptions
from ordergen_server.services.portfolio import rebalance_portfolio
from ordergen_server.services.recorder import Recorder

#: Errors that say that going on with other portfolios would fail the same way.
STOPPING = (Unavailable, DeadlineExceeded)

#: Of the time that is left; the rest is for storing the result and answering before the deadline.
SOLVER_SHARE = 0.9

Work = Callable[[str], PortfolioRebalance]


class Execution:
    """Works on runs with the siblings' data, `window` portfolios at once on `workers`."""

    def __init__(
        self, *, market: MarketSource, portfolios: PortfolioSource, workers: Executor, window: int
    ) -> None:
        self._market = market
        self._portfolios = portfolios
        self._workers = workers
        self._window = window

    def run(
        self,
        recorder: Recorder,
        model: Model,
        portfolio_ids: Iterable[str],
        deadline: Deadline,
        cancelled: Event,
    ) -> Rebalance:
        """Work on every portfolio, record what becomes of it, and the end of the run.

        Raises:
            DatabaseUnavailable: the end could not be recorded.
        """
        pending = dict.fromkeys(portfolio_ids)
        stopped: OrderGenerationError | None = InternalError("The run was ended by an internal error.")
        try:
            stopped = self._work_off(pending, recorder, model, deadline, cancelled)
        except STOPPING as error:
            stopped = error
        finally:
            recorder.add([_skipped(blank(recorder.rebalance, one), stopped) for one in pending])
            # Cancelled once everyone had their turn, it was not cancelled.
            ended = recorder.finish(stopped, cancelled=cancelled.is_set() and bool(pending))
        return ended

    def _work_off(
        self,
        pending: dict[str, None],
        recorder: Recorder,
        model: Model,
        deadline: Deadline,
        cancelled: Event,
    ) -> OrderGenerationError | None:
        """Take each portfolio out of `pending` once it is recorded; answers what stopped the run."""
        snapshot = self._market.snapshot(
            deadline.remaining_seconds("reading prices"), [one.security_id for one in model.positions]
        )

        def work(portfolio_id: str) -> PortfolioRebalance:
            start = replace(blank(recorder.rebalance, portfolio_id), snapshot_time=snapshot.time)
            return self._result(start, model, snapshot, recorder.rebalance.options, deadline)

        for results in self._concurrently(work, list(pending)):
            for result in recorder.add(results):
                del pending[result.portfolio_id]
            stopped = next((result.error for result in results if isinstance(result.error, STOPPING)), None)
            if stopped or cancelled.is_set():
                return stopped
        return None

    def _concurrently(self, work: Work, portfolio_ids: list[str]) -> Iterator[list[PortfolioRebalance]]:
        """Do `work` for every portfolio, at most `window` at once; results as they come, in batches."""
        waiting = iter(portfolio_ids)
        busy = {self._workers.submit(work, one) for one in islice(waiting, self._window)}
        try:
            while busy:
                done, busy = wait(busy, return_when=FIRST_COMPLETED)
                busy |= {self._workers.submit(work, one) for one in islice(waiting, len(done))}
                yield [future.result() for future in done]
        finally:
            _abandon(busy)

    def _result(
        self,
        start: PortfolioRebalance,
        model: Model,
        snapshot: MarketSnapshot,
        options: RebalanceOptions,
        deadline: Deadline,
    ) -> PortfolioRebalance:
        try:
            holdings = self._portfolios.holdings(
                start.portfolio_id, deadline.remaining_seconds("reading holdings")
            )
            name = self._portfolios.name(start.portfolio_id, deadline.remaining_seconds("reading the name"))
            left = SOLVER_SHARE * deadline.remaining_seconds("solving")
            seconds = min(options.solver_timeout_seconds, left)
            named = replace(start, portfolio_name=name)
            return rebalance_portfolio(named, holdings, model, snapshot, options, timeout_seconds=seconds)
        except (DataProblem, *STOPPING) as error:
            return replace(start, state=PortfolioState.FAILED, error=error)


def blank(rebalance: Rebalance, portfolio_id: str) -> PortfolioRebalance:
    """The result of a portfolio that was not tried."""
    return PortfolioRebalance(
        rebalance_id=rebalance.rebalance_id,
        portfolio_id=portfolio_id,
        portfolio_name="",
        state=PortfolioState.SKIPPED,
        snapshot_time=None,
        trade_date=rebalance.rebalance_date,
    )


def _skipped(start: PortfolioRebalance, stopped: OrderGenerationError | None) -> PortfolioRebalance:
    return replace(start, error=stopped or Cancelled("The run was cancelled before this portfolio's turn."))


def _abandon(busy: Iterable[Future[PortfolioRebalance]]) -> None:
    """Start none of what waits, and let what has started end: it holds connections of ours."""
    for future in [future for future in busy if not future.cancel()]:
        wait([future])
