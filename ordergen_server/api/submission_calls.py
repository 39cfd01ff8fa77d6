"""The calls of RebalanceService about submissions and their orders."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from globeco.ordergen.v1 import order_pb2

from ordergen_server.api.call import Call, Limits
from ordergen_server.api.messages import decoding
from ordergen_server.api.messages.orders import orders
from ordergen_server.domain.requests.ids import check_entity_id, check_object_id
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.services.ordering.submitter import OrderSubmitter

pb = order_pb2


class SubmissionCalls:
    """Decodes requests, asks the use cases, encodes answers; what it raises becomes a status."""

    def __init__(self, submitter: OrderSubmitter, limits: Limits) -> None:
        self._submitter = submitter
        self._limits = limits

    def SubmitOrders(self, request: pb.SubmitOrdersRequest, call: Call) -> pb.OrderSubmission:
        """Begin to send the orders of approved portfolios."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            portfolio_ids = decoding.chosen(request.portfolio_ids, violations)
            repeatable = decoding.request(request, violations)
        deadline = call.deadline(self._limits.call_seconds)
        begun = self._submitter.submit(
            request.rebalance_id, portfolio_ids, repeatable, deadline, sells_first=request.sells_first
        )
        return orders.order_submission(begun)

    def GetOrderSubmission(self, request: pb.GetOrderSubmissionRequest, call: Call) -> pb.OrderSubmission:
        """Read a submission."""
        with Violations() as violations:
            check_object_id(request.submission_id, "submission_id", violations)
        return orders.order_submission(self._submitter.get(request.submission_id))

    def WatchOrderSubmission(
        self, request: pb.WatchOrderSubmissionRequest, call: Call
    ) -> Iterator[Sequence[pb.WatchOrderSubmissionResponse]]:
        """Stream what becomes of a submission."""
        with Violations() as violations:
            check_object_id(request.submission_id, "submission_id", violations)
            if request.after_sequence < 0:
                violations.add("after_sequence", "must not be negative", request.after_sequence)
        deadline = call.deadline(self._limits.run_seconds)
        events = self._submitter.watch(request.submission_id, request.after_sequence, deadline, call.gone)
        with closing(events):
            for batch in events:
                yield [orders.submission_event(event) for event in batch]

    def CancelOrderSubmission(
        self, request: pb.CancelOrderSubmissionRequest, call: Call
    ) -> pb.OrderSubmission:
        """Ask for a submission to be cancelled."""
        with Violations() as violations:
            check_object_id(request.submission_id, "submission_id", violations)
        return orders.order_submission(self._submitter.cancel(request.submission_id))

    def ListOrders(self, request: pb.ListOrdersRequest, call: Call) -> pb.ListOrdersResponse:
        """Read a page of a run's orders."""
        page = PageRequest(request.page_size, request.page_token)
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            if request.portfolio_id:
                check_entity_id(request.portfolio_id, "portfolio_id", violations)
            state = orders.order_state(request.state, violations)
            page.check(violations)
        found = self._submitter.orders(request.rebalance_id, page, request.portfolio_id, state)
        return pb.ListOrdersResponse(orders=map(orders.order, found.items), next_page_token=found.next_token)

    def ReconcileOrders(self, request: pb.ReconcileOrdersRequest, call: Call) -> pb.ReconcileOrdersResponse:
        """Compare a run's orders with those of the order service."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
        deadline = call.deadline(self._limits.call_seconds).unless(call.gone.is_set)
        return orders.reconciliation(self._submitter.reconcile(request.rebalance_id, deadline))
