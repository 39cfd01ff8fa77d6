"""The domain's PortfolioSource: holdings one by one, names all at once."""

import logging
import threading
import time
from collections.abc import Mapping

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.domain.market import Holdings
from ordergen_server.siblings.calling.breaker import BreakerState
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.market import RefreshThrottle
from ordergen_server.siblings.reading.readers import (
    PORTFOLIO,
    PORTFOLIO_ACCOUNTING,
    AccountingReader,
    NameReader,
)
from ordergen_server.siblings.shared_read import CacheState, Reading, SingleFlightCache

_logger = logging.getLogger(__name__)
_Names = Reading[Mapping[str, str]]


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
        self._config = config or CacheConfig()
        self._accounting = accounting
        self._name_reader = names
        self._names = SingleFlightCache(PORTFOLIO, names.read_names, self._config.names_ttl_seconds, clock)
        self._early = RefreshThrottle(self._config.refresh_seconds, clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._paused_until = float("-inf")

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
        """The name of a portfolio; empty where the portfolio service does not know or does not answer.

        It takes at most `names_wait_seconds`, and after a failure nobody waits for a while.
        """
        with self._lock:
            if self._clock() < self._paused_until:
                return ""
        try:
            return self._name(portfolio_id, Deadline(min(timeout_seconds, self._config.names_wait_seconds)))
        except (SiblingUnavailable, DeadlineExceeded) as failure:
            self._pause(failure)
            return ""

    def close(self) -> None:
        """Close every connection."""
        self._accounting.close()
        self._name_reader.close()

    def _name(self, portfolio_id: str, deadline: Deadline) -> str:
        names = self._names.get(deadline)
        if portfolio_id not in names.value and self._early.is_due(names.read_at):
            names = self._names.get(deadline, newer_than=names)
        return names.value.get(portfolio_id, "")

    def _pause(self, failure: SiblingUnavailable | DeadlineExceeded) -> None:
        seconds = self._config.names_pause_seconds
        with self._lock:
            is_first = self._clock() >= self._paused_until
            self._paused_until = self._clock() + seconds
        if is_first:
            extra = {"service": PORTFOLIO, "pause_seconds": seconds}
            _logger.warning("no names for %g s: %s", seconds, failure.message, extra=extra)
