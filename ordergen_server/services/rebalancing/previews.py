"""Runs that are computed and told, and stored nowhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.models import Model, Position
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, View, summary_of
from ordergen_server.domain.rebalances.runs import Rebalance, RunEvent, RunFinished, RunStarted
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.stores import ModelStore, SettingsStore
from ordergen_server.services.members import NO_FLOWS, Members, chosen
from ordergen_server.services.portfolios.portfolio_work import STOPPING, PortfolioWork, Task, untried
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.rebalancing.headers import RunHeaders, raise_error
from ordergen_server.services.running.runs import Runs
from ordergen_server.services.running.watching import Events

if TYPE_CHECKING:
    from ordergen_server.domain.errors import OrderGenerationError


class Previews:
    """So many at once as `runs` have room for: who does not read delays no run."""

    def __init__(
        self,
        headers: RunHeaders,
        *,
        models: ModelStore,
        settings: SettingsStore,
        work: PortfolioWork,
        runs: Runs,
    ) -> None:
        self._headers = headers
        self._models = models
        self._settings = settings
        self._work = work
        self._runs = runs

    def preview(
        self,
        model_id: str,
        options: RebalanceOptions,
        deadline: Deadline,
        view: View = View.FULL,
        *,
        portfolio_ids: Sequence[str] = (),
        cash_flows: Mapping[str, Decimal] = NO_FLOWS,
        draft: Sequence[Position] = (),
    ) -> Events:
        """Compute a run and store nothing; `draft` is tried in place of the model's positions, if it has any.

        Raises as `ModelRebalancer.rebalance`; Cancelled where it is stopped.
        """
        with self._runs.previewing():
            model = self._models.get(model_id)
            asked = chosen(model, Members(portfolio_ids, cash_flows))
            tried = model.with_positions(draft) if draft else model
            started = self._headers.started(
                tried,
                len(asked.portfolio_ids),
                options,
                partial=asked.is_part(model),
                draft=bool(draft),
                stored=False,
            )
            yield from self._preview(started, tried, asked, deadline, view)

    def _preview(
        self, started: Rebalance, model: Model, asked: Members, deadline: Deadline, view: View
    ) -> Events:
        yield [RunEvent(1, RunStarted(started))]
        sequence, error = 1, None
        counts: dict[PortfolioState, int] = {}
        summary, not_traded = RebalanceSummary(), 0
        for result in self._previewed(started, model, asked, deadline):
            sequence += 1
            counts[result.state] = counts.get(result.state, 0) + 1
            summary = summary.plus(summary_of([result]))
            not_traded += result.is_not_to_be_traded
            error = error or (result.error if isinstance(result.error, STOPPING) else None)
            yield [
                RunEvent(sequence, result if view is View.FULL else replace(result, positions=(), frozen=()))
            ]
        finished = self._headers.ended(
            started, self._headers.now(), counts, error=error, summary=summary, not_traded=not_traded
        )
        yield [RunEvent(sequence + 1, RunFinished(finished))]
        raise_error(finished)

    def _previewed(
        self, started: Rebalance, model: Model, asked: Members, deadline: Deadline
    ) -> Iterator[PortfolioRebalance]:
        """Results as they come, and the rest skipped where one says that all others fail too."""
        pending = dict.fromkeys(asked.portfolio_ids)
        stopped: OrderGenerationError | None = None
        try:
            settings = self._settings.applied(list(pending))
            snapshot = self._work.snapshot(model.positions, deadline, started.open_orders)
            securities = Securities.of_run(started, model.positions, snapshot)
            task = Task(started, securities, deadline, asked.cash_flows, settings)
            for results in self._work.results(task, list(pending)):
                for result in results:
                    del pending[result.portfolio_id]
                    yield result
                stopped = next((one.error for one in results if isinstance(one.error, STOPPING)), None)
                if stopped:
                    break
        except STOPPING as error:
            stopped = error
        yield from (replace(untried(started, one, asked.cash_flows), error=stopped) for one in pending)
