"""Orders over gRPC, by protos/globeco/order/v1: the same outcomes and the same checks as over HTTP."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from globeco.order.v1 import order_service_pb2 as order_pb2
from globeco.order.v1.order_service_pb2_grpc import OrderServiceStub

from ordergen_server.domain.orders.order_service import FoundOrder, OrderStatus, OutgoingOrder
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.siblings.calling.breaker import CircuitBreaker
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import Flaw, Unreadable
from ordergen_server.siblings.calling.grpc_service import GrpcService
from ordergen_server.siblings.calling.observer import UNOBSERVED, SiblingObserver
from ordergen_server.siblings.ordering.outcomes import Answer, Outcome, outcomes
from ordergen_server.siblings.ordering.sending import once
from ordergen_server.siblings.ordering.transports import OrderQuery
from ordergen_server.siblings.reading import decimals
from ordergen_server.siblings.reading.entries import not_blank
from ordergen_server.siblings.reading.grpc_readers import GrpcReader
from ordergen_server.siblings.reading.readers import ORDER

Value = TypeVar("Value")
_TYPES = {Side.BUY: order_pb2.ORDER_TYPE_BUY, Side.SELL: order_pb2.ORDER_TYPE_SELL}
_SIDES = {order_type: side for side, order_type in _TYPES.items()}
_STATUSES = {status: order_pb2.OrderStatus.Value(f"ORDER_STATUS_{status.value}") for status in OrderStatus}
_BY_STATUS = {number: status for status, number in _STATUSES.items()}
#: No order is of this time: a question that costs little.
_LONG_AGO = OrderQuery(order_timestamp=datetime(1970, 1, 1, tzinfo=UTC))


class GrpcOrderReader(GrpcReader[order_pb2.ListOrdersRequest, order_pb2.ListOrdersResponse]):
    """Calls OrderService.ListOrders."""

    service = ORDER

    def __init__(self, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        super().__init__(
            config, lambda channel: OrderServiceStub(channel).ListOrders, _request(_LONG_AGO), observer
        )

    def read_orders(self, query: OrderQuery, deadline: Deadline) -> tuple[FoundOrder, ...]:
        """All orders of a query; see OrderReader."""
        with self._grpc.caller.answering():
            return self._grpc.get(_request(query), lambda answer: _orders(answer, query), deadline)


class GrpcOrderSender:
    """Calls OrderService.CreateOrders.

    Args:
        config: where the service is; how often it is tried again is not asked: never.
        observer: hears what becomes of calls.
    """

    def __init__(self, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        self._grpc: GrpcService[order_pb2.CreateOrdersRequest, order_pb2.CreateOrdersResponse] = GrpcService(
            ORDER, config, lambda channel: OrderServiceStub(channel).CreateOrders, observer
        )

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker before the sending."""
        return self._grpc.caller.breaker

    def send(
        self, orders: Sequence[OutgoingOrder], order_timestamp: datetime, leaving: Callable[[], object]
    ) -> tuple[Outcome, ...]:
        """Send orders once; see OrderService of the domain."""
        request = order_pb2.CreateOrdersRequest(orders=[_new(order) for order in orders])
        request.order_timestamp.FromDatetime(order_timestamp)

        def sent(deadline: Deadline, begin: Callable[[], object]) -> tuple[Outcome, ...]:
            return self._grpc.send(request, lambda answer: _outcomes(answer, len(orders)), deadline, begin)

        return once(self._grpc.caller, sent, len(orders), leaving)

    def close(self) -> None:
        """Close the channel."""
        self._grpc.close()


def _new(order: OutgoingOrder) -> order_pb2.NewOrder:
    message = order_pb2.NewOrder(
        portfolio_id=order.portfolio_id, security_id=order.security_id, order_type=_TYPES[order.side]
    )
    message.quantity.value = str(order.quantity)
    return message


def _outcomes(response: order_pb2.CreateOrdersResponse, count: int) -> tuple[Outcome, ...]:
    return outcomes([_answer(each) for each in response.results], count)


def _answer(message: order_pb2.OrderResult) -> Answer:
    outcome = message.WhichOneof("outcome")
    if outcome == "order_id":
        return Answer(message.request_index, order_id=message.order_id)
    if outcome == "refusal":
        return Answer(message.request_index, refusal=message.refusal)
    return Answer(message.request_index)


def _request(query: OrderQuery) -> order_pb2.ListOrdersRequest:
    request = order_pb2.ListOrdersRequest(statuses=[_STATUSES[status] for status in query.statuses])
    if query.order_timestamp is not None:
        request.order_timestamp.FromDatetime(query.order_timestamp)
    return request


def _orders(response: order_pb2.ListOrdersResponse, query: OrderQuery) -> tuple[FoundOrder, ...]:
    found = {each.order_id: _order(each) for each in response.orders}
    if len(found) != len(response.orders):
        raise Unreadable("answered an order twice")
    query.check(found.values())
    return tuple(found[key] for key in sorted(found))


def _order(message: order_pb2.Order) -> FoundOrder:
    return FoundOrder(
        external_order_id=message.order_id,
        portfolio_id=_good(message, not_blank(message.portfolio_id, "portfolio_id")),
        security_id=_good(message, not_blank(message.security_id, "security_id")),
        ticker=message.ticker,
        side=_SIDES.get(message.order_type),
        quantity=_good(message, decimals.amount(message.quantity.value, "quantity")),
        status=_BY_STATUS.get(message.status),
        order_timestamp=message.order_timestamp.ToDatetime(tzinfo=UTC),
    )


def _good(message: order_pb2.Order, value: Value | Flaw) -> Value:
    """A value, or none of all orders: an order that is passed over would be one less than all."""
    if isinstance(value, Flaw):
        raise Unreadable(f"answered order {message.order_id} with {value.path}: {value.rule}")
    return value
