"""Open orders are read once for the runs that begin together, and anew after something was sent."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ordergen_server.domain.errors import SiblingUnavailable
from ordergen_server.domain.open_orders import OpenOrder
from ordergen_server.domain.orders.order_service import FoundOrder, OrderStatus, OutgoingOrder, Taken
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.siblings.calling.breaker import CircuitBreaker
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.ordering.outcomes import Outcome
from ordergen_server.siblings.ordering.transports import OrderQuery
from ordergen_server.siblings.orders import OPEN, SiblingOrderService
from tests.builders import portfolio_id, security_id
from tests.limits import PATIENCE

MARK = datetime(2026, 3, 2, tzinfo=UTC)
OUTGOING = OutgoingOrder(portfolio_id(0), security_id(1), Side.BUY, 5)
FOUND = FoundOrder(7, portfolio_id(0), security_id(1), "T1", Side.SELL, Decimal(5), OrderStatus.PART, MARK)
TTL_SECONDS = 3.0


class Transport:
    """Reads what it is told, and takes whatever is sent; both at `now`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.found: tuple[FoundOrder, ...] = (FOUND,)
        self.failing = False
        self.queries: list[OrderQuery] = []
        self.while_reading: Callable[[], object] = lambda: None
        self.breaker = CircuitBreaker("order", failures=1, failing_seconds=1, reset_seconds=1)

    def read_orders(self, query: OrderQuery, deadline: Deadline) -> tuple[FoundOrder, ...]:
        assert not deadline.has_passed
        self.queries.append(query)
        self.while_reading()
        if self.failing:
            raise SiblingUnavailable("down")
        return self.found

    def send(
        self, orders: Sequence[OutgoingOrder], order_timestamp: datetime, leaving: Callable[[], object]
    ) -> tuple[Outcome, ...]:
        del order_timestamp
        leaving()
        if self.failing:
            raise SiblingUnavailable("down")
        return (Taken(1),) * len(orders)

    def look(self, timeout_seconds: float) -> None:
        del timeout_seconds

    def close(self) -> None:
        pass


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
def orders(transport: Transport) -> SiblingOrderService:
    config = CacheConfig(orders_ttl_seconds=TTL_SECONDS)
    return SiblingOrderService(transport, transport, config, lambda: transport.now)


def test_open_orders_by_portfolio(transport: Transport, orders: SiblingOrderService) -> None:
    short = replace(FOUND, external_order_id=8, side=None, status=OrderStatus.NEW)
    transport.found = (FOUND, short, replace(FOUND, portfolio_id=portfolio_id(1)))
    of_first = OpenOrder(7, security_id(1), "T1", "SELL", Decimal(5), "PART")
    assert orders.recent_open_orders(PATIENCE) == {
        portfolio_id(0): (of_first, OpenOrder(8, security_id(1), "T1", "", Decimal(5), "NEW")),
        portfolio_id(1): (of_first,),
    }
    assert transport.queries == [OPEN]


def test_they_are_kept_for_a_moment(transport: Transport, orders: SiblingOrderService) -> None:
    for now, reads in ((100.0, 1), (100.0 + TTL_SECONDS - 0.01, 1), (100.0 + TTL_SECONDS, 2)):
        transport.now = now
        orders.recent_open_orders(PATIENCE)
        assert len(transport.queries) == reads
    assert orders.caches["order"].reads == 2


def test_what_was_sent_from_here_is_looked_for(transport: Transport, orders: SiblingOrderService) -> None:
    transport.found = ()
    assert orders.recent_open_orders(PATIENCE) == {}
    transport.now += 1
    orders.send([OUTGOING], MARK)
    transport.found = (FOUND,)
    transport.now += 0.1
    assert list(orders.recent_open_orders(PATIENCE)) == [portfolio_id(0)]
    transport.failing = True
    assert orders.recent_open_orders(PATIENCE), "read since, and kept"


def test_a_reading_during_which_something_was_sent_is_not_enough(
    transport: Transport, orders: SiblingOrderService
) -> None:
    def send_once() -> None:
        transport.while_reading = lambda: None
        transport.now += 0.1
        orders.send([OUTGOING], MARK)
        transport.now += 0.1

    transport.while_reading = send_once
    orders.recent_open_orders(PATIENCE)
    assert len(transport.queries) == 2


def test_a_sending_that_failed_may_have_sent_something(
    transport: Transport, orders: SiblingOrderService
) -> None:
    orders.recent_open_orders(PATIENCE)
    transport.failing = True
    with pytest.raises(SiblingUnavailable):
        orders.send([OUTGOING], MARK)
    with pytest.raises(SiblingUnavailable):
        orders.recent_open_orders(PATIENCE)


def test_a_failure_is_kept_by_nobody(transport: Transport, orders: SiblingOrderService) -> None:
    transport.failing = True
    with pytest.raises(SiblingUnavailable):
        orders.recent_open_orders(PATIENCE)
    transport.failing = False
    assert orders.recent_open_orders(PATIENCE)


def test_orders_with_a_mark_are_read_each_time(transport: Transport, orders: SiblingOrderService) -> None:
    assert [orders.with_timestamp(MARK) for _ in range(2)] == [(FOUND,), (FOUND,)]
    assert transport.queries == [OrderQuery(order_timestamp=MARK)] * 2
