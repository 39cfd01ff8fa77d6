"""The simulated siblings over gRPC, on one port, by protos/globeco/<sibling>/v1.

Data, faults and counts of calls are those of the services over HTTP. An endpoint has the name it has there;
the path that ``match`` looks in is the method and the request as text. A reset or half an answer is
UNAVAILABLE here, a lost one too, an overload INTERNAL, and a body is sent as it is: garbage to a client.
The protos are our own, and the services keep to them: a portfolio without balance rows is NOT_FOUND,
summaries are whole, and there is always a list.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, NoReturn

import grpc
import msgspec
from globeco.order.v1 import order_service_pb2 as order_pb2
from globeco.portfolio.v1 import portfolio_service_pb2 as portfolio_pb2
from globeco.portfolio_accounting.v1 import portfolio_accounting_service_pb2 as accounting_pb2
from globeco.pricing.v1 import pricing_service_pb2 as pricing_pb2
from globeco.security.v1 import security_service_pb2 as security_pb2
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ordergen_server.sandbox.services.faults import ORDER_KINDS
from ordergen_server.sandbox.services.grpc_orders import GrpcOrders
from ordergen_server.sandbox.services.order_desk import OrderDesk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from google.protobuf.message import Message
    from google.type import date_pb2

    from ordergen_server.sandbox.services.answers import Answers
    from ordergen_server.sandbox.services.faults import Endpoint, Fault, FaultBook, ServiceName

    Answer = Callable[..., Message | bytes]  # of a request, its context, and the faults of single orders

__all__ = ["GrpcSiblings"]

_WORKERS = 32
_MAXIMUM_MESSAGE = 64 * 1024 * 1024  # bytes
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}
_ACCOUNTING = "globeco.portfolio_accounting.v1.PortfolioAccountingService/GetPortfolioSummary"
_PRICING = "globeco.pricing.v1.PricingService/ListPrices"
_SECURITY = "globeco.security.v1.SecurityService/ListSecurities"
_PORTFOLIO = "globeco.portfolio.v1.PortfolioService/ListPortfolios"
_CREATE_ORDERS = "globeco.order.v1.OrderService/CreateOrders"
_LIST_ORDERS = "globeco.order.v1.OrderService/ListOrders"
_GARBAGE = b"\xff<html>"


class GrpcSiblings:
    """The services on one port, from entering the context to leaving it.

    Args:
        answers: the data, and the overrides that hold for them.
        books: the faults of each service and the calls it met.
        port: where to listen; 0 is any that is free.
        host: the address to listen on.
    """

    def __init__(
        self,
        answers: Answers,
        books: Mapping[ServiceName, FaultBook],
        port: int = 0,
        *,
        host: str = "127.0.0.1",
    ) -> None:
        self._answers = answers
        self._books = books
        self._stopping = threading.Event()
        self._server: grpc.Server | None = None
        self._port = port
        self._host = host

    @property
    def url(self) -> str:
        """The base URL of all services, for this machine."""
        return f"grpc://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen and serve."""
        options = [("grpc.so_reuseport", 0), ("grpc.max_send_message_length", _MAXIMUM_MESSAGE)]
        server = grpc.server(ThreadPoolExecutor(_WORKERS), options=options)
        server.add_generic_rpc_handlers(tuple(self._handlers()))
        self._port = server.add_insecure_port(f"{self._host}:{self._port}")
        server.start()
        self._server = server

    def stop(self) -> None:
        """End, calls that hang included."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop(grace=None).wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _handlers(self) -> Iterator[grpc.GenericRpcHandler]:
        summary = accounting_pb2.GetPortfolioSummaryRequest
        yield self._handler("summary", "accounting", _ACCOUNTING, summary, self._summary)
        yield self._handler("prices", "pricing", _PRICING, pricing_pb2.ListPricesRequest, self._prices)
        securities = security_pb2.ListSecuritiesRequest
        yield self._handler("securities", "security", _SECURITY, securities, self._securities)
        portfolios = portfolio_pb2.ListPortfoliosRequest
        yield self._handler("portfolios", "portfolio", _PORTFOLIO, portfolios, self._names)
        orders = GrpcOrders(self._answers.orders, OrderDesk(self._answers.orders), self._answers.market)
        new, listed = order_pb2.CreateOrdersRequest, order_pb2.ListOrdersRequest
        yield self._handler(
            "orders", "order", _CREATE_ORDERS, new, lambda it, _, faults: orders.create(it, faults)
        )
        yield self._handler("order_list", "order", _LIST_ORDERS, listed, lambda it, *_: orders.list(it))

    def _handler(
        self, endpoint: Endpoint, service: ServiceName, path: str, request: type[Message], answer: Answer
    ) -> grpc.GenericRpcHandler:
        def serve(message: Message, context: grpc.ServicerContext) -> Message | bytes:
            due = self._books[service].due(endpoint, f"{path} {message}")
            single = [fault for fault in due if fault.kind in ORDER_KINDS]
            for fault in due:
                if fault.kind in ("garbage", "body"):
                    return fault.body.encode() or _GARBAGE
                if fault.kind == "lose":
                    answer(message, context, single)
                if fault not in single:
                    self._play(fault, context)
            return answer(message, context, single)

        full_name, _, method = path.partition("/")
        handler = grpc.unary_unary_rpc_method_handler(serve, request.FromString, _serialize)
        return grpc.method_handlers_generic_handler(full_name, {method: handler})

    def _play(self, fault: Fault, context: grpc.ServicerContext) -> None:
        if fault.kind == "delay":
            self._stopping.wait(fault.delay_seconds)
        elif fault.kind in ("hang", "stall"):
            while context.is_active() and not self._stopping.wait(0.05):
                pass
            _abort(context, grpc.StatusCode.UNAVAILABLE)  # nobody hears it, and nothing is done
        else:
            status = fault.status or (500 if fault.kind == "overload" else 503)
            _abort(context, _CODES.get(status, grpc.StatusCode.UNKNOWN), fault.retry_after_seconds)

    def _summary(
        self, message: accounting_pb2.GetPortfolioSummaryRequest, context: grpc.ServicerContext, _: object
    ) -> Message | bytes:
        body = self._answers.accounting.summary(message.portfolio_id, rows=None)
        if body is None:
            _abort(context, grpc.StatusCode.NOT_FOUND)
        try:
            return _summary_of(msgspec.json.decode(body, type=_Summary))
        except msgspec.MsgspecError:
            return body  # an override that no message can say

    def _prices(self, *_: object) -> Message:
        response = pricing_pb2.ListPricesResponse()
        for security in self._answers.market.securities:
            text = self._answers.price_text(security)
            if text is not None:
                price = response.prices.add(ticker=security.ticker)
                price.close.value = _number(text)
                _set_day(price.date, self._answers.price_day(security))
        return response

    def _securities(self, *_: object) -> Message:
        response = security_pb2.ListSecuritiesResponse()
        for security in self._answers.whole_securities():
            response.securities.add(security_id=security.security_id, ticker=security.ticker)
        return response

    def _names(self, *_: object) -> Message:
        response = portfolio_pb2.ListPortfoliosResponse()
        for each in msgspec.json.decode(self._answers.portfolios()):
            response.portfolios.add(portfolio_id=each["portfolioId"], name=each["name"])
        return response


class _Line(msgspec.Struct, rename="camel"):
    security_id: str
    net_quantity: msgspec.Raw


class _Summary(msgspec.Struct, rename="camel"):
    portfolio_id: str
    cash_balance: msgspec.Raw
    securities: list[_Line]


def _summary_of(body: _Summary) -> Message:
    summary = accounting_pb2.PortfolioSummary(portfolio_id=body.portfolio_id)
    summary.cash_balance.value = _number(bytes(body.cash_balance).decode())
    for line in body.securities:
        quantity = _number(bytes(line.net_quantity).decode())
        summary.securities.add(security_id=line.security_id).net_quantity.value = quantity
    return summary


def _set_day(message: date_pb2.Date, text: str | None) -> None:
    """Write the day of a text; nothing of what is none."""
    with suppress(ValueError):
        day = date.fromisoformat(text or "")
        message.year, message.month, message.day = day.year, day.month, day.day


def _number(text: str) -> str:
    """Return a number that JSON may have as a string without its quotes."""
    return text.strip('"')


def _serialize(answer: Message | bytes) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


def _abort(
    context: grpc.ServicerContext, code: grpc.StatusCode, retry_after_seconds: int | None = None
) -> NoReturn:
    status = status_pb2.Status(code=code.value[0], message="simulated fault")
    if retry_after_seconds is not None:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.seconds = retry_after_seconds
        detail = Any()
        detail.Pack(info)
        status.details.append(detail)
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError  # pragma: no cover - abort_with_status raises
