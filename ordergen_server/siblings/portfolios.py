"""The domain's PortfolioSource and NamedPortfolioSource: holdings one by one, names all at once."""

import time
from collections.abc import Collection, Mapping

from ordergen_server.domain.market import Holdings
from ordergen_server.domain.references import Directory, Portfolio
from ordergen_server.siblings.calling.breaker import BreakerState
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.directories import portfolio_directory
from ordergen_server.siblings.names import NameSource
from ordergen_server.siblings.reading.readers import (
    PORTFOLIO,
    PORTFOLIO_ACCOUNTING,
    AccountingReader,
    NameReader,
)
from ordergen_server.siblings.shared_read import CacheState


class SiblingPortfolioSource:
    """Reads holdings, always anew, and names, which are kept: a run of ten thousand asks for them once.

    Args:
        accounting: reads portfolio accounting.
        names: reads the portfolio service.
        config: how long answers are kept.
        clock: seconds that only move forward.
    """

    def __init__(
        self,
        accounting: AccountingReader,
        names: NameReader,
        config: CacheConfig | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._accounting = accounting
        self._name_reader = names
        self._names = NameSource(names, config or CacheConfig(), clock)
        self._directory: tuple[object, Directory[Portfolio]] | None = None

    @property
    def breakers(self) -> Mapping[str, BreakerState]:
        """The state of the breaker of each service."""
        return {
            PORTFOLIO_ACCOUNTING: self._accounting.breaker.state,
            PORTFOLIO: self._name_reader.breaker.state,
        }

    @property
    def caches(self) -> Mapping[str, CacheState]:
        """How the cache of names does."""
        return {PORTFOLIO: self._names.state}

    def holdings(self, portfolio_id: str, timeout_seconds: float) -> Holdings:
        """Read cash and shares of a portfolio.

        Raises:
            SiblingUnavailable: portfolio accounting does not answer.
            BadData: it answered what cannot be.
            DeadlineExceeded: `timeout_seconds` ran out.
        """
        return self._accounting.read_holdings(portfolio_id, Deadline(timeout_seconds))

    def name(self, portfolio_id: str, timeout_seconds: float) -> str:
        """The name of a portfolio; empty where the portfolio service does not know it, or not yet."""
        return self._names.name(portfolio_id, timeout_seconds)

    def portfolios(self, needed: Collection[str], timeout_seconds: float) -> Directory[Portfolio]:
        """All portfolios that have a name; they are waited for where they are not kept.

        Raises:
            SiblingUnavailable: the portfolio service does not list them.
            DeadlineExceeded: `timeout_seconds` ran out.
        """
        names = self._names.all(needed, Deadline(timeout_seconds))
        made = self._directory
        if made is None or made[0] is not names:
            made = self._directory = (names, portfolio_directory(names.value))
        return made[1]

    def close(self) -> None:
        """Close every connection."""
        self._accounting.close()
        self._name_reader.close()
