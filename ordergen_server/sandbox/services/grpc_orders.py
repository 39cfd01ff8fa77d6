"""The simulated order service over gRPC, by protos/globeco/order/v1: the same orders, and the same faults."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from globeco.order.v1 import order_service_pb2 as order_pb2

from ordergen_server.sandbox.market.orders import ORDER_TYPES, Order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.timestamp_pb2 import Timestamp

    from ordergen_server.sandbox.market.market import Market
    from ordergen_server.sandbox.market.orders import OrderBook
    from ordergen_server.sandbox.services.faults import Fault
    from ordergen_server.sandbox.services.order_desk import OrderDesk, Outcome

__all__ = ["GrpcOrders"]

_DEFAULT_BLOTTER = 1
_NEW = 1


class GrpcOrders:
    """Both methods. Types and statuses have the numbers there that they have in the real service's tables.

    Args:
        book: all orders.
        desk: takes them.
        market: their securities.
    """

    def __init__(self, book: OrderBook, desk: OrderDesk, market: Market) -> None:
        self._book = book
        self._desk = desk
        self._market = market

    def create(
        self, request: order_pb2.CreateOrdersRequest, faults: Sequence[Fault] = ()
    ) -> order_pb2.CreateOrdersResponse:
        """Take orders."""
        moment = _moment(request.order_timestamp) if request.HasField("order_timestamp") else None
        orders = [_order(each, moment) for each in request.orders]
        results = [_result(outcome) for outcome in self._desk.take(orders, faults)]
        return order_pb2.CreateOrdersResponse(results=results)

    def list(self, request: order_pb2.ListOrdersRequest) -> order_pb2.ListOrdersResponse:
        """Answer orders."""
        response = order_pb2.ListOrdersResponse()
        moment = _moment(request.order_timestamp) if request.HasField("order_timestamp") else None
        for order in self._book.orders:
            if moment in (None, order.order_timestamp) and (
                not request.statuses or order.status_id in request.statuses
            ):
                self._add(response, order)
        return response

    def _add(self, response: order_pb2.ListOrdersResponse, order: Order) -> None:
        security = self._market.by_id.get(order.security_id or "")
        message = response.orders.add(
            order_id=order.order_id,
            portfolio_id=order.portfolio_id or "",
            security_id=order.security_id or "",
            ticker=security.ticker if security else "",
            order_type=order_pb2.OrderType.ValueType(order.order_type_id or 0),
            status=order_pb2.OrderStatus.ValueType(order.status_id or 0),
        )
        message.quantity.value = f"{order.quantity:f}"
        if order.order_timestamp is not None:
            message.order_timestamp.FromDatetime(order.order_timestamp)


def _order(message: order_pb2.NewOrder, moment: datetime | None) -> Order:
    return Order(
        blotter_id=_DEFAULT_BLOTTER,
        status_id=_NEW,
        portfolio_id=message.portfolio_id,
        order_type_id=message.order_type if message.order_type in ORDER_TYPES else None,
        security_id=message.security_id,
        quantity=_number(message.quantity.value),
        order_timestamp=moment,
        version=1,
    )


def _result(outcome: Outcome) -> order_pb2.OrderResult:
    if outcome.order is not None:
        return order_pb2.OrderResult(request_index=outcome.place, order_id=outcome.order.order_id)
    return order_pb2.OrderResult(request_index=outcome.place, refusal=outcome.message)


def _moment(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
