"""RebalanceService over gRPC."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from globeco.ordergen.v1 import drift_pb2, rebalance_pb2, rebalance_service_pb2
from google.protobuf import empty_pb2

from ordergen_server.api.call import Call, Limits
from ordergen_server.api.messages import decoding, encoding
from ordergen_server.api.messages.desk import comparisons, drifts, explanations
from ordergen_server.api.messages.encoded_events import EncodedEvents
from ordergen_server.api.messages.options import rebalance_options
from ordergen_server.api.messages.orders.orders import set_order_state
from ordergen_server.api.messages.orders.reviews import set_review
from ordergen_server.api.order_calls import OrderCalls, OrderUseCases
from ordergen_server.api.settings_servicer import SettingsServicer
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, View
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.domain.requests.ids import check_entity_id, check_object_id, check_version
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.domain.stores import RebalanceStore, SettingsStore
from ordergen_server.services.desk.comparisons import Comparisons
from ordergen_server.services.desk.drift_checks import DriftChecks
from ordergen_server.services.desk.portfolio_settings import SettingsEditor
from ordergen_server.services.rebalancing.rebalancers import Rebalancers
from ordergen_server.services.running.watching import Events

if TYPE_CHECKING:
    from ordergen_server.domain.desk.explanations import Explanation

pb = rebalance_service_pb2

#: How long CancelRebalance waits for the run to end before it answers that it still runs.
CANCEL_SECONDS = 5.0


class RebalanceServicer(SettingsServicer, OrderCalls):
    """Decodes requests, asks the use cases, encodes answers; what it raises becomes a status.

    Where a method answers batches, an empty one says that there is nothing yet; streams of runs are encoded
    here, once for all that watch.

    Args:
        rebalancers: the use cases.
        drift_checks: who needs them.
        comparisons: what different options would do.
        runs: what is stored of runs.
        limits: how long calls may take.
        orders: what becomes of a run once it has ended.
        editor: changes settings of portfolios.
        settings: what is stored of them.
    """

    def __init__(
        self,
        rebalancers: Rebalancers,
        drift_checks: DriftChecks,
        comparisons: Comparisons,
        runs: RebalanceStore,
        limits: Limits,
        *,
        orders: OrderUseCases,
        editor: SettingsEditor,
        settings: SettingsStore,
    ) -> None:
        SettingsServicer.__init__(self, editor, settings)
        OrderCalls.__init__(self, orders, limits)
        self._rebalancers = rebalancers
        self._drift_checks = drift_checks
        self._comparisons = comparisons
        self._runs = runs
        self._reviewer = orders.reviewer
        self._rule = orders.reviewer.rule
        self._events = EncodedEvents(rule=self._rule)

    def RebalancePortfolio(
        self, request: pb.RebalancePortfolioRequest, call: Call
    ) -> rebalance_pb2.PortfolioRebalance:
        """Rebalance one portfolio."""
        with Violations() as violations:
            check_entity_id(request.portfolio_id, "portfolio_id", violations)
            repeatable = decoding.request(request, violations)
            options = rebalance_options(request.options, violations)
            cash_flow = decoding.cash_flow(request, violations)
        explained: list[Explanation] = []
        repeated: list[PortfolioRebalance] = []
        result = self._rebalancers.portfolio.rebalance(
            request.portfolio_id,
            options,
            call.deadline(self._limits.call_seconds).unless(call.gone.is_set),
            request=repeatable,
            validate_only=request.validate_only,
            cash_flow=cash_flow,
            explained=explained.append if request.explain_rules else None,
            repeated=repeated.append,
        )
        message = encoding.with_ranges(result, options)
        for explanation in explained:
            explanations.add_explanation(message, explanation)
        if repeated:  # it may have been reviewed, and its orders sent, long ago
            self._add_reviews(result.rebalance_id, repeated, [message])
        elif result.rebalance_id and result.state is PortfolioState.REBALANCED:
            set_review(message, self._reviewer.unreviewed())
        return message

    def RebalanceModel(self, request: pb.RebalanceModelRequest, call: Call) -> Iterator[Sequence[bytes]]:
        """Rebalance portfolios of a model."""
        with Violations() as violations:
            check_object_id(request.model_id, "model_id", violations)
            repeatable = decoding.request(request, violations)
            options = rebalance_options(request.options, violations)
            view = decoding.view(request.view, violations)
            portfolio_ids = decoding.chosen(request.portfolio_ids, violations)
            cash_flows = decoding.cash_flows(request.cash_flows, violations)
            draft = decoding.draft(request, violations)
        deadline = call.deadline(self._limits.run_seconds)
        if request.validate_only:
            wanted = deadline.unless(call.gone.is_set)
            events = self._rebalancers.previews.preview(
                request.model_id,
                options,
                wanted,
                view,
                portfolio_ids=portfolio_ids,
                cash_flows=cash_flows,
                draft=draft,
            )
        else:
            events = self._rebalancers.model.rebalance(
                request.model_id,
                options,
                deadline,
                portfolio_ids=portfolio_ids,
                cash_flows=cash_flows,
                request=repeatable,
                view=view,
                when_gone=call.when_gone,
            )
        return self._told(events, view)

    def StartRebalance(self, request: pb.StartRebalanceRequest, call: Call) -> rebalance_pb2.Rebalance:
        """Start the rebalance of portfolios of a model."""
        with Violations() as violations:
            check_object_id(request.model_id, "model_id", violations)
            repeatable = decoding.request(request, violations)
            options = rebalance_options(request.options, violations)
            portfolio_ids = decoding.chosen(request.portfolio_ids, violations)
            cash_flows = decoding.cash_flows(request.cash_flows, violations)
        started = self._rebalancers.model.start(
            request.model_id,
            options,
            self._limits.run_seconds,
            portfolio_ids=portfolio_ids,
            cash_flows=cash_flows,
            request=repeatable,
        )
        return encoding.rebalance(started, self._rule)

    def WatchRebalance(self, request: pb.WatchRebalanceRequest, call: Call) -> Iterator[Sequence[bytes]]:
        """Stream what a run does."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            if request.after_sequence < 0:
                violations.add("after_sequence", "must not be negative", request.after_sequence)
            view = decoding.view(request.view, violations)
        deadline = call.deadline(self._limits.run_seconds)
        events = self._rebalancers.model.watch(
            request.rebalance_id, request.after_sequence, deadline, call.gone, view
        )
        return self._told(events, view)

    def CancelRebalance(
        self, request: pb.CancelRebalanceRequest, call: Call
    ) -> Iterator[Sequence[rebalance_pb2.Rebalance]]:
        """Cancel a run."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
        for batch in self._rebalancers.model.cancel(request.rebalance_id, CANCEL_SECONDS):
            yield [encoding.rebalance(ended, self._rule) for ended in batch]

    def DeleteRebalance(self, request: pb.DeleteRebalanceRequest, call: Call) -> empty_pb2.Empty:
        """Delete a run that has ended."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            check_version(request.version, "version", violations, required=True)
        self._runs.delete(request.rebalance_id, request.version)
        return empty_pb2.Empty()

    def GetRebalance(
        self,
        request: pb.GetRebalanceRequest,
        call: Call,
    ) -> rebalance_pb2.Rebalance:
        """Read a run."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
        return encoding.rebalance(self._runs.get(request.rebalance_id), self._rule)

    def ListRebalances(
        self,
        request: pb.ListRebalancesRequest,
        call: Call,
    ) -> pb.ListRebalancesResponse:
        """Read a page of runs."""
        page = PageRequest(request.page_size, request.page_token, request.skip)
        with Violations() as violations:
            page.check(violations)
            if request.model_id:
                check_object_id(request.model_id, "model_id", violations)
            for index, portfolio_id in enumerate(request.portfolio_ids):
                check_entity_id(portfolio_id, f"portfolio_ids[{index}]", violations)
        found = self._runs.find(page, request.model_id, tuple(request.portfolio_ids))
        return pb.ListRebalancesResponse(
            rebalances=[encoding.rebalance(one, self._rule) for one in found.items],
            next_page_token=found.next_token,
            total_size=found.total_size,
        )

    def ListPortfolioRebalances(
        self,
        request: pb.ListPortfolioRebalancesRequest,
        call: Call,
    ) -> pb.ListPortfolioRebalancesResponse:
        """Read a page of what a run did."""
        page = PageRequest(request.page_size, request.page_token)
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            page.check(violations)
            state = _state(request.state, violations)
        found = self._runs.find_portfolios(request.rebalance_id, page, state)
        answer = pb.ListPortfolioRebalancesResponse(next_page_token=found.next_token)
        for one in found.items:  # where they stand: messages made elsewhere would be copied
            encoding.set_portfolio(answer.portfolio_rebalances.add(), one)
        self._add_reviews(request.rebalance_id, found.items, answer.portfolio_rebalances)
        return answer

    def GetPortfolioRebalance(
        self,
        request: pb.GetPortfolioRebalanceRequest,
        call: Call,
    ) -> rebalance_pb2.PortfolioRebalance:
        """Read what a run did for a portfolio."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            check_entity_id(request.portfolio_id, "portfolio_id", violations)
            view = decoding.view(request.view, violations)
        found = self._runs.get_portfolio(request.rebalance_id, request.portfolio_id, view)
        if view is View.BASIC or found.solution is None:
            message = encoding.portfolio_rebalance(found)
        else:
            message = encoding.with_ranges(found, self._runs.get(request.rebalance_id).options)
        self._add_reviews(request.rebalance_id, [found], [message])
        return message

    def CheckDrift(
        self, request: pb.CheckDriftRequest, call: Call
    ) -> Iterator[Sequence[drift_pb2.PortfolioDrift]]:
        """Tell how far portfolios are from their models."""
        with Violations() as violations:
            if request.model_id:
                check_object_id(request.model_id, "model_id", violations)
            PageRequest(request.page_size).check(violations)
        deadline = call.deadline(self._limits.run_seconds).unless(call.gone.is_set)
        with closing(self._drift_checks.check(request.model_id, request.page_size, deadline)) as pages:
            for page in pages:
                yield [drifts.portfolio_drift(one) for one in page]

    def CompareOptions(
        self, request: pb.CompareOptionsRequest, call: Call
    ) -> Iterator[Sequence[pb.CompareOptionsResponse]]:
        """Tell what variants would do."""
        with Violations() as violations:
            asked = comparisons.comparison(request, violations)
        deadline = call.deadline(self._limits.run_seconds).unless(call.gone.is_set)
        with closing(self._comparisons.compare(asked, deadline)) as told:
            for batch in told:
                yield [comparisons.compared(one) for one in batch]

    def _add_reviews(
        self,
        rebalance_id: str,
        results: Sequence[PortfolioRebalance],
        messages: Sequence[rebalance_pb2.PortfolioRebalance],
    ) -> None:
        """Add reviews, and what became of orders, to results that propose trades, once the run has ended."""
        if not any(one.state is PortfolioState.REBALANCED for one in results):
            return
        run = self._runs.get(rebalance_id)
        if run.state is RebalanceState.RUNNING:
            return
        reviewed = self._reviewer.reviewed(run, results)
        states = self._submitter.states(rebalance_id, list(reviewed))
        for message in messages:
            if message.portfolio_id in reviewed:
                set_review(message, reviewed[message.portfolio_id])
                set_order_state(message, states.get(message.portfolio_id))

    def _told(self, events: Events, view: View) -> Iterator[Sequence[bytes]]:
        with closing(events):
            for batch in events:
                yield [self._events.encoded(event, view) for event in batch]


def _state(value: int, violations: Violations) -> PortfolioState | None:
    if not value:
        return None
    try:
        name = rebalance_pb2.PortfolioRebalanceState.Name(value)  # type: ignore[arg-type] # any int may come
    except ValueError:
        violations.add("state", "must be a PortfolioRebalanceState", value)
        return None
    return PortfolioState(name.removeprefix("PORTFOLIO_REBALANCE_STATE_"))
