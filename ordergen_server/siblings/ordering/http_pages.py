"""All orders of a query, page by page: `GET /api/v1/orders` of the order service.

Orders come and go while they are read, and an offset is rounded down to a multiple of the limit. So pages are
by id, and each begins some orders before the end of the one before. As long as it begins with an id that is
not above the last one before it, no order can have slipped through between the two: whatever left meanwhile,
those that were there all the time are in one of them. What came meanwhile may be in it or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from ordergen_server.domain.orders.order_service import FoundOrder, OrderStatus
from ordergen_server.domain.rebalances import Side
from ordergen_server.siblings.calling.failures import Flaw, Unreadable, shown
from ordergen_server.siblings.calling.http_service import Fetch
from ordergen_server.siblings.ordering.transports import OrderQuery
from ordergen_server.siblings.reading import decimals
from ordergen_server.siblings.reading.documents import ABSENT, decoded, flaw_of, number
from ordergen_server.siblings.reading.entries import not_blank

#: Orders of a page at most.
PAGE_ORDERS = 1_000
#: Orders of the page before that a page begins with, at least: so many may leave between the two.
OVERLAP_ORDERS = 50
PATH = "/api/v1/orders"
Value = TypeVar("Value")


class CodeRecord(msgspec.Struct):
    """A status, or a type of order."""

    abbreviation: str


class PortfolioRecord(msgspec.Struct, rename="camel"):
    """The portfolio of an order; its name is nobody's business here."""

    portfolio_id: str


class SecurityRecord(msgspec.Struct, rename="camel"):
    """The security of an order; without a ticker where the security service did not answer there."""

    security_id: str
    ticker: str | None = None


class OrderRecord(msgspec.Struct, rename="camel"):
    """An order, as far as we read it."""

    id: int
    status: CodeRecord
    portfolio: PortfolioRecord
    order_type: CodeRecord
    security: SecurityRecord
    order_timestamp: str
    quantity: msgspec.Raw = ABSENT


class PagingRecord(msgspec.Struct, rename="camel"):
    """Of how many orders a page is a part."""

    total_elements: int


class PageRecord(msgspec.Struct):
    """A page of orders."""

    content: list[OrderRecord]
    pagination: PagingRecord


@dataclass(frozen=True, slots=True)
class _Page:
    """A page: where it begins, how long it may be, and its orders by id."""

    offset: int
    limit: int
    orders: Mapping[int, FoundOrder]

    @property
    def is_last(self) -> bool:
        return len(self.orders) < self.limit


_PAGE = msgspec.json.Decoder(PageRecord)
_BY_STATUS = {status.value: status for status in OrderStatus}
_SIDES = {side.value: side for side in Side}


def all_orders(fetch: Fetch, query: OrderQuery) -> tuple[FoundOrder, ...]:
    """All orders of a query, by their ids.

    Raises:
        Unreadable: an answer is no page of orders, or nobody can say that the pages are all of them.
        Refused, AttemptFailed: a page was refused, or did not come.
    """
    page = _page(fetch, query, 0, PAGE_ORDERS)
    found = dict(page.orders)
    while not page.is_last:
        page = _page(fetch, query, *_next(page.offset + len(page.orders)))
        if not page.orders or min(page.orders) > max(found):
            raise Unreadable("answered orders of which too many left while they were read")
        found |= page.orders
    query.check(found.values())
    return tuple(found[key] for key in sorted(found))


def _next(end: int) -> tuple[int, int]:
    """Where the longest page that begins far enough before `end`, and its limit."""
    begin = end - OVERLAP_ORDERS
    number = -(-begin // PAGE_ORDERS)
    limit = begin // number
    return number * limit, limit


def _page(fetch: Fetch, query: OrderQuery, offset: int, limit: int) -> _Page:
    asked = {"limit": str(limit), "offset": str(offset), "sort": "id", **_filters(query)}
    try:
        record = decoded(fetch(f"{PATH}?{urlencode(asked)}"), _PAGE)
    except msgspec.ValidationError as error:
        flaw = flaw_of(error)
        raise Unreadable(f"answered no page of orders: {flaw.path}: {flaw.rule}") from error
    ids = [each.id for each in record.content]
    if sorted(set(ids)) != ids or len(ids) > limit:
        raise Unreadable("answered orders that are not in the order of their ids")
    if len(ids) < min(limit, record.pagination.total_elements - offset):
        total = record.pagination.total_elements
        raise Unreadable(f"answered {len(ids)} orders from {offset} on, and a total of {total}")
    return _Page(offset, limit, {each.id: _order(each) for each in record.content})


def _filters(query: OrderQuery) -> dict[str, str]:
    filters: dict[str, str] = {}
    if query.order_timestamp is not None:
        filters["orderTimestamp"] = text_of(query.order_timestamp)
    if query.statuses:
        filters["status.abbreviation"] = ",".join(status.value for status in query.statuses)
    return filters


def _order(record: OrderRecord) -> FoundOrder:
    return FoundOrder(
        external_order_id=record.id,
        portfolio_id=_good(record.id, not_blank(record.portfolio.portfolio_id, "portfolioId")),
        security_id=_good(record.id, not_blank(record.security.security_id, "securityId")),
        ticker=record.security.ticker or "",
        side=_SIDES.get(record.order_type.abbreviation),
        quantity=plain(_good(record.id, number(record.quantity, "quantity", decimals.amount))),
        status=_BY_STATUS.get(record.status.abbreviation),
        order_timestamp=_good(record.id, _moment(record.order_timestamp)),
    )


def _good(order_id: int, value: Value | Flaw) -> Value:
    """A value, or none of all orders: an order that is passed over would be one less than all."""
    if isinstance(value, Flaw):
        raise Unreadable(f"answered order {order_id} with {value.path}: {value.rule}")
    return value


def _moment(text: str) -> datetime | Flaw:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return Flaw("orderTimestamp", f"must be a time, not {shown(repr(text))}")
    if moment.tzinfo is None:
        return Flaw("orderTimestamp", f"must have an offset, not {shown(repr(text))}")
    return moment.astimezone(UTC)


def plain(value: Decimal) -> Decimal:
    """A number without the zeros at its end."""
    whole = value.to_integral_value()
    return whole if whole == value else value.normalize()


def text_of(moment: datetime) -> str:
    """A time as the order service reads it, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
