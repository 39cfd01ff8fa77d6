"""The domain's OrderService: orders sent once, and found again."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ordergen_server.domain.orders.order_service import OPEN_STATUSES, FoundOrder, OutgoingOrder
from ordergen_server.siblings.calling.breaker import BreakerState
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.ordering.outcomes import Outcome
from ordergen_server.siblings.ordering.transports import OrderQuery, OrderReader, OrderSender
from ordergen_server.siblings.reading.readers import ORDER
from ordergen_server.siblings.shared_read import CacheState

#: For orders to be found, all attempts together: nobody may go on without them.
FIND_SECONDS = 90.0
OPEN = OrderQuery(statuses=OPEN_STATUSES)


class SiblingOrderService:
    """Sends orders to the order service, and finds them there; two breakers, for one may work alone.

    Args:
        reader: finds orders.
        sender: sends them.
    """

    def __init__(self, reader: OrderReader, sender: OrderSender) -> None:
        self._reader = reader
        self._sender = sender

    @property
    def breakers(self) -> Mapping[str, BreakerState]:
        """The state of both breakers."""
        return {ORDER: self._reader.breaker.state, f"{ORDER}-sending": self._sender.breaker.state}

    @property
    def caches(self) -> Mapping[str, CacheState]:
        """Nothing is kept."""
        return {}

    def send(self, orders: Sequence[OutgoingOrder], order_timestamp: datetime) -> tuple[Outcome, ...]:
        """Send orders once; an outcome for each, in their order.

        Raises:
            SiblingUnavailable, DeadlineExceeded: nothing was sent.
        """
        return self._sender.send(orders, order_timestamp)

    def with_timestamp(self, order_timestamp: datetime) -> tuple[FoundOrder, ...]:
        """All orders that carry a mark, by their ids.

        Raises:
            SiblingUnavailable, DeadlineExceeded: the order service does not say so.
        """
        return self._reader.read_orders(OrderQuery(order_timestamp=order_timestamp), Deadline(FIND_SECONDS))

    def open_orders(self) -> tuple[FoundOrder, ...]:
        """All open orders, by their ids.

        Raises:
            SiblingUnavailable, DeadlineExceeded: the order service does not say so.
        """
        return self._reader.read_orders(OPEN, Deadline(FIND_SECONDS))

    def close(self) -> None:
        """Close every connection."""
        self._reader.close()
        self._sender.close()
