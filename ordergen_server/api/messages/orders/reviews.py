"""Reviews and events of runs, blocks and fills as messages of the contract."""

from collections.abc import Iterable

from globeco.ordergen.v1 import order_pb2, rebalance_pb2

from ordergen_server.domain.orders.events import RebalanceEvent
from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.services.reviewing.filling import FillAllocation, OrderBlock
from ordergen_server.services.reviewing.reviewer import Reviewed

pb = order_pb2


def set_review_counts(message: rebalance_pb2.Rebalance, run: Rebalance, rule: ApprovalRule) -> None:
    """Write how far the review of a run is: of one that is stored and has ended, where portfolios trade."""
    trading = run.counts.get(PortfolioState.REBALANCED, 0)
    if run.rebalance_id and trading and run.state is not RebalanceState.RUNNING:
        counts = rule.counts(run.reviewed, trading)
        message.review_counts.CopyFrom(
            rebalance_pb2.ReviewCounts(
                pending_count=counts.pending,
                approved_count=counts.approved,
                rejected_count=counts.rejected,
            )
        )


def set_review(message: rebalance_pb2.PortfolioRebalance, value: Reviewed) -> None:
    """Write whether the orders of a portfolio may be sent."""
    message.review.CopyFrom(
        rebalance_pb2.PortfolioReview(
            state=rebalance_pb2.ReviewState.Value(f"REVIEW_STATE_{value.state.name}"),
            approved_by=value.review.approved_by,
            rejected_by=value.review.rejected_by,
        )
    )


def rebalance_event(value: RebalanceEvent) -> pb.RebalanceEvent:
    """Something that was done with a run."""
    message = pb.RebalanceEvent(
        type=pb.RebalanceEventType.Value(f"REBALANCE_EVENT_TYPE_{value.type.name}"),
        actor=value.actor,
        authenticated=value.authenticated,
        comment=value.comment,
        portfolio_count=value.portfolio_count,
        portfolio_ids=value.portfolio_ids,
        submission_id=value.submission_id,
    )
    message.event_time.FromDatetime(value.time)
    return message


def blocks(values: Iterable[OrderBlock]) -> pb.AggregateOrdersResponse:
    """Blocks, in their order."""
    message = pb.AggregateOrdersResponse()
    for value in values:
        block = value.block
        line = message.blocks.add(
            security_id=block.security_id,
            ticker=value.ticker,
            transaction_type=(
                rebalance_pb2.TRANSACTION_TYPE_BUY if block.is_buy else rebalance_pb2.TRANSACTION_TYPE_SELL
            ),
            portfolio_count=block.portfolio_count,
        )
        line.quantity.value, line.value.value = str(block.quantity), format(block.value, "f")
    return message


def allocations(values: Iterable[FillAllocation]) -> pb.AllocateFillResponse:
    """Who gets what, in their order."""
    return pb.AllocateFillResponse(
        allocations=[
            pb.FillAllocation(
                portfolio_id=value.portfolio_id,
                ordered_quantity=value.ordered,
                allocated_quantity=value.allocated,
            )
            for value in values
        ]
    )
