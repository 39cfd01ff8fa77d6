"""Between messages of orders and our records."""

from datetime import UTC, datetime
from decimal import Decimal

from globeco.ordergen.v1 import order_pb2 as pb
from google.protobuf.message import Message

from ordergen_client.errors import from_status
from ordergen_client.records.enums import SIDES, Members
from ordergen_client.records.figures import zero
from ordergen_client.records.orders.states import ActionType, DifferenceType, OrderState, SubmissionState
from ordergen_client.records.orders.values import (
    Action,
    FillAllocation,
    Order,
    OrderBlock,
    OrderDifference,
    OrderSubmission,
    Reconciliation,
    StalePortfolio,
    SubmissionEvent,
)
from ordergen_client.records.states import ReviewDecision

_ORDER_STATES = Members(pb.OrderState, "ORDER_STATE_", OrderState)
_SUBMISSION_STATES = Members(pb.OrderSubmissionState, "ORDER_SUBMISSION_STATE_", SubmissionState)
_ACTIONS = Members(pb.RebalanceEventType, "REBALANCE_EVENT_TYPE_", ActionType)
_DIFFERENCES = Members(pb.OrderDifferenceType, "ORDER_DIFFERENCE_TYPE_", DifferenceType)


def decision(decision: ReviewDecision) -> pb.ReviewDecision.ValueType:
    """The enum's value of a decision."""
    return pb.ReviewDecision.Value(f"REVIEW_DECISION_{decision}")


def order_state(state: OrderState | None) -> pb.OrderState.ValueType:
    """The enum's value of a state; unspecified of None."""
    return pb.OrderState.Value(f"ORDER_STATE_{state or 'UNSPECIFIED'}")


def order(message: pb.Order) -> Order:
    """An order."""
    return Order(
        order_id=message.order_id,
        rebalance_id=message.rebalance_id,
        submission_id=message.submission_id,
        portfolio_id=message.portfolio_id,
        security_id=message.security_id,
        ticker=message.ticker,
        side=SIDES[message.transaction_type],
        quantity=message.quantity,
        state=_ORDER_STATES[message.state],
        external_order_id=message.external_order_id or None,
        order_timestamp=_time(message, "order_timestamp"),
        attempt_count=message.attempt_count,
        error=from_status(message.error) if message.HasField("error") else None,
    )


def submission(message: pb.OrderSubmission) -> OrderSubmission:
    """A submission."""
    return OrderSubmission(
        submission_id=message.submission_id,
        rebalance_id=message.rebalance_id,
        state=_SUBMISSION_STATES[message.state],
        portfolio_count=message.portfolio_count,
        stale_portfolio_count=message.stale_portfolio_count,
        order_count=message.order_count,
        counts={state: getattr(message, f"{state.lower()}_count") for state in OrderState},
        sells_first=message.sells_first,
        actor=message.actor,
        create_time=message.create_time.ToDatetime(UTC),
        finish_time=_time(message, "finish_time"),
        error=from_status(message.error) if message.HasField("error") else None,
        version=message.version,
    )


def event(message: pb.WatchOrderSubmissionResponse) -> SubmissionEvent:
    """A step of a submission."""
    stale = message.stale_portfolio
    return SubmissionEvent(
        sequence=message.sequence,
        started=submission(message.started) if message.HasField("started") else None,
        order=order(message.order) if message.HasField("order") else None,
        stale_portfolio=StalePortfolio(stale.portfolio_id, from_status(stale.error))
        if message.HasField("stale_portfolio")
        else None,
        finished=submission(message.finished) if message.HasField("finished") else None,
    )


def action(message: pb.RebalanceEvent) -> Action:
    """What somebody did with a run."""
    return Action(
        type=_ACTIONS[message.type],
        event_time=message.event_time.ToDatetime(UTC),
        actor=message.actor,
        authenticated=message.authenticated,
        comment=message.comment,
        portfolio_count=message.portfolio_count,
        portfolio_ids=tuple(message.portfolio_ids),
        submission_id=message.submission_id,
    )


def blocks(message: pb.AggregateOrdersResponse) -> tuple[OrderBlock, ...]:
    """The blocks of a run."""
    return tuple(map(_block, message.blocks))


def _block(message: pb.OrderBlock) -> OrderBlock:
    return OrderBlock(
        security_id=message.security_id,
        ticker=message.ticker,
        side=SIDES[message.transaction_type],
        quantity=int(zero(message.quantity)),
        value=zero(message.value),
        portfolio_count=message.portfolio_count,
    )


def set_filled(request: pb.AllocateFillRequest, filled: Decimal) -> None:
    """How many shares of a block were filled."""
    request.filled_quantity.value = format(filled, "f")


def allocations(message: pb.AllocateFillResponse) -> tuple[FillAllocation, ...]:
    """How a fill is shared out."""
    return tuple(
        FillAllocation(one.portfolio_id, one.ordered_quantity, one.allocated_quantity)
        for one in message.allocations
    )


def reconciliation(message: pb.ReconcileOrdersResponse) -> Reconciliation:
    """What was compared, and what differs."""
    return Reconciliation(
        message.compared_count, message.difference_count, tuple(map(_difference, message.differences))
    )


def _difference(message: pb.OrderDifference) -> OrderDifference:
    return OrderDifference(
        type=_DIFFERENCES[message.type],
        order=order(message.order) if message.HasField("order") else None,
        external_order_ids=tuple(message.external_order_ids),
        description=message.description,
    )


def _time(message: Message, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    found: datetime = getattr(message, name).ToDatetime(UTC)
    return found
