"""Opens the siblings that a config names; nobody behind it can tell their transports."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ordergen_server.siblings.config import SiblingsConfig
from ordergen_server.siblings.http_accounting import HttpAccountingReader
from ordergen_server.siblings.http_readers import HttpNameReader, HttpPriceReader, HttpSecurityReader
from ordergen_server.siblings.market import SiblingMarketSource
from ordergen_server.siblings.portfolios import SiblingPortfolioSource


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


def open_sources(config: SiblingsConfig) -> Sources:
    """Open the sources; nothing is connected before the first call.

    Raises:
        ValueError: a base URL is of no known scheme.
    """
    securities = HttpSecurityReader(config.security)
    prices = HttpPriceReader(config.pricing)
    accounting = HttpAccountingReader(config.portfolio_accounting)
    names = HttpNameReader(config.portfolio)
    return Sources(
        SiblingMarketSource(securities, prices, config.cache),
        SiblingPortfolioSource(accounting, names, config.cache),
    )
