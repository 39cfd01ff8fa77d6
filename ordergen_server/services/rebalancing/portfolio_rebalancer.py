"""Rebalancing one portfolio: a run of one."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.models import Model
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, summary_of
from ordergen_server.domain.rebalances.runs import Rebalance
from ordergen_server.domain.stores import ModelStore, RebalanceStore, Request, SettingsStore
from ordergen_server.services.members import Members
from ordergen_server.services.observer import RunObserver, Stage
from ordergen_server.services.portfolios.portfolio_work import (
    STOPPING,
    Explained,
    PortfolioWork,
    Task,
    not_to_be_traded,
    untried,
)
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.rebalancing.headers import RunHeaders

#: Takes a result that an earlier call of the same request has made.
Repeated = Callable[[PortfolioRebalance], object]


class PortfolioRebalancer:
    """What became of the portfolio is stored, with its run, before anyone is told."""

    def __init__(
        self,
        headers: RunHeaders,
        *,
        models: ModelStore,
        store: RebalanceStore,
        settings: SettingsStore,
        work: PortfolioWork,
        observer: RunObserver,
    ) -> None:
        self._headers = headers
        self._models = models
        self._store = store
        self._settings = settings
        self._work = work
        self._observer = observer

    def rebalance(
        self,
        portfolio_id: str,
        options: RebalanceOptions,
        deadline: Deadline,
        *,
        request: Request | None = None,
        validate_only: bool = False,
        cash_flow: Decimal | None = None,
        explained: Explained | None = None,
        repeated: Repeated = lambda _: None,
    ) -> PortfolioRebalance:
        """Rebalance one portfolio to its model: a run of one, stored whole, with its end.

        Args:
            portfolio_id: the portfolio.
            options: how.
            deadline: by when.
            request: makes the call safe to repeat.
            validate_only: store nothing.
            cash_flow: money that comes (above 0) or is paid out (below 0).
            explained: takes what the rules of the options do, which is not stored; an infeasible portfolio is
                then answered, and not raised.
            repeated: takes the result where it is that of an earlier call, of which more may be known by now.

        Raises:
            NotFound: the portfolio belongs to no model.
            ModelWithoutPositions: its model has none.
            PreconditionFailed: open orders are to be looked at, and the server has no order service.
            NotToBeTraded: its settings say so.
            HasOpenOrders, Infeasible, MarketValueNotPositive, DataProblem, Unavailable, DeadlineExceeded: why
                the portfolio has no answer; metadata rebalance_id leads to what was stored.
            Cancelled: the caller has gone, and nothing was stored.
        """
        first = self._store.first_of(request) if request and not validate_only else None
        if first:  # whatever has become of the model since
            result = self._store.get_portfolio(first.rebalance_id, portfolio_id)
            repeated(result)
        else:
            model = self._models.of_portfolio(portfolio_id)
            started = self._headers.started(model, 1, options, stored=not validate_only)
            asked = Members((portfolio_id,), {portfolio_id: cash_flow} if cash_flow else {})
            result = self._result(started, model, asked, deadline, explained)
            deadline.raise_if_stopped()
            if not validate_only:
                result = self._stored(started, result, request, repeated)
        if result.error:
            if result.rebalance_id:
                result.error.metadata["rebalance_id"] = result.rebalance_id
            if not (explained and result.state is PortfolioState.INFEASIBLE):
                raise result.error
        return result

    def _result(
        self,
        started: Rebalance,
        model: Model,
        asked: Members,
        deadline: Deadline,
        explained: Explained | None,
    ) -> PortfolioRebalance:
        (portfolio_id,) = asked.portfolio_ids
        settings = self._settings.applied([portfolio_id])
        if closed := not_to_be_traded(started, portfolio_id, settings, asked.cash_flows):
            return closed
        try:
            snapshot = self._work.snapshot(model.positions, deadline, started.open_orders)
        except STOPPING as error:
            known = untried(started, portfolio_id, asked.cash_flows)
            return replace(known, state=PortfolioState.FAILED, error=error)
        securities = Securities.of_run(started, model.positions, snapshot)
        task = Task(started, securities, deadline, asked.cash_flows, settings)
        return self._work.one(task, portfolio_id, explained)

    def _stored(
        self, started: Rebalance, result: PortfolioRebalance, request: Request | None, repeated: Repeated
    ) -> PortfolioRebalance:
        """Store a run of one portfolio; answers the first result of a repeated request."""
        stopped = result.error if isinstance(result.error, STOPPING) else None
        time, counts = self._headers.now(), {result.state: 1}
        ended = self._headers.ended(
            started,
            time,
            counts,
            error=stopped,
            summary=summary_of([result]),
            not_traded=int(result.is_not_to_be_traded),
        )
        with self._observer.stage(Stage.STORE):
            stored = self._store.save_whole(ended, result, request)
        if stored.rebalance_id != started.rebalance_id:
            earlier = self._store.get_portfolio(stored.rebalance_id, result.portfolio_id)
            repeated(earlier)
            return earlier
        self._observer.stored(counts)
        self._observer.run_ended(ended.state)
        if result.state is PortfolioState.REBALANCED:
            self._models.mark_rebalanced(started.model_id, time)
        return replace(result, sequence=2)
