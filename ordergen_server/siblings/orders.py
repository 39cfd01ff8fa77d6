"""The domain's OrderService and OpenOrderSource: orders sent once, found again, and looked at before runs."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ordergen_server.domain.open_orders import OpenOrder, OrdersByPortfolio
from ordergen_server.domain.orders.order_service import OPEN_STATUSES, FoundOrder, OutgoingOrder, nothing
from ordergen_server.siblings.calling.breaker import BreakerState
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.ordering.outcomes import Outcome
from ordergen_server.siblings.ordering.transports import OrderQuery, OrderReader, OrderSender
from ordergen_server.siblings.reading.readers import ORDER
from ordergen_server.siblings.shared_read import CacheState, SingleFlightCache

#: For orders to be found, all attempts together: nobody may go on without them.
FIND_SECONDS = 90.0
OPEN = OrderQuery(statuses=OPEN_STATUSES)


@dataclass(frozen=True, slots=True)
class _Opened:
    """Open orders, and when the reading of them began, in seconds of the clock."""

    by_portfolio: OrdersByPortfolio
    began: float


class SiblingOrderService:
    """Sends orders to the order service, and finds them there; two breakers, for one may work alone.

    Args:
        reader: finds orders.
        sender: sends them.
        config: how long open orders are kept for runs.
        clock: seconds that only move forward.
    """

    def __init__(
        self,
        reader: OrderReader,
        sender: OrderSender,
        config: CacheConfig | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._reader = reader
        self._sender = sender
        self._clock = clock
        ttl_seconds = (config or CacheConfig()).orders_ttl_seconds
        self._open = SingleFlightCache(ORDER, self._read_open, ttl_seconds, clock)
        self._sent = float("-inf")

    @property
    def breakers(self) -> Mapping[str, BreakerState]:
        """The state of both breakers."""
        return {ORDER: self._reader.breaker.state, f"{ORDER}-sending": self._sender.breaker.state}

    @property
    def caches(self) -> Mapping[str, CacheState]:
        """How the cache of open orders does."""
        return {ORDER: self._open.state}

    def send(
        self,
        orders: Sequence[OutgoingOrder],
        order_timestamp: datetime,
        leaving: Callable[[], object] = nothing,
    ) -> tuple[Outcome, ...]:
        """Send orders once; an outcome for each, in their order.

        Raises:
            SiblingUnavailable, DeadlineExceeded, what `leaving` raises: nothing was sent.
        """
        try:
            return self._sender.send(orders, order_timestamp, leaving)
        finally:
            self._sent = self._clock()

    def with_timestamp(self, order_timestamp: datetime) -> tuple[FoundOrder, ...]:
        """All orders that carry a mark, by their ids.

        Raises:
            SiblingUnavailable, DeadlineExceeded: the order service does not say so.
        """
        return self._reader.read_orders(OrderQuery(order_timestamp=order_timestamp), Deadline(FIND_SECONDS))

    def recent_open_orders(self, timeout_seconds: float) -> OrdersByPortfolio:
        """All open orders, of a reading that is a moment old at most and newer than what was sent from here.

        Raises:
            SiblingUnavailable: the order service does not say which there are.
            DeadlineExceeded: `timeout_seconds` ran out.
        """
        deadline = Deadline(timeout_seconds)
        reading = self._open.get(deadline)
        while reading.value.began <= self._sent:
            reading = self._open.get(deadline, newer_than=reading)
        return reading.value.by_portfolio

    def _read_open(self, deadline: Deadline) -> _Opened:
        began = self._clock()
        return _Opened(_by_portfolio(self._reader.read_orders(OPEN, deadline)), began)

    def close(self) -> None:
        """Close every connection."""
        self._reader.close()
        self._sender.close()


def _by_portfolio(orders: Iterable[FoundOrder]) -> OrdersByPortfolio:
    found: dict[str, list[OpenOrder]] = {}
    for order in orders:
        found.setdefault(order.portfolio_id, []).append(
            OpenOrder(
                order.external_order_id,
                order.security_id,
                order.ticker,
                order.side.value if order.side else "",
                order.quantity,
                order.status.value if order.status else "",
            )
        )
    return {key: tuple(of_portfolio) for key, of_portfolio in found.items()}
