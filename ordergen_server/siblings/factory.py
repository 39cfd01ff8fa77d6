"""Opens the siblings that a config names; nobody behind it can tell their transports."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeVar

from ordergen_server.siblings.calling.addresses import GRPC, HTTP, scheme_of
from ordergen_server.siblings.calling.config import SiblingConfig, SiblingsConfig
from ordergen_server.siblings.calling.observer import UNOBSERVED, SiblingObserver
from ordergen_server.siblings.dependencies import SiblingDependency
from ordergen_server.siblings.market import SiblingMarketSource
from ordergen_server.siblings.ordering.grpc_orders import GrpcOrderReader, GrpcOrderSender
from ordergen_server.siblings.ordering.http_orders import HttpOrderReader, HttpOrderSender
from ordergen_server.siblings.ordering.sending import sending_config
from ordergen_server.siblings.ordering.transports import OrderReader, OrderSender
from ordergen_server.siblings.orders import SiblingOrderService
from ordergen_server.siblings.portfolios import SiblingPortfolioSource
from ordergen_server.siblings.reading import readers
from ordergen_server.siblings.reading.grpc_readers import (
    GrpcAccountingReader,
    GrpcNameReader,
    GrpcPriceReader,
    GrpcSecurityReader,
)
from ordergen_server.siblings.reading.http_accounting import HttpAccountingReader
from ordergen_server.siblings.reading.http_readers import HttpNameReader, HttpPriceReader, HttpSecurityReader
from ordergen_server.siblings.reading.readers import (
    AccountingReader,
    NameReader,
    PriceReader,
    SecurityReader,
)


class Opened(Protocol):
    """What is open until it is closed."""

    def close(self) -> None:
        """Close every connection."""


AnyReader = TypeVar("AnyReader", bound=Opened)
_ByScheme = Mapping[str, Callable[[SiblingConfig, SiblingObserver], AnyReader]]


def _transports(
    http: Callable[[SiblingConfig, SiblingObserver], AnyReader],
    grpc: Callable[[SiblingConfig, SiblingObserver], AnyReader],
) -> _ByScheme[AnyReader]:
    return dict.fromkeys(HTTP, http) | dict.fromkeys(GRPC, grpc)


_SECURITY: _ByScheme[SecurityReader] = _transports(HttpSecurityReader, GrpcSecurityReader)
_PRICING: _ByScheme[PriceReader] = _transports(HttpPriceReader, GrpcPriceReader)
_ACCOUNTING: _ByScheme[AccountingReader] = _transports(HttpAccountingReader, GrpcAccountingReader)
_PORTFOLIO: _ByScheme[NameReader] = _transports(HttpNameReader, GrpcNameReader)
_ORDER: _ByScheme[OrderReader] = _transports(HttpOrderReader, GrpcOrderReader)
_ORDER_SENDING: _ByScheme[OrderSender] = _transports(HttpOrderSender, GrpcOrderSender)


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources and the order service, open; leaving the context closes every connection.

    Attributes:
        orders: the order service; None where there is none.
        dependencies: the services behind them.
    """

    market: SiblingMarketSource
    portfolios: SiblingPortfolioSource
    orders: SiblingOrderService | None
    dependencies: tuple[SiblingDependency, ...]

    @property
    def observed(self) -> Sequence[SiblingMarketSource | SiblingPortfolioSource | SiblingOrderService]:
        """What has breakers and caches."""
        return (self.market, self.portfolios, *([self.orders] if self.orders else []))

    def close(self) -> None:
        """Close every connection; calls under way end as unavailable."""
        self.market.close()
        self.portfolios.close()
        if self.orders:
            self.orders.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_sources(config: SiblingsConfig, observer: SiblingObserver = UNOBSERVED) -> Sources:
    """Open the sources, each service by the scheme of its base URL; nothing is connected before a call.

    Args:
        config: where the services are, and their limits.
        observer: hears what becomes of calls.

    Raises:
        ValueError: a base URL is of no known scheme, or not of its form; a certificate cannot be used; our
            token would be sent in plain text.
    """
    with ExitStack() as opened:
        securities = _open(readers.SECURITY, _SECURITY, config.security, observer, opened)
        prices = _open(readers.PRICING, _PRICING, config.pricing, observer, opened)
        accounting = _open(
            readers.PORTFOLIO_ACCOUNTING, _ACCOUNTING, config.portfolio_accounting, observer, opened
        )
        names = _open(readers.PORTFOLIO, _PORTFOLIO, config.portfolio, observer, opened)
        orders = _order_reader(config, observer, opened)
        sender = _order_sender(config, observer, opened)
        opened.pop_all()
    return Sources(
        SiblingMarketSource(securities, prices, config.cache),
        SiblingPortfolioSource(accounting, names, config.cache),
        SiblingOrderService(orders, sender, config.cache) if orders and sender else None,
        (
            SiblingDependency(readers.PORTFOLIO_ACCOUNTING, accounting),
            SiblingDependency(readers.PRICING, prices),
            SiblingDependency(readers.SECURITY, securities),
            SiblingDependency(readers.PORTFOLIO, names),
            *([SiblingDependency(readers.ORDER, orders)] if orders else []),
        ),
    )


def _order_reader(config: SiblingsConfig, observer: SiblingObserver, opened: ExitStack) -> OrderReader | None:
    return _open(readers.ORDER, _ORDER, config.order, observer, opened) if config.order else None


def _order_sender(config: SiblingsConfig, observer: SiblingObserver, opened: ExitStack) -> OrderSender | None:
    if config.order is None:
        return None
    sending = sending_config(config.order, config.order_send_seconds)
    return _open(readers.ORDER, _ORDER_SENDING, sending, observer, opened)


def _open(
    service: str,
    kinds: _ByScheme[AnyReader],
    config: SiblingConfig,
    observer: SiblingObserver,
    opened: ExitStack,
) -> AnyReader:
    """Open one reader; it is closed again if a later one cannot be opened."""
    reader = kinds[scheme_of(service, config)](config, observer)
    opened.callback(reader.close)
    return reader
