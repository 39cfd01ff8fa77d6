"""Pages of orders, from the simulated order service, while others go on: all of them, or an error."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.orders.order_service import OPEN_STATUSES, FoundOrder, OrderStatus
from ordergen_server.domain.rebalances import Side
from ordergen_server.sandbox.market.market import Market
from ordergen_server.sandbox.market.orders import Order, OrderBook
from ordergen_server.sandbox.market.portfolios import Portfolios
from ordergen_server.sandbox.services.http_orders import HttpOrders
from ordergen_server.sandbox.services.order_desk import OrderDesk
from ordergen_server.siblings.calling.failures import Unreadable
from ordergen_server.siblings.ordering import http_pages
from ordergen_server.siblings.ordering.http_pages import all_orders
from ordergen_server.siblings.ordering.transports import OrderQuery

if TYPE_CHECKING:
    from collections.abc import Callable

PORTFOLIOS = Portfolios(Market.synthetic(seed=1, securities=20), 5, 10)
SECURITY = PORTFOLIOS.market.securities[0]
MARK = datetime(2026, 3, 2, 9, 30, 0, 120, UTC)
OPEN = OrderQuery(statuses=OPEN_STATUSES)
NEW, FULL, CANCELLED = 1, 4, 8
ORDER = Order(
    blotter_id=1,
    status_id=NEW,
    portfolio_id=PORTFOLIOS.portfolio_id(0),
    order_type_id=2,
    security_id=SECURITY.security_id,
    quantity=Decimal(100),
    order_timestamp=MARK,
    version=1,
)


class Service:
    """The order service, in which something may happen before each page."""

    def __init__(self, orders: int = 0) -> None:
        self.book = OrderBook()
        self._orders = HttpOrders(self.book, OrderDesk(self.book), PORTFOLIOS)
        self.fetched: list[dict[str, str]] = []
        self.before_page: Callable[[int], None] = lambda _: None
        for _ in range(orders):
            self.book.take(ORDER)

    def fetch(self, path: str) -> bytes:
        self.before_page(len(self.fetched))
        query = parse_qsl(urlsplit(path).query)
        self.fetched.append(dict(query))
        status, body = self._orders.find(query)
        assert status == 200
        return body


def ids(orders: tuple[FoundOrder, ...]) -> list[int]:
    return [each.external_order_id for each in orders]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pages, "PAGE_ORDERS", 10)
    monkeypatch.setattr(http_pages, "OVERLAP_ORDERS", 3)


def test_an_order_as_it_is_found() -> None:
    service = Service(1)
    assert all_orders(service.fetch, OPEN) == (
        FoundOrder(
            external_order_id=1,
            portfolio_id=PORTFOLIOS.portfolio_id(0),
            security_id=SECURITY.security_id,
            ticker=SECURITY.ticker,
            side=Side.SELL,
            quantity=Decimal(100),
            status=OrderStatus.NEW,
            order_timestamp=MARK,
        ),
    )
    assert service.fetched == [
        {
            "limit": "1000",
            "offset": "0",
            "sort": "id",
            "status.abbreviation": "NEW,SENT,WORK,PART,HOLD,CNCL",
        }
    ]


def test_a_mark_is_found_to_the_microsecond() -> None:
    service = Service(1)
    service.book.take(replace(ORDER, order_timestamp=MARK + timedelta(microseconds=1)))
    assert ids(all_orders(service.fetch, OrderQuery(order_timestamp=MARK))) == [1]
    assert service.fetched[0]["orderTimestamp"] == "2026-03-02T09:30:00.000120Z"


@pytest.mark.parametrize(("order_type", "side"), [(1, Side.BUY), (3, None), (4, None), (5, None)])
def test_only_buys_and_sells_have_a_side(order_type: int, side: Side | None) -> None:
    service = Service()
    service.book.take(
        replace(ORDER, order_type_id=order_type, security_id="unknown", quantity=Decimal("0.5"))
    )
    (found,) = all_orders(service.fetch, OPEN)
    assert (found.side, found.ticker, str(found.quantity)) == (side, "", "0.5")


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 1949, 1950, 1951, 5000])
def test_all_pages(count: int) -> None:
    assert len(all_orders(Service(count).fetch, OPEN)) == count


@given(st.integers(1_000, 300_000))
def test_a_page_begins_before_the_end_of_the_one_before(end: int) -> None:
    offset, limit = http_pages._next(end)  # noqa: SLF001 - what the completeness of all pages hangs on
    assert offset % limit == 0
    assert offset <= end - http_pages.OVERLAP_ORDERS
    assert end < offset + limit
    assert limit <= http_pages.PAGE_ORDERS


@pytest.mark.usefixtures("small_pages")
def test_orders_that_are_filled_meanwhile_let_none_slip_through() -> None:
    service = Service(25)
    service.before_page = lambda page: service.book.change({2 * page: FULL}) if page else None
    found = ids(all_orders(service.fetch, OPEN))
    assert set(found) >= set(range(1, 26)) - {2, 4, 6}


@pytest.mark.usefixtures("small_pages")
def test_when_too_many_leave_nobody_says_that_these_are_all() -> None:
    service = Service(25)
    service.before_page = lambda page: service.book.change(dict.fromkeys(range(1, 9), FULL)) if page else None
    with pytest.raises(Unreadable, match="too many left"):
        all_orders(service.fetch, OPEN)


@given(
    count=st.integers(0, 45),
    moves=st.lists(st.lists(st.integers(1, 60), max_size=6), max_size=8),
)
def test_none_is_missing_of_those_that_were_open_all_the_time(count: int, moves: list[list[int]]) -> None:
    """Before each page some orders change between open and closed, and new ones come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_pages, "PAGE_ORDERS", 10)
        patch.setattr(http_pages, "OVERLAP_ORDERS", 3)
        service = Service(count)
        always = set(range(1, count + 1))

        def move(page: int) -> None:
            for key in moves[page - 1] if 0 < page <= len(moves) else ():
                status = {each.order_id: each.status_id for each in service.book.orders}.get(key)
                if status is None:
                    service.book.take(ORDER)
                else:
                    service.book.change({key: CANCELLED if status == NEW else NEW})
            always.intersection_update(each.order_id for each in service.book.orders if each.status_id == NEW)

        service.before_page = move
        try:
            found = all_orders(service.fetch, OPEN)
        except Unreadable:
            return
        assert set(ids(found)) >= always


def page(**changed: object) -> bytes:
    """A page with one order, changed."""
    order = {
        "id": 1,
        "status": {"abbreviation": "NEW"},
        "portfolio": {"portfolioId": "p" * 24},
        "orderType": {"abbreviation": "BUY"},
        "security": {"securityId": "s" * 24, "ticker": None},
        "quantity": 5,
        "orderTimestamp": "2026-03-02T10:30:00.00012+01:00",
        **changed,
    }
    return json.dumps({"content": [order], "pagination": {"totalElements": 1}}).encode()


def test_an_offset_is_understood() -> None:
    (found,) = all_orders(lambda _: page(), OrderQuery(order_timestamp=MARK))
    assert (found.order_timestamp, found.order_timestamp.tzinfo) == (MARK, UTC)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"status": {"abbreviation": "FULL"}},
        {"status": {"abbreviation": "LOST"}},
        {"status": None},
        {"portfolio": {"portfolioId": " "}},
        {"portfolio": None},
        {"security": {"securityId": None}},
        {"quantity": "many"},
        {"quantity": None},
        {"orderTimestamp": "today"},
        {"orderTimestamp": "2026-03-02T10:30:00"},
        {"orderTimestamp": None},
    ],
)
def test_an_order_that_cannot_be_leaves_no_answer(changed: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        all_orders(lambda _: page(**changed), OPEN)


def test_an_order_without_the_mark_shows_that_the_filter_was_passed_over() -> None:
    with pytest.raises(Unreadable, match="order 1, which was not asked for"):
        all_orders(lambda _: page(), OrderQuery(order_timestamp=MARK + timedelta(microseconds=1)))


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"content": []}',
        b'{"content": [], "pagination": {"totalElements": 3}}',
        json.dumps({**json.loads(page()), "pagination": {"totalElements": 2}}).encode(),
        json.dumps(
            {"content": json.loads(page())["content"] * 2, "pagination": {"totalElements": 2}}
        ).encode(),
    ],
)
def test_a_page_that_is_cut_or_doubled_is_none(body: bytes) -> None:
    with pytest.raises(Unreadable):
        all_orders(lambda _: body, OPEN)
