"""The simulated siblings over gRPC: the data and the faults of the HTTP ones, by protos/globeco/<sibling>/v1.

They run in this process, on one port, for tests and demonstrations of services that speak gRPC.
"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

import grpc
from globeco.portfolio.v1 import portfolio_service_pb2 as portfolio_pb2
from globeco.portfolio_accounting.v1 import portfolio_accounting_service_pb2 as accounting_pb2
from globeco.pricing.v1 import pricing_service_pb2 as pricing_pb2
from globeco.security.v1 import security_service_pb2 as security_pb2
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ordergen_server.sandbox.faults import FaultBook, Overrides
from ordergen_server.sandbox.portfolios import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from google.protobuf.message import Message

    from ordergen_server.sandbox.faults import Fault, ServiceName
    from ordergen_server.sandbox.portfolios import Portfolios

    Answer = Callable[..., Message | bytes]  # of a request and its context

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
_ACCOUNTING = "globeco.portfolio_accounting.v1.PortfolioAccountingService"
_PRICING = "globeco.pricing.v1.PricingService"
_SECURITY = "globeco.security.v1.SecurityService"
_PORTFOLIO = "globeco.portfolio.v1.PortfolioService"
_GARBAGE = b"\xff<html>"


class GrpcSiblings:
    """Four services on one port of the loopback, from entering the context to leaving it.

    Args:
        portfolios: the market, its model and who follows it.
        port: where to listen; 0 is any that is free.

    Attributes:
        overrides: data that differs from the market's; summaries cannot be overridden but with None.
    """

    def __init__(self, portfolios: Portfolios, port: int = 0) -> None:
        self.overrides = Overrides()
        self._portfolios = portfolios
        self._lock = threading.Lock()
        self._books: dict[ServiceName, FaultBook] = {}
        self._calls: Counter[ServiceName] = Counter()
        self._stopping = threading.Event()
        self._server: grpc.Server | None = None
        self._port = port

    @property
    def url(self) -> str:
        """The base URL of all four services."""
        return f"grpc://127.0.0.1:{self._port}"

    def set_faults(self, service: ServiceName, faults: Sequence[Fault]) -> None:
        """Forget the faults of a service and play these; a reset or half an answer is UNAVAILABLE here."""
        with self._lock:
            self._books.setdefault(service, FaultBook()).replace(faults)

    def calls(self, service: ServiceName) -> int:
        """Return how many calls a service has met."""
        with self._lock:
            return self._calls[service]

    def start(self) -> None:
        """Listen and serve."""
        options = [("grpc.so_reuseport", 0), ("grpc.max_send_message_length", _MAXIMUM_MESSAGE)]
        server = grpc.server(ThreadPoolExecutor(_WORKERS), options=options)
        server.add_generic_rpc_handlers(tuple(self._handlers()))
        self._port = server.add_insecure_port(f"127.0.0.1:{self._port}")
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
        yield self._handler("accounting", _ACCOUNTING, "GetPortfolioSummary", summary, self._summary)
        prices = pricing_pb2.ListPricesRequest
        yield self._handler("pricing", _PRICING, "ListPrices", prices, self._prices)
        securities = security_pb2.ListSecuritiesRequest
        yield self._handler("security", _SECURITY, "ListSecurities", securities, self._securities)
        portfolios = portfolio_pb2.ListPortfoliosRequest
        yield self._handler("portfolio", _PORTFOLIO, "ListPortfolios", portfolios, self._names)

    def _handler(
        self, service: ServiceName, full_name: str, method: str, request: type[Message], answer: Answer
    ) -> grpc.GenericRpcHandler:
        def serve(message: Message, context: grpc.ServicerContext) -> Message | bytes:
            with self._lock:
                self._calls[service] += 1
                due = self._books.setdefault(service, FaultBook()).due("*", method)
            for fault in due:
                if fault.kind in ("garbage", "body"):
                    return fault.body.encode() or _GARBAGE
                self._play(fault, context)
            return answer(message, context)

        handler = grpc.unary_unary_rpc_method_handler(serve, request.FromString, _serialize)
        return grpc.method_handlers_generic_handler(full_name, {method: handler})

    def _play(self, fault: Fault, context: grpc.ServicerContext) -> None:
        if fault.kind == "delay":
            self._stopping.wait(fault.delay_seconds)
        elif fault.kind in ("hang", "stall"):
            while context.is_active() and not self._stopping.wait(0.05):
                pass
        else:
            _abort(
                context, _CODES.get(fault.status or 503, grpc.StatusCode.UNKNOWN), fault.retry_after_seconds
            )

    def _summary(
        self, message: accounting_pb2.GetPortfolioSummaryRequest, context: grpc.ServicerContext
    ) -> Message:
        number = self._portfolios.number_of(message.portfolio_id)
        is_gone = message.portfolio_id in self.overrides.summaries
        if is_gone or number is None or self._portfolios.kind(number) is Kind.NEW:
            _abort(context, grpc.StatusCode.NOT_FOUND)
        portfolio = self._portfolios.portfolio(number)
        summary = accounting_pb2.PortfolioSummary(portfolio_id=portfolio.portfolio_id)
        summary.cash_balance.value = f"{portfolio.cash:f}"
        for security_id, quantity in portfolio.holdings.items():
            summary.securities.add(security_id=security_id).net_quantity.value = f"{quantity:f}"
        return summary

    def _prices(self, _message: object, _context: object) -> Message:
        response = pricing_pb2.ListPricesResponse()
        for security in self._portfolios.market.securities:
            text = self.overrides.prices.get(security.security_id, f"{security.price:f}")
            if text is not None:
                response.prices.add(ticker=security.ticker).close.value = text
        return response

    def _securities(self, _message: object, _context: object) -> Message:
        response = security_pb2.ListSecuritiesResponse()
        for security in self._portfolios.market.securities:
            if security.security_id not in self.overrides.unknown_securities:
                response.securities.add(security_id=security.security_id, ticker=security.ticker)
        return response

    def _names(self, _message: object, _context: object) -> Message:
        response = portfolio_pb2.ListPortfoliosResponse()
        for number in range(self._portfolios.count):
            name = self._portfolios.name(number)
            response.portfolios.add(portfolio_id=self._portfolios.portfolio_id(number), name=name)
        return response


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
