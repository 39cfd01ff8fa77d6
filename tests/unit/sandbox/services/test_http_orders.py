"""Bodies of the simulated order service: lists that it takes, and pages that it answers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ordergen_server.sandbox.market.market import Market
from ordergen_server.sandbox.market.orders import ROLLED_BACK, OrderBook
from ordergen_server.sandbox.market.portfolios import Portfolios
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.http_orders import HttpOrders
from ordergen_server.sandbox.services.order_desk import OrderDesk

PORTFOLIOS = Portfolios(Market.synthetic(seed=1, securities=20), 5, 10)
IDS = PORTFOLIOS.model.portfolio_ids
SECURITIES = PORTFOLIOS.market.securities
ORDER: dict[str, Any] = {
    "blotterId": 1,
    "statusId": 1,
    "portfolioId": IDS[0],
    "orderTypeId": 1,
    "securityId": SECURITIES[0].security_id,
    "quantity": 100,
    "limitPrice": None,
    "tradeOrderId": None,
    "orderTimestamp": "2025-06-02T14:40:54.658Z",
    "version": 1,
}


@pytest.fixture
def orders() -> HttpOrders:
    book = OrderBook()
    return HttpOrders(book, OrderDesk(book), PORTFOLIOS)


def post(orders: HttpOrders, sent: object, *faults: Fault) -> tuple[int, dict[str, Any]]:
    status, body = orders.post(json.dumps(sent).encode(), faults)
    return status, json.loads(body)


def find(orders: HttpOrders, **query: str) -> tuple[int, dict[str, Any]]:
    named = [(name.replace("__", "."), value) for name, value in query.items()]
    status, body = orders.find(named)
    return status, json.loads(body, parse_float=Decimal)


def found(orders: HttpOrders, **query: str) -> list[int]:
    status, page = find(orders, **query)
    assert status == 200
    return [order["id"] for order in page["content"]]


def test_takes_a_list(orders: HttpOrders) -> None:
    status, reply = post(orders, [ORDER, ORDER])
    assert (status, reply["status"], reply["totalReceived"]) == (200, "SUCCESS", 2)
    assert (reply["successful"], reply["failed"]) == (2, 0)
    assert [(each["orderId"], each["requestIndex"]) for each in reply["orders"]] == [(1, 0), (2, 1)]


def test_takes_the_good_ones_of_a_list(orders: HttpOrders) -> None:
    sent = [ORDER, {**ORDER, "quantity": 0}, None, {**ORDER, "orderTimestamp": None}]
    status, reply = post(orders, sent)
    assert (status, reply["status"], reply["successful"], reply["failed"]) == (207, "PARTIAL", 1, 3)
    assert [each["status"] for each in reply["orders"]] == ["SUCCESS", "FAILURE", "FAILURE", "FAILURE"]
    assert [each["message"] for each in reply["orders"][1:]] == [
        "Quantity must be positive",
        "Order data is required",
        ROLLED_BACK,
    ]
    assert all("orderId" not in each and "order" not in each for each in reply["orders"][1:])


def test_a_list_that_fails_is_no_bad_request(orders: HttpOrders) -> None:
    status, reply = post(orders, [{**ORDER, "statusId": 77}])
    assert (status, reply["status"], reply["totalReceived"]) == (207, "FAILURE", 1)
    assert reply["orders"] == [
        {"status": "FAILURE", "message": "Status with ID 77 not found", "requestIndex": 0}
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 500),
        (b"{}", 500),
        (b"[1]", 500),
        (b'[{"quantity": "many"}]', 500),
        (b'[{"orderTimestamp": "today"}]', 500),
        (b"[]", 400),
        (json.dumps([ORDER] * 1001).encode(), 413),
    ],
)
def test_a_list_that_is_refused_as_a_whole(orders: HttpOrders, body: bytes, status: int) -> None:
    assert orders.post(body)[0] == status
    assert found(orders) == []


def test_takes_a_thousand(orders: HttpOrders) -> None:
    assert post(orders, [ORDER] * 1000)[0] == 200


def test_an_order_is_found_as_it_is_kept(orders: HttpOrders) -> None:
    post(orders, [{**ORDER, "orderTimestamp": "2025-06-02T16:40:54.658123501+02:00"}])
    status, page = find(orders)
    security = {"securityId": SECURITIES[0].security_id, "ticker": SECURITIES[0].ticker}
    assert status == 200
    assert page["content"] == [
        {
            "id": 1,
            "blotter": {"id": 1, "name": "Default", "version": 1},
            "status": {"id": 1, "abbreviation": "NEW", "description": "", "version": 1},
            "portfolio": {"portfolioId": IDS[0], "name": PORTFOLIOS.name(0)},
            "orderType": {"id": 1, "abbreviation": "BUY", "description": "", "version": 1},
            "security": security,
            "quantity": Decimal("100.00000000"),
            "limitPrice": None,
            "tradeOrderId": None,
            "orderTimestamp": "2025-06-02T14:40:54.658124Z",
            "version": 1,
        }
    ]


def test_filters_are_exact_and_a_comma_is_or(orders: HttpOrders) -> None:
    post(orders, [{**ORDER, "statusId": key} for key in (1, 4, 5)])
    post(orders, [{**ORDER, "orderTypeId": 2, "blotterId": 2, "portfolioId": IDS[1]}])
    post(
        orders, [{**ORDER, "securityId": SECURITIES[1].security_id, "orderTimestamp": "2026-01-01T00:00:00Z"}]
    )
    assert found(orders, status__abbreviation="FULL, PART") == [2, 3]
    assert found(orders, status__abbreviation="full") == []
    assert found(orders, status__abbreviation="NEW", orderType__abbreviation="SELL") == [4]
    assert found(orders, blotter__name="Equity") == [4]
    assert found(orders, portfolio__name=PORTFOLIOS.name(1)) == [4]
    assert found(orders, security__ticker=SECURITIES[1].ticker) == [5]
    assert found(orders, orderTimestamp="2026-01-01T01:00:00+01:00") == [5]
    assert found(orders, status__abbreviation=" ") == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["security__ticker", "portfolio__name"])
def test_a_word_that_nothing_has_filters_nothing(orders: HttpOrders, name: str) -> None:
    post(orders, [ORDER])
    assert found(orders, **{name: "NOBODY"}) == [1]


@pytest.mark.parametrize("name", ["portfolio.portfolioId", "tradeOrderId", "quantity"])
def test_there_is_no_other_filter(orders: HttpOrders, name: str) -> None:
    assert orders.find([(name, "1")])[0] == 400


def test_an_offset_is_rounded_down_to_a_page(orders: HttpOrders) -> None:
    post(orders, [ORDER] * 7)
    status, page = find(orders, limit="3", offset="5")
    assert status == 200
    assert [order["id"] for order in page["content"]] == [4, 5, 6]
    assert page["pagination"] == {
        "totalElements": 7,
        "totalPages": 3,
        "currentPage": 1,
        "pageSize": 3,
        "hasNext": True,
        "hasPrevious": True,
    }


def test_sorting(orders: HttpOrders) -> None:
    post(orders, [{**ORDER, "quantity": quantity} for quantity in (5, 3, 5)])
    assert found(orders, sort="-quantity,-id") == [3, 1, 2]
    assert find(orders, sort="price")[0] == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [({"limit": "0"}, 400), ({"limit": "1001"}, 400), ({"offset": "-1"}, 400), ({"limit": "many"}, 500)],
)
def test_a_page_out_of_range(orders: HttpOrders, query: dict[str, str], status: int) -> None:
    assert find(orders, **query)[0] == status


def test_chosen_orders_are_refused(orders: HttpOrders) -> None:
    status, reply = post(orders, [ORDER] * 3, Fault(kind="refuse", positions=(1,), body="No"))
    assert (status, reply["orders"][1]) == (207, {"status": "FAILURE", "message": "No", "requestIndex": 1})
    assert found(orders) == [1, 2]


def test_an_unplaced_order_may_be_taken_all_the_same(orders: HttpOrders) -> None:
    never, soon = Fault(kind="unplaced", positions=(0,)), Fault(kind="unplaced", commit_seconds=0)
    assert [each["requestIndex"] for each in post(orders, [ORDER] * 2, never)[1]["orders"]] == [-1, 1]
    assert found(orders) == [1]
    assert post(orders, [ORDER], soon)[1]["status"] == "FAILURE"
    assert found(orders) == [1, 2]


def test_duplicates_are_there_and_not_told(orders: HttpOrders) -> None:
    status, reply = post(orders, [ORDER] * 2, Fault(kind="duplicate", positions=(0,)))
    assert (status, [each["orderId"] for each in reply["orders"]]) == (200, [1, 3])
    assert found(orders) == [1, 2, 3]


def test_answers_in_the_opposite_order(orders: HttpOrders) -> None:
    reply = post(orders, [ORDER] * 3, Fault(kind="reorder"))[1]
    assert [(each["requestIndex"], each["orderId"]) for each in reply["orders"]] == [(2, 3), (1, 2), (0, 1)]
