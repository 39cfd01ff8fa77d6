"""Rebalancing one portfolio, or all portfolios of a model, or some of them."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from threading import Event
from typing import TYPE_CHECKING

from ordergen_server.domain import origin
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import PreconditionFailed, Violation
from ordergen_server.domain.models import Model, Position, without_positions
from ordergen_server.domain.open_orders import LOOKING, OpenOrders
from ordergen_server.domain.rebalances import (
    PortfolioRebalance,
    PortfolioState,
    Rebalance,
    RebalanceOptions,
    RebalanceState,
    RunEvent,
    RunFinished,
    RunStarted,
    View,
    summary_of,
)
from ordergen_server.domain.stores import BegunBy, ModelStore, RebalanceStore, Request, RunOrder
from ordergen_server.domain.subjects import Subject, current_subject
from ordergen_server.domain.summaries import RebalanceSummary
from ordergen_server.services.members import NO_FLOWS, Members, chosen
from ordergen_server.services.observer import UNOBSERVED, RunObserver, Stage
from ordergen_server.services.portfolio_work import STOPPING, PortfolioWork, Task, untried
from ordergen_server.services.running.leased_run import end_state
from ordergen_server.services.running.runs import Runs
from ordergen_server.services.securities import Securities
from ordergen_server.services.watching import Events, watch

if TYPE_CHECKING:
    from ordergen_server.domain.errors import OrderGenerationError

#: Takes what is called once the caller has gone, in whatever way; false where that was before.
WhenGone = Callable[[Callable[[], None]], bool]


class Rebalancer:
    """The use cases of rebalancing. What became of a portfolio is stored before anyone is told.

    `maximum_price_age_days` holds for runs whose options have none; None is any age. `has_order_service` says
    whether open orders can be looked at, which runs do whose options do not say.
    """

    def __init__(
        self,
        *,
        models: ModelStore,
        store: RebalanceStore,
        work: PortfolioWork,
        runs: Runs,
        clock: Callable[[], datetime],
        subject: Callable[[], Subject] = current_subject,
        observer: RunObserver = UNOBSERVED,
        maximum_price_age_days: int | None = None,
        has_order_service: bool = False,
    ) -> None:
        self._observer = observer
        self._models = models
        self._store = store
        self._work = work
        self._runs = runs
        self._clock = clock
        self._subject = subject
        self._maximum_price_age_days = maximum_price_age_days
        self._has_order_service = has_order_service

    def rebalance_portfolio(
        self,
        portfolio_id: str,
        options: RebalanceOptions,
        deadline: Deadline,
        *,
        request: Request | None = None,
        validate_only: bool = False,
        cash_flow: Decimal | None = None,
    ) -> PortfolioRebalance:
        """Rebalance one portfolio to its model: a run of one, stored whole, with its end.

        Args:
            portfolio_id: the portfolio.
            options: how.
            deadline: by when.
            request: makes the call safe to repeat.
            validate_only: store nothing.
            cash_flow: money that comes (above 0) or is paid out (below 0).

        Raises:
            NotFound: the portfolio belongs to no model.
            ModelWithoutPositions: its model has none.
            Infeasible, MarketValueNotPositive, DataProblem, Unavailable, DeadlineExceeded: why the portfolio
                has no answer; metadata rebalance_id leads to what was stored.
            Cancelled: the caller has gone, and nothing was stored.
        """
        first = self._store.first_of(request) if request and not validate_only else None
        if first:  # whatever has become of the model since
            result = self._store.get_portfolio(first.rebalance_id, portfolio_id)
        else:
            model = self._models.of_portfolio(portfolio_id)
            started = self._started(model, 1, options, stored=not validate_only)
            asked = Members((portfolio_id,), {portfolio_id: cash_flow} if cash_flow else {})
            result = self._result(started, model, asked, deadline)
            deadline.raise_if_stopped()
            if not validate_only:
                result = self._stored(started, result, request)
        if result.error:
            if result.rebalance_id:
                result.error.metadata["rebalance_id"] = result.rebalance_id
            raise result.error
        return result

    def rebalance_model(
        self,
        model_id: str,
        options: RebalanceOptions,
        deadline: Deadline,
        *,
        portfolio_ids: Sequence[str] = (),
        cash_flows: Mapping[str, Decimal] = NO_FLOWS,
        request: Request | None = None,
        view: View = View.FULL,
        when_gone: WhenGone = lambda _: True,
    ) -> Events:
        """Begin to rebalance portfolios of a model; each is told as it is done and stored.

        A caller that goes away cancels the run at once, if it was theirs and however slowly they read; one
        that repeats a request joins its run.

        Args:
            model_id: the model.
            options: how.
            deadline: by when.
            portfolio_ids: which of its portfolios, each once; none are all.
            cash_flows: money that comes (above 0) or is paid out (below 0), by the id of a portfolio.
            request: makes the call safe to repeat.
            view: how much is told of each portfolio.
            when_gone: takes what is to be done once the caller has gone.

        Raises:
            NotFound: there is no such model.
            InvalidArgument: one of the portfolios is none of the model's, or a cash flow is of none of them.
            ModelWithoutPositions: it has none.
            RebalanceInProgress: another run of the model is in progress.
            ResourceExhausted: too many runs on this server.
            Unavailable, DeadlineExceeded: why the run stopped, after its last event.
        """
        left = deadline.remaining_seconds("the run began")
        begun, joined = self._begin(model_id, options, left, Members(portfolio_ids, cash_flows), request)
        gone = Event()

        def leave() -> None:
            gone.set()
            if not (joined or self._runs.draining):
                self._runs.stop(begun.rebalance_id)

        if not when_gone(leave):
            leave()
        events = watch(self._store, begun.rebalance_id, 0, deadline, view=view, gone=gone)
        return self._followed(events, begun, joined, self._subject())

    def _followed(self, run: Events, begun: Rebalance, joined: bool, caller: Subject) -> Events:
        ended = False
        try:
            for events in run:
                last = events[-1].event if events else None
                ended = isinstance(last, RunFinished)
                yield events
                if isinstance(last, RunFinished):
                    _raise_error(last.rebalance)
        finally:
            if not (ended or joined or self._runs.draining):
                self._runs.cancel(begun.rebalance_id, caller)

    def preview_model(
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

        Raises as `rebalance_model`; Cancelled where it is stopped.
        """
        with self._runs.previewing():
            model = self._models.get(model_id)
            asked = chosen(model, Members(portfolio_ids, cash_flows))
            tried = model.with_positions(draft) if draft else model
            started = self._started(
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
        summary = RebalanceSummary()
        for result in self._previewed(started, model, asked, deadline):
            sequence += 1
            counts[result.state] = counts.get(result.state, 0) + 1
            summary = summary.plus(summary_of([result]))
            error = error or (result.error if isinstance(result.error, STOPPING) else None)
            yield [RunEvent(sequence, result if view is View.FULL else replace(result, positions=()))]
        finished = replace(
            started,
            state=end_state(counts, error, cancelled=False),
            counts=counts,
            error=error,
            finish_time=self._clock(),
            summary=summary,
        )
        yield [RunEvent(sequence + 1, RunFinished(finished))]
        _raise_error(finished)

    def start(
        self,
        model_id: str,
        options: RebalanceOptions,
        seconds: float,
        *,
        portfolio_ids: Sequence[str] = (),
        cash_flows: Mapping[str, Decimal] = NO_FLOWS,
        request: Request | None = None,
    ) -> Rebalance:
        """Begin a run that goes on by itself, for `seconds` at most. Raises as `rebalance_model`."""
        return self._begin(model_id, options, seconds, Members(portfolio_ids, cash_flows), request)[0]

    def watch(
        self,
        rebalance_id: str,
        after_sequence: int,
        deadline: Deadline,
        gone: Event,
        view: View = View.FULL,
    ) -> Events:
        """Every event of a run after a point, until it ends. Raises NotFound, DeadlineExceeded."""
        return watch(self._store, rebalance_id, after_sequence, deadline, view=view, gone=gone)

    def cancel(self, rebalance_id: str, seconds: float) -> Generator[Sequence[Rebalance], None, None]:
        """Cancel a run, and tell it once it has ended, or as it is after `seconds`. Raises NotFound.

        An empty batch says that it still runs: ask again after a change.
        """
        found = self._runs.cancel(rebalance_id, self._subject())
        until = Deadline.after(seconds)
        while found.state is RebalanceState.RUNNING and not until.passed:
            yield []
            found = self._store.get(rebalance_id)
        yield [found]

    def _begin(
        self,
        model_id: str,
        options: RebalanceOptions,
        seconds: float,
        asked: Members,
        request: Request | None,
    ) -> tuple[Rebalance, bool]:
        """Begin a run, or join the one that the same request has begun: then the second is true."""
        first = self._store.first_of(request) if request else None
        if first:  # whatever has become of the model since
            return first, True
        model = self._models.get(model_id)
        asked = chosen(model, asked)
        count = len(asked.portfolio_ids)
        started = self._started(model, count, options, partial=asked.is_part(model))
        begun_by = BegunBy(dict(origin.current().fields), dict(origin.current().headers))
        order = RunOrder(started, model.positions, seconds, begun_by)
        begun = self._runs.begin(order, asked.portfolio_ids, request, asked.cash_flows)
        return begun, begun.rebalance_id != started.rebalance_id

    def _started(
        self,
        model: Model,
        portfolio_count: int,
        options: RebalanceOptions,
        *,
        partial: bool = False,
        draft: bool = False,
        stored: bool = True,
    ) -> Rebalance:
        _require_positions(model, draft=draft)
        time, subject = self._clock(), self._subject()
        return Rebalance(
            rebalance_id=self._store.new_id() if stored else "",
            model_id=model.model_id,
            model_name=model.name,
            model_version=model.version,
            state=RebalanceState.RUNNING,
            create_time=time,
            rebalance_date=time.date(),
            portfolio_count=portfolio_count,
            options=self._in_full(options),
            actor=subject.name,
            authenticated=subject.is_authenticated,
            partial=partial,
            draft=draft,
            summary=RebalanceSummary(),
        )

    def _in_full(self, options: RebalanceOptions) -> RebalanceOptions:
        """Options with what the server is configured with where they say nothing."""
        open_orders = self._open_orders(options)
        days = options.maximum_price_age_days
        if days is None:
            days = self._maximum_price_age_days
        return replace(options, maximum_price_age_days=days, open_orders=open_orders)

    def _open_orders(self, options: RebalanceOptions) -> OpenOrders | None:
        """What the run does with open orders. Raises PreconditionFailed where it cannot look at them."""
        if options.open_orders is None:
            return OpenOrders.REFUSE if self._has_order_service else None
        if options.open_orders in LOOKING and not self._has_order_service:
            raise _no_order_service(options.open_orders)
        return options.open_orders

    def _result(
        self, started: Rebalance, model: Model, asked: Members, deadline: Deadline
    ) -> PortfolioRebalance:
        (portfolio_id,) = asked.portfolio_ids
        try:
            snapshot = self._work.snapshot(model.positions, deadline, _looks(started))
        except STOPPING as error:
            known = untried(started, portfolio_id, asked.cash_flows)
            return replace(known, state=PortfolioState.FAILED, error=error)
        securities = Securities(model.positions, snapshot, started.oldest_price_date)
        return self._work.one(Task(started, securities, deadline, asked.cash_flows), portfolio_id)

    def _stored(
        self, started: Rebalance, result: PortfolioRebalance, request: Request | None
    ) -> PortfolioRebalance:
        """Store a run of one portfolio; answers the first result of a repeated request."""
        time = self._clock()
        stopped = result.error if isinstance(result.error, STOPPING) else None
        counts = {result.state: 1}
        ended = replace(
            started,
            state=end_state(counts, stopped, cancelled=False),
            counts=counts,
            error=stopped,
            finish_time=time,
            summary=summary_of([result]),
        )
        with self._observer.stage(Stage.STORE):
            stored = self._store.save_whole(ended, result, request)
        if stored.rebalance_id != started.rebalance_id:
            return self._store.get_portfolio(stored.rebalance_id, result.portfolio_id)
        self._observer.stored(counts)
        self._observer.run_ended(ended.state)
        if result.state is PortfolioState.REBALANCED:
            self._models.mark_rebalanced(started.model_id, time)
        return replace(result, sequence=2)

    def _previewed(
        self, started: Rebalance, model: Model, asked: Members, deadline: Deadline
    ) -> Iterator[PortfolioRebalance]:
        """Results as they come, and the rest skipped where one says that all others fail too."""
        pending = dict.fromkeys(asked.portfolio_ids)
        stopped: OrderGenerationError | None = None
        try:
            snapshot = self._work.snapshot(model.positions, deadline, _looks(started))
            securities = Securities(model.positions, snapshot, started.oldest_price_date)
            task = Task(started, securities, deadline, asked.cash_flows)
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


def _looks(started: Rebalance) -> OpenOrders | None:
    return started.options.open_orders if started.options else None


def _no_order_service(asked: OpenOrders) -> PreconditionFailed:
    rule = f"must be IGNORE or unspecified, not {asked.value}: the server has no order service"
    return PreconditionFailed(
        f"options.open_orders {rule}; its operators set ORDERGEN_ORDER_URL.",
        violations=[Violation("options.open_orders", rule, "NO_ORDER_SERVICE")],
    )


def _raise_error(finished: Rebalance) -> None:
    """Raise why a run stopped, if it did."""
    if finished.error:
        if finished.rebalance_id:
            finished.error.metadata["rebalance_id"] = finished.rebalance_id
        raise finished.error


def _require_positions(model: Model, *, draft: bool) -> None:
    if not model.positions:
        raise without_positions(model, draft=draft)
