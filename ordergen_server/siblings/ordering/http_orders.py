"""Orders over HTTP/JSON: `POST /api/v1/orders` once, and `GET /api/v1/orders` until all are there."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from ordergen_server.domain.orders.order_service import FoundOrder, OutgoingOrder
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.siblings.calling.breaker import CircuitBreaker
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.http_service import HttpService
from ordergen_server.siblings.calling.observer import UNOBSERVED, SiblingObserver
from ordergen_server.siblings.ordering.http_answers import read_outcomes
from ordergen_server.siblings.ordering.http_pages import PATH, all_orders, text_of
from ordergen_server.siblings.ordering.outcomes import Outcome
from ordergen_server.siblings.ordering.sending import once
from ordergen_server.siblings.ordering.transports import OrderQuery
from ordergen_server.siblings.reading.http_readers import HttpReader
from ordergen_server.siblings.reading.readers import ORDER

#: Ids of its tables: the blotter Default, the status NEW, and both types that we send.
_BLOTTER, _NEW = 1, 1
_TYPES = {Side.BUY: 1, Side.SELL: 2}
_encode = msgspec.json.Encoder().encode


class HttpOrderReader(HttpReader):
    """Reads `GET /api/v1/orders`.

    It filters by the mark and by status alone: a filter by ticker or by a portfolio's name lets everything
    through where the word is not known there.
    """

    service = ORDER
    question = f"{PATH}?limit=1&offset=0"

    def read_orders(self, query: OrderQuery, deadline: Deadline) -> tuple[FoundOrder, ...]:
        """All orders of a query; see OrderReader."""
        with self._http.caller.answering():
            return self._http.converse(lambda fetch: all_orders(fetch, query), deadline)


class HttpOrderSender:
    """Sends `POST /api/v1/orders`.

    Args:
        config: where the service is; how often it is tried again is not asked: never.
        observer: hears what becomes of calls.
    """

    def __init__(self, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        self._http = HttpService(ORDER, config, observer)

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker before the sending."""
        return self._http.caller.breaker

    def send(
        self, orders: Sequence[OutgoingOrder], order_timestamp: datetime, leaving: Callable[[], object]
    ) -> tuple[Outcome, ...]:
        """Send orders once; see OrderService of the domain."""
        body = _encode([_record(order, text_of(order_timestamp)) for order in orders])

        def read(status: int, answer: bytes) -> tuple[Outcome, ...]:
            return read_outcomes(status, answer, orders)

        def sent(deadline: Deadline, begin: Callable[[], object]) -> tuple[Outcome, ...]:
            return self._http.post(PATH, body, read, deadline, begin)

        return once(self._http.caller, sent, len(orders), leaving)

    def close(self) -> None:
        """Close every connection."""
        self._http.close()


def _record(order: OutgoingOrder, order_timestamp: str) -> dict[str, object]:
    return {
        "blotterId": _BLOTTER,
        "statusId": _NEW,
        "portfolioId": order.portfolio_id,
        "orderTypeId": _TYPES[order.side],
        "securityId": order.security_id,
        "quantity": order.quantity,
        "limitPrice": None,
        # An order that has one can not be submitted to trading any more.
        "tradeOrderId": None,
        "orderTimestamp": order_timestamp,
        "version": 1,
    }
