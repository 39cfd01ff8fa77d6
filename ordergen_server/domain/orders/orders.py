"""An order: what is known of it, and by which rules that changes.

    written down -> SENDING -> SENT | REFUSED              a definite answer
                       |  ^
                       v  |  seen not to be there, twice
                    IN_DOUBT -> SENT                       seen to be there
    never written down, or SENDING and in no attempt -> NOT_SENT

Every change is a function here; one that its rule forbids is a bug.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from ordergen_server.domain.errors import InternalError, OrderGenerationError, PreconditionFailed, Violation
from ordergen_server.domain.orders.order_service import OutgoingOrder
from ordergen_server.domain.rebalances import Side

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class OrderState(Enum):
    """What is known of an order."""

    SENDING = "SENDING"
    IN_DOUBT = "IN_DOUBT"
    SENT = "SENT"
    REFUSED = "REFUSED"
    NOT_SENT = "NOT_SENT"


#: What has become of an order once nothing more will.
FINAL = frozenset({OrderState.SENT, OrderState.REFUSED, OrderState.NOT_SENT})


def time_of(mark: int) -> datetime:
    """The time of a mark, UTC; exact."""
    return _EPOCH + timedelta(microseconds=mark)


def mark_of(time: datetime) -> int:
    """Microseconds since 1970, UTC; exact."""
    return (time - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Order:
    """One order, as it is written down before it is sent.

    Attributes:
        quantity: whole shares, at least 1.
        batch_id: the batch that it is sent with; empty where it never was to be sent.
        mark: the microsecond, since 1970, that its batch carries in the order service; 0 without a batch.
        attempt_count: how often it was sent, or may have been.
        external_order_id: its id in the order service, where it is SENT; 0 otherwise.
        error: why it is REFUSED, IN_DOUBT or NOT_SENT.
        sequence: the place of its last change in its submission.
    """

    order_id: str
    rebalance_id: str
    submission_id: str
    portfolio_id: str
    security_id: str
    ticker: str
    side: Side
    quantity: int
    state: OrderState
    batch_id: str = ""
    mark: int = 0
    attempt_count: int = 0
    external_order_id: int = 0
    error: OrderGenerationError | None = None
    sequence: int = 0

    @property
    def outgoing(self) -> OutgoingOrder:
        """What is sent of it."""
        return OutgoingOrder(self.portfolio_id, self.security_id, self.side, self.quantity)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in FINAL


def attempted(order: Order) -> Order:
    """It is sent now: written down before it is. Only what is to be sent may be."""
    _require(order, OrderState.SENDING)
    return replace(order, attempt_count=order.attempt_count + 1)


def not_attempted(order: Order) -> Order:
    """It was certainly not sent after all, and is to be sent later."""
    _require(order, OrderState.SENDING)
    return replace(order, attempt_count=order.attempt_count - 1)


def taken(order: Order, external_order_id: int) -> Order:
    """The order service has it: it said so, or it was found there."""
    _require(order, OrderState.SENDING, OrderState.IN_DOUBT)
    return replace(order, state=OrderState.SENT, external_order_id=external_order_id, error=None)


def refused(order: Order, message: str) -> Order:
    """The order service said that it does not take it."""
    _require(order, OrderState.SENDING)
    error = PreconditionFailed(
        f"The order service refused the order: {message or 'it does not say why'}",
        metadata={"service": "order"},
        violations=[Violation(order.security_id, message or "refused without a reason", "ORDER_REFUSED")],
    )
    return replace(order, state=OrderState.REFUSED, error=error)


def doubted(order: Order, cause: OrderGenerationError) -> Order:
    """It was sent, and nobody knows what became of it; or, of one in doubt, why it still is."""
    _require(order, OrderState.SENDING, OrderState.IN_DOUBT)
    return replace(order, state=OrderState.IN_DOUBT, error=cause)


def missed(order: Order) -> Order:
    """The order service was seen not to have it, twice: it is to be sent again."""
    _require(order, OrderState.IN_DOUBT)
    return replace(order, state=OrderState.SENDING, error=None)


def dropped(order: Order, why: OrderGenerationError) -> Order:
    """It is not sent: it waited to be sent, in no attempt."""
    _require(order, OrderState.SENDING)
    return replace(order, state=OrderState.NOT_SENT, error=why)


def _require(order: Order, *states: OrderState) -> None:
    if order.state not in states:
        raise InternalError(f"An order that is {order.state.value} cannot change in this way.")
