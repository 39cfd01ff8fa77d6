"""Rebalancing all portfolios of a model, or some of them: runs that are stored as they go on."""

from collections.abc import Callable, Generator, Mapping, Sequence
from decimal import Decimal
from threading import Event

from ordergen_server.domain import origin
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import View
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState, RunFinished
from ordergen_server.domain.stores import BegunBy, ModelStore, RebalanceStore, Request, RunOrder
from ordergen_server.domain.subjects import Subject
from ordergen_server.services.members import NO_FLOWS, Members, chosen
from ordergen_server.services.rebalancing.headers import RunHeaders, raise_error
from ordergen_server.services.running.runs import Runs
from ordergen_server.services.running.watching import Events, watch

#: Takes what is called once the caller has gone, in whatever way; false where that was before.
WhenGone = Callable[[Callable[[], None]], bool]


class ModelRebalancer:
    """Begins runs, and tells what becomes of them once that is stored."""

    def __init__(self, headers: RunHeaders, *, models: ModelStore, store: RebalanceStore, runs: Runs) -> None:
        self._headers = headers
        self._models = models
        self._store = store
        self._runs = runs

    def rebalance(
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
            PreconditionFailed: open orders are to be looked at, and the server has no order service.
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
        return self._followed(events, begun, joined, self._headers.subject())

    def _followed(self, run: Events, begun: Rebalance, joined: bool, caller: Subject) -> Events:
        ended = False
        try:
            for events in run:
                last = events[-1].event if events else None
                ended = isinstance(last, RunFinished)
                yield events
                if isinstance(last, RunFinished):
                    raise_error(last.rebalance)
        finally:
            if not (ended or joined or self._runs.draining):
                self._runs.cancel(begun.rebalance_id, caller)

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
        """Begin a run that goes on by itself, for `seconds` at most. Raises as `rebalance`."""
        return self._begin(model_id, options, seconds, Members(portfolio_ids, cash_flows), request)[0]

    def watch(
        self, rebalance_id: str, after_sequence: int, deadline: Deadline, gone: Event, view: View = View.FULL
    ) -> Events:
        """Every event of a run after a point, until it ends. Raises NotFound, DeadlineExceeded."""
        return watch(self._store, rebalance_id, after_sequence, deadline, view=view, gone=gone)

    def cancel(self, rebalance_id: str, seconds: float) -> Generator[Sequence[Rebalance], None, None]:
        """Cancel a run, and tell it once it has ended, or as it is after `seconds`. Raises NotFound.

        An empty batch says that it still runs: ask again after a change.
        """
        found = self._runs.cancel(rebalance_id, self._headers.subject())
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
        started = self._headers.started(model, count, options, partial=asked.is_part(model))
        begun_by = BegunBy(dict(origin.current().fields), dict(origin.current().headers))
        order = RunOrder(started, model.positions, seconds, begun_by)
        begun = self._runs.begin(order, asked.portfolio_ids, request, asked.cash_flows)
        return begun, begun.rebalance_id != started.rebalance_id
