"""The domain's MarketSource and SecuritySource: tickers and prices joined, as a snapshot or a directory."""

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from ordergen_server.domain.errors import DataProblem
from ordergen_server.domain.market import MarketSnapshot, NoPrice, Price, Quote, Quoted, missing
from ordergen_server.domain.references import Directory, Security
from ordergen_server.siblings.calling.breaker import BreakerState
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.calling.failures import Flaw, bad_data
from ordergen_server.siblings.directories import refuse_all_but_ids, refuse_bad_records, security_directory
from ordergen_server.siblings.reading.readers import PRICING, SECURITY, PriceReader, SecurityReader
from ordergen_server.siblings.shared_read import CacheState, Reading, SingleFlightCache
from ordergen_server.siblings.tickers import TickerSource

_Prices = Reading[Mapping[str, Price | Flaw]]


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
        self._tickers = TickerSource(securities, config, clock)
        self._prices = SingleFlightCache(PRICING, prices.read_prices, config.prices_ttl_seconds, clock)
        self._joined: tuple[object, _Prices, MarketSnapshot] | None = None
        self._directory: tuple[object, _Prices, Directory[Security]] | None = None

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

        While the security service refuses to list, the quotes are those of the `needed` securities alone.

        Args:
            timeout_seconds: for both together.
            needed: ids of securities; where one is not among those kept, it may be a new one, and the
                tickers are read again before their TTL, though not more often than the config allows.

        Raises:
            SiblingUnavailable: a sibling does not answer, or answers what cannot be read.
            DeadlineExceeded: `timeout_seconds` ran out.
        """
        deadline = Deadline(timeout_seconds)
        tickers = self._tickers.listed(needed, deadline)
        prices = self._prices.get(deadline)
        if tickers.value is not None:
            return self._join(tickers, tickers.value, prices)
        by_ticker = {ticker: _price(ticker, price) for ticker, price in prices.value.items()}
        unlisted = MarketSnapshot({}, prices.time, MappingProxyType(by_ticker))
        return replace(unlisted, quotes=self.quotes(unlisted, needed, deadline.remaining_seconds))

    def quotes(
        self, snapshot: MarketSnapshot, security_ids: Collection[str], timeout_seconds: float
    ) -> Mapping[str, Quoted]:
        """The quotes of more securities at the prices of a snapshot, each security read by itself.

        Raises:
            SiblingUnavailable: the security service does not answer.
            DeadlineExceeded: `timeout_seconds` ran out.
        """
        prices = snapshot.prices
        if prices is None:
            return {}
        tickers = self._tickers.each(security_ids, Deadline(timeout_seconds))
        return {key: _quote(key, ticker, prices) for key, ticker in tickers.items()}

    def securities(self, needed: Collection[str], timeout_seconds: float) -> Directory[Security]:
        """All securities, of the readings that snapshots are made of; while there is no list, the `needed`.

        Raises:
            SiblingUnavailable: a sibling does not answer.
            BadData: there is no list, and one of the `needed` is no id, or is one whose record is bad.
            DeadlineExceeded: `timeout_seconds` ran out.
        """
        deadline = Deadline(timeout_seconds)
        tickers = self._tickers.listed(needed, deadline)
        prices = self._prices.get(deadline)
        if tickers.value is not None:
            return self._list(tickers, tickers.value, prices)
        refuse_all_but_ids(needed)
        each = self._tickers.each(needed, deadline)
        refuse_bad_records(each)
        known = {key: ticker for key, ticker in each.items() if ticker is not None}
        return security_directory(known, prices.value)

    def close(self) -> None:
        """Close every connection."""
        self._securities.close()
        self._price_reader.close()

    def _join(self, reading: object, tickers: Mapping[str, str | Flaw], prices: _Prices) -> MarketSnapshot:
        """The snapshot of two readings: the same, as long as they are the same."""
        joined = self._joined
        if joined is None or joined[0] is not reading or joined[1] is not prices:
            quotes = {key: _quote(key, ticker, prices.value) for key, ticker in tickers.items()}
            joined = (reading, prices, MarketSnapshot(MappingProxyType(quotes), prices.time))
            self._joined = joined
        return joined[2]

    def _list(
        self, reading: object, tickers: Mapping[str, str | Flaw], prices: _Prices
    ) -> Directory[Security]:
        """The directory of two readings: the same, as long as they are the same."""
        made = self._directory
        if made is None or made[0] is not reading or made[1] is not prices:
            made = self._directory = (reading, prices, security_directory(tickers, prices.value))
        return made[2]


def _quote(
    security_id: str, ticker: str | Flaw | None, prices: Mapping[str, Price | Flaw | DataProblem]
) -> Quoted:
    if ticker is None:
        return missing(SECURITY, "security", security_id, security_id)
    if isinstance(ticker, Flaw):
        return bad_data(SECURITY, security_id, ticker)
    price = prices.get(ticker)
    if isinstance(price, Price):
        return Quote(ticker, price.value, price.day)
    if price is None:
        return NoPrice(ticker, missing(PRICING, "price", security_id, ticker))
    return NoPrice(ticker, bad_data(PRICING, security_id, price) if isinstance(price, Flaw) else price)


def _price(ticker: str, price: Price | Flaw) -> Price | DataProblem:
    return bad_data(PRICING, ticker, price, "Ticker") if isinstance(price, Flaw) else price
