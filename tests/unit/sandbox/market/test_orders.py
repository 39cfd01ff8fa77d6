"""The simulated order service takes, refuses and numbers orders."""

from __future__ import annotations

import json

import pytest

from ordergen_server.sandbox.market.orders import OrderDesk

ORDER = {
    "blotterId": 1,
    "statusId": 1,
    "portfolioId": "p" * 24,
    "orderTypeId": 1,
    "securityId": "s" * 24,
    "quantity": 100,
    "limitPrice": None,
    "tradeOrderId": None,
    "orderTimestamp": "2025-06-02T14:40:54.658Z",
    "version": 1,
}


def test_takes_and_numbers_orders() -> None:
    desk = OrderDesk()
    status, body = desk.submit(json.dumps([ORDER, ORDER]).encode())
    reply = json.loads(body)
    assert (status, reply["status"], reply["totalReceived"]) == (200, "SUCCESS", 2)
    assert (reply["successful"], reply["failed"]) == (2, 0)
    assert [(each["orderId"], each["requestIndex"]) for each in reply["orders"]] == [(1, 0), (2, 1)]
    assert reply["orders"][0]["order"] == {"id": 1, **ORDER}


def test_takes_the_good_ones_of_a_list() -> None:
    orders = [ORDER, {**ORDER, "quantity": 0}, {"portfolioId": "p"}]
    status, body = OrderDesk().submit(json.dumps(orders).encode())
    reply = json.loads(body)
    assert (status, reply["status"], reply["successful"], reply["failed"]) == (207, "PARTIAL", 1, 2)
    assert [each["status"] for each in reply["orders"]] == ["SUCCESS", "FAILURE", "FAILURE"]
    assert reply["orders"][1]["message"] == "quantity must be positive"


@pytest.mark.parametrize("body", [b"not json", b"{}", b"[]", b"[1]"])
def test_refuses_what_holds_no_order(body: bytes) -> None:
    status, reply = OrderDesk().submit(body)
    assert (status, json.loads(reply)["status"]) == (400, "FAILURE")


def test_refuses_more_than_a_thousand() -> None:
    assert OrderDesk().submit(json.dumps([ORDER] * 1001).encode())[0] == 413
    assert OrderDesk().submit(json.dumps([ORDER] * 1000).encode())[0] == 200
