"""What the use cases need of the order service; the sibling clients keep these promises."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Protocol

from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.rebalances.lines import Side


class OrderStatus(Enum):
    """How far the order service is with an order, by its abbreviations."""

    NEW = "NEW"
    SENT = "SENT"
    WORK = "WORK"
    PART = "PART"
    HOLD = "HOLD"
    CNCL = "CNCL"
    FULL = "FULL"
    CNCLD = "CNCLD"
    CPART = "CPART"
    DEL = "DEL"


#: Statuses in which an order may still trade.
OPEN_STATUSES = (
    OrderStatus.NEW,
    OrderStatus.SENT,
    OrderStatus.WORK,
    OrderStatus.PART,
    OrderStatus.HOLD,
    OrderStatus.CNCL,
)


@dataclass(frozen=True, slots=True)
class OutgoingOrder:
    """An order to send; `quantity` whole shares, at least 1."""

    portfolio_id: str
    security_id: str
    side: Side
    quantity: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The order service has the order, under its own id."""

    external_order_id: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The order service says that it did not take this order, and why."""

    message: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It may have the order or not: a timeout, a reset, a 5xx, a FAILURE without a place, an odd answer."""

    cause: OrderGenerationError


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order as the order service has it.

    Attributes:
        side: None where it is neither BUY nor SELL (SHORT, COVER).
        quantity: shares, as it says; of orders of others it need not be whole.
        status: None where it says one that is not known here.
    """

    external_order_id: int
    portfolio_id: str
    security_id: str
    ticker: str
    side: Side | None
    quantity: Decimal
    status: OrderStatus | None
    order_timestamp: datetime


def nothing() -> None:
    """Nothing is in the way of a sending."""


class OrderService(Protocol):
    """The order service, as it is: it detects no duplicates, and a failure of it proves nothing."""

    def send(
        self,
        orders: Sequence[OutgoingOrder],
        order_timestamp: datetime,
        leaving: Callable[[], object] = nothing,
    ) -> tuple[Taken | Refused | InDoubt, ...]:
        """Send orders with one mark, once and never again by itself; an outcome for each, in their order.

        Args:
            orders: 1 to 50.
            order_timestamp: UTC, to the microsecond.
            leaving: called once there is a connection, just before the first byte of an order leaves; with an
                error of the domain it ends the sending.

        Raises:
            OrderGenerationError: it was certainly not sent: nothing connected, the breaker is open, or
                `leaving` said so.
        """

    def with_timestamp(self, order_timestamp: datetime) -> tuple[FoundOrder, ...]:
        """All orders that carry this mark, in whatever status, or an error: never less than all."""
