"""The domain's MarketSource: tickers and prices joined into one snapshot."""

import threading
import time
from collections.abc import Collection, Mapping
from decimal import Decimal
from types import MappingProxyType

from ordergen_server.domain.errors import DataProblem, DeadlineExceeded, SiblingUnavailable
from ordergen_server.domain.market import MarketSnapshot, Quote, missing
from ordergen_server.siblings.calling.breaker import BreakerState
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.calling.failures import Flaw, bad_data
from ordergen_server.siblings.reading.readers import PRICING, SECURITY, PriceReader, SecurityReader
from ordergen_server.siblings.shared_read import CacheState, Reading, SingleFlightCache

_Tickers = Reading[Mapping[str, str | Flaw]]
_Prices = Reading[Mapping[str, Decimal | Flaw]]


class SiblingMarketSource:
    """Reads all tickers and all prices, at most once a TTL, whoever asks and however many.

    Args:
        securities: reads the security service.
        prices: reads the pricing service.
        config: how long answers are kept.
        clock: seconds that only move forward.
    """

    def __init__(
        self,
        securities: SecurityReader,
        prices: PriceReader,
        config: CacheConfig | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        config = config or CacheConfig()
        self._securities = securities
        self._price_reader = prices
        self._tickers = SingleFlightCache(
            SECURITY, securities.read_tickers, config.tickers_ttl_seconds, clock
        )
        self._prices = SingleFlightCache(PRICING, prices.read_prices, config.prices_ttl_seconds, clock)
        self._early = RefreshThrottle(config.refresh_seconds, clock)
        self._joined: tuple[_Tickers, _Prices, MarketSnapshot] | None = None

    @property
    def breakers(self) -> Mapping[str, BreakerState]:
        """The state of the breaker of each service."""
        return {SECURITY: self._securities.breaker.state, PRICING: self._price_reader.breaker.state}

    @property
    def caches(self) -> Mapping[str, CacheState]:
        """How the cache of each service does."""
        return {SECURITY: self._tickers.state, PRICING: self._prices.state}

    def snapshot(self, timeout_seconds: float, needed: Collection[str] = ()) -> MarketSnapshot:
        """Read tickers and prices of all securities, or answer those that were read within their TTL.

        Args:
            timeout_seconds: for both together.
            needed: ids of securities; where one is not among those kept, it may be a new one, and the
                tickers are read again before their TTL, though not more often than the config allows.

        Raises:
            SiblingUnavailable: a sibling does not answer, or answers what cannot be read.
            DeadlineExceeded: `timeout_seconds` ran out.
        """
        deadline = Deadline(timeout_seconds)
        tickers = self._tickers.get(deadline)
        if not all(security_id in tickers.value for security_id in needed) and self._early.is_due(
            tickers.read_at
        ):
            tickers = self._refreshed(tickers, deadline)
        return self._join(tickers, self._prices.get(deadline))

    def close(self) -> None:
        """Close every connection."""
        self._securities.close()
        self._price_reader.close()

    def _refreshed(self, tickers: _Tickers, deadline: Deadline) -> _Tickers:
        """Newer tickers; those we have, which are still good, where there are none to be had."""
        try:
            return self._tickers.get(deadline, newer_than=tickers)
        except (SiblingUnavailable, DeadlineExceeded):
            return tickers

    def _join(self, tickers: _Tickers, prices: _Prices) -> MarketSnapshot:
        """The snapshot of two readings: the same, as long as they are the same."""
        joined = self._joined
        if joined is None or joined[0] is not tickers or joined[1] is not prices:
            quotes = {key: _quote(key, ticker, prices.value) for key, ticker in tickers.value.items()}
            joined = (tickers, prices, MarketSnapshot(MappingProxyType(quotes), prices.time))
            self._joined = joined
        return joined[2]


class RefreshThrottle:
    """Allows one look before the TTL in so many seconds, whether it succeeds or not."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._last = float("-inf")

    def is_due(self, read_at: float) -> bool:
        """Whether to read again what was read at `read_at`; once one caller may, no other may for a while."""
        with self._lock:
            now = self._clock()
            due = now - max(self._last, read_at) >= self._seconds
            if due:
                self._last = now
            return due


def _quote(security_id: str, ticker: str | Flaw, prices: Mapping[str, Decimal | Flaw]) -> Quote | DataProblem:
    if isinstance(ticker, Flaw):
        return bad_data(SECURITY, security_id, ticker)
    price = prices.get(ticker)
    if price is None:
        return missing(PRICING, "price", security_id, ticker)
    return bad_data(PRICING, security_id, price) if isinstance(price, Flaw) else Quote(ticker, price)
