"""The simulated order service over real HTTP and gRPC: one book, one set of faults, and what others do."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from globeco.order.v1 import order_service_pb2 as order_pb2
from globeco.order.v1.order_service_pb2_grpc import OrderServiceStub
from urllib3.exceptions import ProtocolError

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings, SimulatedSiblingsError
from tests.limits import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import urllib3

TIME = "2025-06-02T14:40:54.658123Z"


def order(siblings: SimulatedSiblings, **changed: object) -> dict[str, Any]:
    security = siblings.portfolios.market.securities[0]
    sent = {"portfolioId": siblings.model.portfolio_ids[0], "securityId": security.security_id}
    fixed = {"blotterId": 1, "statusId": 1, "orderTypeId": 1, "quantity": 5, "version": 1}
    return {**fixed, **sent, "orderTimestamp": TIME, **changed}


def post(siblings: SimulatedSiblings, http: urllib3.PoolManager, count: int) -> urllib3.BaseHTTPResponse:
    return http.request("POST", f"{siblings.order_url}/api/v1/orders", json=[order(siblings)] * count)


@pytest.fixture
def stub(siblings: SimulatedSiblings) -> Iterator[OrderServiceStub]:
    with grpc.insecure_channel(siblings.grpc_url.removeprefix("grpc://")) as channel:
        yield OrderServiceStub(channel)


def request(siblings: SimulatedSiblings, count: int) -> order_pb2.CreateOrdersRequest:
    message = order_pb2.CreateOrdersRequest()
    message.order_timestamp.FromJsonString(TIME)
    for _ in range(count):
        new = message.orders.add(
            portfolio_id=siblings.model.portfolio_ids[0],
            security_id=siblings.portfolios.market.securities[0].security_id,
            order_type=order_pb2.ORDER_TYPE_SELL,
        )
        new.quantity.value = "5"
    return message


def test_orders_are_posted_and_found(siblings: SimulatedSiblings, http: urllib3.PoolManager) -> None:
    answer = post(siblings, http, 2)
    assert (answer.status, answer.json()["successful"]) == (200, 2)
    fields = {"orderTimestamp": TIME, "status.abbreviation": "NEW,SENT", "sort": "-id"}
    page = http.request("GET", f"{siblings.order_url}/api/v1/orders", fields=fields).json()
    assert page["pagination"]["totalElements"] == 2
    assert [each["id"] for each in page["content"]] == [
        each["orderId"] for each in answer.json()["orders"][::-1]
    ]
    assert siblings.calls("order") == {"orders": 1, "order_list": 1}


def test_one_book_for_both_transports(
    siblings: SimulatedSiblings, http: urllib3.PoolManager, stub: OrderServiceStub
) -> None:
    posted = post(siblings, http, 1).json()["orders"][0]["orderId"]
    created = stub.CreateOrders(request(siblings, 1), timeout=PATIENCE)
    assert [(each.request_index, each.order_id) for each in created.results] == [(0, posted + 1)]
    listed = stub.ListOrders(order_pb2.ListOrdersRequest(statuses=[order_pb2.ORDER_STATUS_NEW]))
    assert [(each.order_id, each.order_type) for each in listed.orders] == [(posted, 1), (posted + 1, 2)]
    assert listed.orders[0].order_timestamp.ToJsonString() == TIME
    assert listed.orders[0].ticker == siblings.portfolios.market.securities[0].ticker
    assert [each["orderType"]["abbreviation"] for each in siblings.orders] == ["BUY", "SELL"]
    siblings.change_orders({posted: "FULL"})
    some = order_pb2.ListOrdersRequest(
        statuses=[order_pb2.ORDER_STATUS_FULL], order_timestamp=listed.orders[0].order_timestamp
    )
    assert [each.order_id for each in stub.ListOrders(some).orders] == [posted]


def test_faults_hold_for_both_transports(siblings: SimulatedSiblings, stub: OrderServiceStub) -> None:
    siblings.set_faults(
        "order",
        [
            Fault(kind="refuse", positions=(0,), body="No"),
            Fault(kind="unplaced", positions=(1,)),
            Fault(kind="reorder"),
        ],
    )
    created = stub.CreateOrders(request(siblings, 3), timeout=PATIENCE)
    assert [(each.request_index, each.WhichOneof("outcome")) for each in created.results] == [
        (2, "order_id"),
        (-1, "refusal"),
        (0, "refusal"),
    ]
    assert len(siblings.orders) == 1


def test_an_answer_is_lost_after_its_orders_were_taken(
    siblings: SimulatedSiblings, http: urllib3.PoolManager, stub: OrderServiceStub
) -> None:
    siblings.set_faults("order", [Fault(kind="lose")])
    with pytest.raises(ProtocolError):
        post(siblings, http, 2)
    assert len(siblings.orders) == 2
    with pytest.raises(grpc.RpcError) as failure:
        stub.CreateOrders(request(siblings, 1), timeout=PATIENCE)
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    assert len(siblings.orders) == 3


def test_a_call_is_lost_before_its_orders_were_taken(
    siblings: SimulatedSiblings, http: urllib3.PoolManager
) -> None:
    siblings.set_faults("order", [Fault(kind="reset")])
    with pytest.raises(ProtocolError):
        post(siblings, http, 2)
    assert siblings.orders == []


def test_overload(siblings: SimulatedSiblings, http: urllib3.PoolManager, stub: OrderServiceStub) -> None:
    siblings.set_faults("order", [Fault(kind="overload")])
    answer = post(siblings, http, 1)
    assert (answer.status, "Retry-After" in answer.headers) == (500, False)
    assert "temporarily overloaded" in answer.json()["message"]
    with pytest.raises(grpc.RpcError) as failure:
        stub.CreateOrders(request(siblings, 1), timeout=PATIENCE)
    assert failure.value.code() is grpc.StatusCode.INTERNAL
    assert siblings.orders == []


def test_what_others_do(siblings: SimulatedSiblings) -> None:
    ids = siblings.add_orders([order(siblings, quantity=2.5), order(siblings, orderTypeId=3)])
    siblings.change_orders({ids[0]: "PART", ids[1]: "CNCLD"})
    assert [(each["id"], each["status"]["abbreviation"], each["quantity"]) for each in siblings.orders] == [
        (ids[0], "PART", Decimal("2.5")),
        (ids[1], "CNCLD", Decimal(5)),
    ]
    siblings.clear()
    assert siblings.orders == []


@pytest.mark.parametrize("statuses", [{10**9: "FULL"}, {10**9: "LOST"}])
def test_what_others_cannot_do(siblings: SimulatedSiblings, statuses: dict[int, str]) -> None:
    with pytest.raises(SimulatedSiblingsError, match="no such order or status"):
        siblings.change_orders(statuses)
    with pytest.raises(SimulatedSiblingsError, match="Quantity must be positive"):
        siblings.add_orders([order(siblings, quantity=0)])
