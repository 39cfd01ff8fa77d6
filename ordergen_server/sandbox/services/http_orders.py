"""Orders over HTTP/JSON as the real order service has them, what is odd about it included.

A failed list is a 207 as long as there were orders in it, an empty one a 400, and what cannot be read a 500.
Orders are found by exact filters; a ticker or a name that nothing has filters nothing. ``offset`` is rounded
down to a page.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations when it runs
from typing import TYPE_CHECKING, Any

import msgspec

from ordergen_server.sandbox.market.orders import BLOTTERS, ORDER_TYPES, STATUSES, Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ordergen_server.sandbox.market.orders import OrderBook
    from ordergen_server.sandbox.market.portfolios import Portfolios
    from ordergen_server.sandbox.services.faults import Fault
    from ordergen_server.sandbox.services.order_desk import OrderDesk, Outcome

__all__ = ["HttpOrders", "OrderRecord", "overloaded"]

MAXIMUM_ORDERS = 1_000  # in one call
_MAXIMUM_PAGE = 1_000
_DEFAULT_PAGE = "50"
_TIME = re.compile(r"(.+:[0-9]{2})\.([0-9]{1,9})(.+)")
_encode = msgspec.json.Encoder().encode
Row = dict[str, Any]


class OrderRecord(msgspec.Struct, rename="camel", kw_only=True):
    """An order as it is posted; what it lacks is null."""

    blotter_id: int | None = None
    status_id: int | None = None
    portfolio_id: str | None = None
    order_type_id: int | None = None
    security_id: str | None = None
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    trade_order_id: int | None = None
    order_timestamp: str | None = None
    version: int | None = None

    def order(self) -> Order:
        """The order.

        Raises:
            ValueError: its timestamp is none.
        """
        fields = msgspec.structs.asdict(self)
        text = fields.pop("order_timestamp")
        return Order(**fields, order_timestamp=None if text is None else instant(text))


_RECORDS = msgspec.json.Decoder(list[OrderRecord | None], strict=False)


class HttpOrders:
    """The two endpoints: orders are posted, and found.

    Args:
        book: all orders.
        desk: takes them.
        portfolios: the names of portfolios, and the market of their securities.
    """

    def __init__(self, book: OrderBook, desk: OrderDesk, portfolios: Portfolios) -> None:
        self._book = book
        self._desk = desk
        self._portfolios = portfolios

    def post(self, body: bytes, faults: Sequence[Fault] = ()) -> tuple[int, bytes]:
        """Status and body for a body of orders."""
        try:
            orders = [None if record is None else record.order() for record in _RECORDS.decode(body)]
        except (msgspec.DecodeError, ValueError):
            return 500, _encode({"code": "RUNTIME_ERROR", "message": "A runtime error occurred."})
        if not orders:
            return 400, _nothing("No orders to process")
        if len(orders) > MAXIMUM_ORDERS:
            rule = f"Batch size {len(orders)} exceeds maximum allowed size of {MAXIMUM_ORDERS}"
            return 413, _nothing(rule)
        return self._told(self._desk.take(orders, faults))

    def find(self, query: Sequence[tuple[str, str]]) -> tuple[int, bytes]:
        """Status and body for a query: filters, ``sort``, and a page by ``limit`` and ``offset``."""
        fields: dict[str, str] = {}
        for name, value in query:
            fields[name] = f"{fields[name]},{value}" if name in fields else value
        try:
            limit, offset = int(fields.pop("limit", _DEFAULT_PAGE)), int(fields.pop("offset", "0"))
            found = self._sorted(fields.pop("sort", ""), self._filtered(fields))
        except _Invalid as error:
            return 400, _encode({"error": "Validation error", "message": str(error)})
        except ValueError as error:
            return 500, _encode({"error": "Internal server error", "message": str(error)})
        if not 1 <= limit <= _MAXIMUM_PAGE or offset < 0:
            return 400, _encode({"error": "Invalid limit or offset parameter"})
        page = offset // limit
        content = [self._row(order) for order in found[page * limit : (page + 1) * limit]]
        return 200, _encode({"content": content, "pagination": _paging(len(found), limit, page)})

    def rows(self) -> bytes:
        """All orders."""
        return _encode([self._row(order) for order in self._book.orders])

    def _told(self, outcomes: Sequence[Outcome]) -> tuple[int, bytes]:
        taken = sum(outcome.order is not None for outcome in outcomes)
        counts = {"totalReceived": len(outcomes), "successful": taken, "failed": len(outcomes) - taken}
        status, message = "PARTIAL", f"{taken} of {len(outcomes)} orders processed successfully"
        if taken == len(outcomes):
            status, message = "SUCCESS", f"All {taken} orders processed successfully"
        elif not taken:
            status, message = "FAILURE", "All orders failed to process"
        orders = [self._result(outcome) for outcome in outcomes]
        code = 200 if status == "SUCCESS" else 207
        return code, _encode({"status": status, "message": message, **counts, "orders": orders})

    def _result(self, outcome: Outcome) -> Row:
        result = {"message": outcome.message, "requestIndex": outcome.place}
        if outcome.order is None:
            return {"status": "FAILURE", **result}
        order = {"order": self._row(outcome.order), "orderId": outcome.order.order_id}
        return {"status": "SUCCESS", **result, **order}

    def _row(self, order: Order) -> Row:
        security = self._portfolios.market.by_id.get(order.security_id or "")
        return {
            "id": order.order_id,
            "blotter": {"id": order.blotter_id, "name": BLOTTERS.get(order.blotter_id or 0), "version": 1},
            "status": _coded(order.status_id, STATUSES),
            "portfolio": {"portfolioId": order.portfolio_id, "name": self._name(order)},
            "orderType": _coded(order.order_type_id, ORDER_TYPES),
            "security": {"securityId": order.security_id, "ticker": security and security.ticker},
            "quantity": _number(order.quantity),
            "limitPrice": _number(order.limit_price),
            "tradeOrderId": order.trade_order_id,
            "orderTimestamp": order.order_timestamp and _text(order.order_timestamp),
            "version": order.version,
        }

    def _name(self, order: Order) -> str | None:
        number = self._portfolios.number_of(order.portfolio_id or "")
        return None if number is None else self._portfolios.name(number)

    def _filtered(self, filters: Mapping[str, str]) -> Iterable[Order]:
        """The orders that each filter lets through.

        Raises:
            _Invalid: there is no such filter.
            ValueError: a timestamp is none.
        """
        tests = [self._test(name, values) for name, values in filters.items() if values.strip()]
        return [order for order in self._book.orders if all(test(order) for test in tests)]

    def _test(self, name: str, joined: str) -> Callable[[Order], bool]:
        values = {value.strip() for value in joined.split(",")} - {""}
        read = _FILTERS.get(name)
        if read is not None:
            return lambda order: read(order) in values
        if name == "orderTimestamp":
            times = {instant(value) for value in values}
            return lambda order: order.order_timestamp in times
        if name == "security.ticker":
            market = self._portfolios.market.by_ticker
            securities = {market[value].security_id for value in values if value in market}
            return lambda order: not securities or order.security_id in securities
        if name == "portfolio.name":
            known = values & {self._portfolios.name(number) for number in range(self._portfolios.count)}
            return lambda order: not known or self._name(order) in known
        raise _Invalid(f"Invalid filter fields: [{name}]")

    @staticmethod
    def _sorted(sort: str, orders: Iterable[Order]) -> Sequence[Order]:
        found = list(orders)
        for field in reversed([field.strip() for field in sort.split(",") if field.strip()]):
            key = _SORTS.get(field.removeprefix("-"))
            if key is None:
                raise _Invalid(f"Invalid sort field: '{field}'")
            found.sort(key=key, reverse=field.startswith("-"))
        return found


class _Invalid(Exception):
    """A query that the service refuses."""


_FILTERS: Mapping[str, Callable[[Order], str | None]] = {
    "status.abbreviation": lambda order: STATUSES.get(order.status_id or 0),
    "orderType.abbreviation": lambda order: ORDER_TYPES.get(order.order_type_id or 0),
    "blotter.name": lambda order: BLOTTERS.get(order.blotter_id or 0),
}
#: By ticker is by security, and by name by portfolio: the service does not have the words itself.
_SORTS: Mapping[str, Callable[[Order], Any]] = {
    "id": lambda order: order.order_id,
    "quantity": lambda order: order.quantity,
    "orderTimestamp": lambda order: order.order_timestamp,
    "security.ticker": lambda order: order.security_id,
    "portfolio.name": lambda order: order.portfolio_id,
    **_FILTERS,
}


def instant(text: str) -> datetime:
    """A moment as ISO 8601 has it, with its offset, to the nearest microsecond.

    Raises:
        ValueError: it is none, or has no offset.
    """
    found, nanoseconds = _TIME.fullmatch(text), 0
    if found:
        text, nanoseconds = found[1] + found[3], int(found[2].ljust(9, "0"))
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no offset: {text}")
    return moment.astimezone(UTC) + timedelta(microseconds=(nanoseconds + 500) // 1000)


def overloaded() -> bytes:
    """What the service answers with a 500 while it is overloaded."""
    reason = "System temporarily overloaded - please retry in a few minutes"
    return _nothing(f"Internal server error processing batch request: {reason}")


def _nothing(message: str) -> bytes:
    counts = {"totalReceived": 0, "successful": 0, "failed": 0}
    return _encode({"status": "FAILURE", "message": message, **counts, "orders": []})


def _paging(total: int, limit: int, page: int) -> Row:
    return {
        "totalElements": total,
        "totalPages": -(-total // limit),
        "currentPage": page,
        "pageSize": limit,
        "hasNext": (page + 1) * limit < total,
        "hasPrevious": page > 0,
    }


def _coded(key: int | None, names: Mapping[int, str]) -> Row:
    return {"id": key, "abbreviation": names.get(key or 0), "description": "", "version": 1}


def _number(value: Decimal | None) -> msgspec.Raw | None:
    """A number of decimal(18,8), all its decimals written."""
    return None if value is None else msgspec.Raw(f"{value:.8f}".encode())


def _text(moment: datetime) -> str:
    """A moment as Java writes it: no zeros at the end of its fraction."""
    text = moment.replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"
