"""What a transport must be able to do with orders. Whoever uses it cannot tell its transport."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ordergen_server.domain.orders.order_service import FoundOrder, OrderStatus, OutgoingOrder
from ordergen_server.siblings.calling.breaker import CircuitBreaker
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import Unreadable
from ordergen_server.siblings.ordering.outcomes import Outcome
from ordergen_server.siblings.reading.readers import Reader


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Which orders: those with this mark, or in one of these statuses."""

    order_timestamp: datetime | None = None
    statuses: tuple[OrderStatus, ...] = ()

    def check(self, orders: Iterable[FoundOrder]) -> None:
        """Look whether an answer is about what was asked for: a filter may have been passed over.

        Raises:
            Unreadable: an order was not asked for.
        """
        for order in orders:
            is_marked = self.order_timestamp in (None, order.order_timestamp)
            if not is_marked or (self.statuses and order.status not in self.statuses):
                raise Unreadable(f"answered order {order.external_order_id}, which was not asked for")


class OrderReader(Reader, Protocol):
    """Finds orders in the order service."""

    def read_orders(self, query: OrderQuery, deadline: Deadline) -> tuple[FoundOrder, ...]:
        """All orders of a query, by their ids: of those that were there all the time, none is missing.

        Raises:
            SiblingUnavailable: the order service does not answer, or nobody can say that it is all of them.
            DeadlineExceeded: the deadline passed first.
        """


class OrderSender(Protocol):
    """Sends orders to the order service."""

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker before the sending."""

    def send(
        self, orders: Sequence[OutgoingOrder], order_timestamp: datetime, leaving: Callable[[], object]
    ) -> tuple[Outcome, ...]:
        """As `OrderService.send` of the domain has it."""

    def close(self) -> None:
        """Close every connection."""
