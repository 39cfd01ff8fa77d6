"""The book of the simulated order service: what it takes, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ordergen_server.sandbox.market.orders import ROLLED_BACK, Order, OrderBook, OrderRefused

ORDER = Order(
    blotter_id=1,
    status_id=1,
    portfolio_id="p" * 24,
    order_type_id=1,
    security_id="s" * 24,
    quantity=Decimal(100),
    order_timestamp=datetime(2025, 6, 2, 14, 40, 54, 658123, UTC),
    version=1,
)


def test_an_order_that_is_sent_twice_is_there_twice() -> None:
    book = OrderBook()
    assert [book.take(ORDER).order_id for _ in range(2)] == [1, 2]
    assert book.orders == [replace(ORDER, order_id=1), replace(ORDER, order_id=2)]


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"blotter_id": None}, "Blotter ID is required"),
        ({"portfolio_id": " "}, "Portfolio ID is required"),
        ({"quantity": Decimal(0)}, "Quantity must be positive"),
        ({"limit_price": Decimal(-1)}, "Limit price must be positive when provided"),
        ({"blotter_id": 6}, "Blotter with ID 6 not found"),
        ({"status_id": 11}, "Status with ID 11 not found"),
        ({"order_type_id": 9}, "Order Type with ID 9 not found"),
        ({"order_timestamp": None}, ROLLED_BACK),
        ({"portfolio_id": "p" * 25}, ROLLED_BACK),
        ({"quantity": Decimal(10) ** 10}, ROLLED_BACK),
    ],
)
def test_a_rule_is_kept(fields: dict[str, object], rule: str) -> None:
    book = OrderBook()
    with pytest.raises(OrderRefused) as refusal:
        book.take(replace(ORDER, **fields))  # type: ignore[arg-type] # each field has its own type
    assert (str(refusal.value), book.orders) == (rule, [])


def test_a_trade_order_is_of_one_order() -> None:
    book = OrderBook()
    book.take(replace(ORDER, trade_order_id=7))
    with pytest.raises(OrderRefused, match="rollback-only"):
        book.take(replace(ORDER, trade_order_id=7))
    assert book.take(ORDER).order_id == 3


def test_a_late_order_comes_when_its_time_has_come() -> None:
    now = 0.0
    book = OrderBook(lambda: now)
    book.take_late(replace(ORDER, portfolio_id="late"), 5)
    book.take_late(replace(ORDER, quantity=Decimal(-1)), 1)
    book.take(ORDER)
    now = 4.9
    assert [each.portfolio_id for each in book.orders] == ["p" * 24]
    now = 5.0
    assert [each.portfolio_id for each in book.orders] == ["p" * 24, "late"]


def test_statuses_change_all_together_or_not_at_all() -> None:
    book = OrderBook()
    book.take(ORDER)
    with pytest.raises(KeyError):
        book.change({1: 4, 2: 4})
    assert [(each.status_id, each.version) for each in book.orders] == [(1, 1)]
    book.change({1: 4})
    assert [(each.status_id, each.version) for each in book.orders] == [(4, 2)]


def test_numbers_go_on_when_all_is_forgotten() -> None:
    book = OrderBook()
    book.take(replace(ORDER, trade_order_id=7))
    book.take_late(ORDER, 0)
    book.forget()
    assert book.orders == []
    assert book.take(replace(ORDER, trade_order_id=7)).order_id == 2
