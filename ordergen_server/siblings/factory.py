"""Opens the siblings that a config names; nobody behind it can tell their transports."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from ordergen_server.siblings.calling.config import SiblingConfig, SiblingsConfig
from ordergen_server.siblings.calling.observer import UNOBSERVED, SiblingObserver
from ordergen_server.siblings.market import SiblingMarketSource
from ordergen_server.siblings.portfolios import SiblingPortfolioSource
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
    Reader,
    SecurityReader,
)

AnyReader = TypeVar("AnyReader", bound=Reader)
_ByScheme = Mapping[str, Callable[[SiblingConfig, SiblingObserver], AnyReader]]

_SECURITY: _ByScheme[SecurityReader] = {"http": HttpSecurityReader, "grpc": GrpcSecurityReader}
_PRICING: _ByScheme[PriceReader] = {"http": HttpPriceReader, "grpc": GrpcPriceReader}
_ACCOUNTING: _ByScheme[AccountingReader] = {"http": HttpAccountingReader, "grpc": GrpcAccountingReader}
_PORTFOLIO: _ByScheme[NameReader] = {"http": HttpNameReader, "grpc": GrpcNameReader}


@dataclass(frozen=True, slots=True)
class Sources:
    """Both sources, open; leaving the context closes every connection."""

    market: SiblingMarketSource
    portfolios: SiblingPortfolioSource

    def close(self) -> None:
        """Close every connection; calls under way end as unavailable."""
        self.market.close()
        self.portfolios.close()

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
        ValueError: a base URL is of no known scheme, or not of its form.
    """
    with ExitStack() as opened:
        securities = _open(_SECURITY, config.security, observer, opened)
        prices = _open(_PRICING, config.pricing, observer, opened)
        accounting = _open(_ACCOUNTING, config.portfolio_accounting, observer, opened)
        names = _open(_PORTFOLIO, config.portfolio, observer, opened)
        opened.pop_all()
    return Sources(
        SiblingMarketSource(securities, prices, config.cache),
        SiblingPortfolioSource(accounting, names, config.cache),
    )


def _open(
    kinds: _ByScheme[AnyReader], config: SiblingConfig, observer: SiblingObserver, opened: ExitStack
) -> AnyReader:
    """Open one reader; it is closed again if a later one cannot be opened."""
    scheme = config.base_url.partition("://")[0]
    if scheme not in kinds:
        known = ", ".join(f"{each}://" for each in kinds)
        raise ValueError(f"{config.base_url!r} begins with none of {known}")
    reader = kinds[scheme](config, observer)
    opened.callback(reader.close)
    return reader
