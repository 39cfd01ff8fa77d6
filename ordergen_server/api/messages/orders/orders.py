"""Submissions and orders as messages of the contract."""

from datetime import datetime

from globeco.ordergen.v1 import order_pb2, rebalance_pb2

from ordergen_server.api.messages.errors import to_status
from ordergen_server.domain.orders.orders import Order, OrderState, time_of
from ordergen_server.domain.orders.reconciling import Difference, Reconciliation
from ordergen_server.domain.orders.submissions import (
    OrderSubmission,
    PortfolioOrderState,
    SubmittedPortfolio,
)
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.services.ordering.watching import (
    SubmissionEvent,
    SubmissionFinished,
    SubmissionStarted,
)

pb = order_pb2
#: Differences that are told; of more their number alone.
MAXIMUM_DIFFERENCES = 1000
_SIDES = {
    Side.BUY: rebalance_pb2.TRANSACTION_TYPE_BUY,
    Side.SELL: rebalance_pb2.TRANSACTION_TYPE_SELL,
}


def order(value: Order) -> pb.Order:
    """An order."""
    message = pb.Order(
        order_id=value.order_id,
        rebalance_id=value.rebalance_id,
        submission_id=value.submission_id,
        portfolio_id=value.portfolio_id,
        security_id=value.security_id,
        ticker=value.ticker,
        transaction_type=_SIDES[value.side],
        quantity=value.quantity,
        state=pb.OrderState.Value(f"ORDER_STATE_{value.state.name}"),
        external_order_id=value.external_order_id,
        attempt_count=value.attempt_count,
        error=to_status(value.error) if value.error else None,
    )
    if value.mark:
        message.order_timestamp.FromDatetime(time_of(value.mark))
    return message


def order_submission(value: OrderSubmission) -> pb.OrderSubmission:
    """A submission."""
    message = pb.OrderSubmission(
        submission_id=value.submission_id,
        rebalance_id=value.rebalance_id,
        state=pb.OrderSubmissionState.Value(f"ORDER_SUBMISSION_STATE_{value.state.name}"),
        portfolio_count=value.portfolio_count,
        stale_portfolio_count=value.stale_portfolio_count,
        order_count=value.order_count,
        sending_count=value.counts.get(OrderState.SENDING, 0),
        in_doubt_count=value.counts.get(OrderState.IN_DOUBT, 0),
        sent_count=value.counts.get(OrderState.SENT, 0),
        refused_count=value.counts.get(OrderState.REFUSED, 0),
        not_sent_count=value.counts.get(OrderState.NOT_SENT, 0),
        sells_first=value.sells_first,
        actor=value.actor,
        error=to_status(value.error) if value.error else None,
        version=value.version,
    )
    _set_times(message, value.create_time, value.finish_time)
    return message


def submission_event(value: SubmissionEvent) -> pb.WatchOrderSubmissionResponse:
    """One message of a submission's stream."""
    message = pb.WatchOrderSubmissionResponse(sequence=value.sequence)
    match value.event:
        case SubmissionStarted(submission):
            message.started.CopyFrom(order_submission(submission))
        case SubmissionFinished(submission):
            message.finished.CopyFrom(order_submission(submission))
        case Order() as changed:
            message.order.CopyFrom(order(changed))
        case SubmittedPortfolio(portfolio_id=portfolio_id, stale=stale):
            error = to_status(stale) if stale else None
            message.stale_portfolio.CopyFrom(pb.StalePortfolio(portfolio_id=portfolio_id, error=error))
    return message


def reconciliation(value: Reconciliation) -> pb.ReconcileOrdersResponse:
    """What was compared, and the first differences."""
    return pb.ReconcileOrdersResponse(
        compared_count=value.compared_count,
        differences=map(_difference, value.differences[:MAXIMUM_DIFFERENCES]),
        difference_count=len(value.differences),
    )


def set_order_state(message: rebalance_pb2.PortfolioRebalance, value: PortfolioOrderState | None) -> None:
    """Write what became of the orders of a portfolio, where it was submitted."""
    if value:
        message.order_state = rebalance_pb2.PortfolioOrderState.Value(f"PORTFOLIO_ORDER_STATE_{value.name}")


def order_state(value: int, violations: Violations) -> OrderState | None:
    """The state that is asked for; None for any."""
    if not value:
        return None
    try:
        name = pb.OrderState.Name(value)  # type: ignore[arg-type] # any int may come
    except ValueError:
        violations.add("state", "must be an OrderState", value)
        return None
    return OrderState[name.removeprefix("ORDER_STATE_")]


def _difference(value: Difference) -> pb.OrderDifference:
    return pb.OrderDifference(
        type=pb.OrderDifferenceType.Value(f"ORDER_DIFFERENCE_TYPE_{value.type.name}"),
        order=order(value.order) if value.order else None,
        external_order_ids=[one.external_order_id for one in value.found],
        description=value.description,
    )


def _set_times(message: pb.OrderSubmission, created: datetime, finished: datetime | None) -> None:
    message.create_time.FromDatetime(created)
    if finished:
        message.finish_time.FromDatetime(finished)
