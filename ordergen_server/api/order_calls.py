"""The calls of RebalanceService from proposal to order: reviews, events, blocks and fills."""

from dataclasses import dataclass

from globeco.ordergen.v1 import order_pb2, rebalance_pb2

from ordergen_server.api.call import Call, Limits
from ordergen_server.api.messages import decoding, encoding
from ordergen_server.api.messages.orders import review_requests, reviews
from ordergen_server.api.submission_calls import SubmissionCalls
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.orders.stores import EventStore
from ordergen_server.domain.requests.ids import check_entity_id, check_object_id
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.services.ordering.submitter import OrderSubmitter
from ordergen_server.services.reviewing.filling import Filling
from ordergen_server.services.reviewing.reviewer import Reviewer

pb = order_pb2


@dataclass(frozen=True, slots=True)
class OrderUseCases:
    """What becomes of a run once it has ended."""

    reviewer: Reviewer
    filling: Filling
    events: EventStore
    submitter: OrderSubmitter


class OrderCalls(SubmissionCalls):
    """Decodes requests, asks the use cases, encodes answers; what it raises becomes a status."""

    def __init__(self, orders: OrderUseCases, limits: Limits) -> None:
        super().__init__(orders.submitter, limits)
        self._orders = orders

    def ReviewRebalance(self, request: pb.ReviewRebalanceRequest, call: Call) -> rebalance_pb2.Rebalance:
        """Approve or reject portfolios of a run."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            portfolio_ids = decoding.chosen(request.portfolio_ids, violations)
            decision = review_requests.decision(request.decision, violations)
        reviewer = self._orders.reviewer
        run = reviewer.review(request.rebalance_id, portfolio_ids, decision, request.comment)
        return encoding.rebalance(run, reviewer.rule)

    def ListRebalanceEvents(
        self, request: pb.ListRebalanceEventsRequest, call: Call
    ) -> pb.ListRebalanceEventsResponse:
        """Read a page of what was done with a run."""
        page = PageRequest(request.page_size, request.page_token)
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            page.check(violations)
        found = self._orders.events.find(request.rebalance_id, page)
        return pb.ListRebalanceEventsResponse(
            events=map(reviews.rebalance_event, found.items), next_page_token=found.next_token
        )

    def AggregateOrders(self, request: pb.AggregateOrdersRequest, call: Call) -> pb.AggregateOrdersResponse:
        """Add up what approved portfolios trade."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
        return reviews.blocks(self._orders.filling.blocks(request.rebalance_id, self._deadline(call)))

    def AllocateFill(self, request: pb.AllocateFillRequest, call: Call) -> pb.AllocateFillResponse:
        """Share out what was filled of a block."""
        with Violations() as violations:
            check_object_id(request.rebalance_id, "rebalance_id", violations)
            check_entity_id(request.security_id, "security_id", violations)
            side = review_requests.side(request.transaction_type, violations)
            filled = review_requests.shares(request.filled_quantity, "filled_quantity", violations)
        found = self._orders.filling.allocate(
            request.rebalance_id, request.security_id, side, filled, self._deadline(call)
        )
        return reviews.allocations(found)

    def _deadline(self, call: Call) -> Deadline:
        return call.deadline(self._limits.call_seconds).unless(call.gone.is_set)
