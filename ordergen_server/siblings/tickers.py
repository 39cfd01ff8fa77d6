"""The tickers of securities: all from one list or, while there is none, one by one as they are needed."""

import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.domain.origin import carried
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.calling.failures import Flaw
from ordergen_server.siblings.reading.readers import SECURITY, SecurityReader
from ordergen_server.siblings.shared_read import CacheState, Reading, RefreshThrottle, SingleFlightCache

_List = Reading[Mapping[str, str | Flaw] | None]
_logger = logging.getLogger(__name__)
#: Securities read at once for one caller: a thousand that take 20 ms each take 2.5 s.
_AT_ONCE = 8
#: Securities that were read one by one and are kept, at most: callers may ask for any that there are not.
MAXIMUM_KEPT = 16_384


@dataclass(frozen=True, slots=True)
class _Found:
    """The ticker of one security, None where there is no such one, and when that was read."""

    ticker: str | Flaw | None
    read_at: float


class TickerSource:
    """Reads the list at most once a TTL, whoever asks; without a list, each security at most once a TTL.

    Args:
        reader: reads the security service.
        config: how long answers are kept.
        clock: seconds that only move forward.
    """

    def __init__(self, reader: SecurityReader, config: CacheConfig, clock: Clock = time.monotonic) -> None:
        self._reader = reader
        self._config = config
        self._clock = clock
        self._list = SingleFlightCache(SECURITY, self._read_list, config.tickers_ttl_seconds, clock)
        self._early = RefreshThrottle(config.refresh_seconds, clock)
        self._lock = threading.Lock()
        self._found: dict[str, _Found] = {}

    @property
    def state(self) -> CacheState:
        """How the cache of the list does."""
        return self._list.state

    def listed(self, needed: Iterable[str], deadline: Deadline) -> _List:
        """The list; its value is None where the service has none to give.

        Where it lacks one of the `needed`, which may be a new one, it is read again before its TTL, though
        not more often than the config allows.

        Raises:
            SiblingUnavailable, DeadlineExceeded: there is neither a list nor a reason for its lack.
        """
        kept = self._list.get(deadline)
        lacks = kept.value is None or any(one not in kept.value for one in needed)
        if not (lacks and self._early.is_due(kept.read_at)):
            return kept
        try:
            return self._list.get(deadline, newer_than=kept)
        except (SiblingUnavailable, DeadlineExceeded):
            return kept  # which is still good

    def each(self, security_ids: Collection[str], deadline: Deadline) -> dict[str, str | Flaw | None]:
        """The tickers of some securities, read one by one, some at once; None where there is no such one.

        Raises:
            SiblingUnavailable, DeadlineExceeded: one of them could not be read.
        """
        found = {one: kept for one in security_ids if (kept := self._kept(one))}
        unknown = [one for one in dict.fromkeys(security_ids) if one not in found]
        if unknown:
            with ThreadPoolExecutor(_AT_ONCE, "security") as pool:
                read = pool.map(carried(self._read_one), unknown, repeat(deadline))
                found |= zip(unknown, read, strict=True)
        return {one: found[one].ticker for one in security_ids}

    def _read_list(self, deadline: Deadline) -> Mapping[str, str | Flaw] | None:
        tickers = self._reader.read_tickers(deadline)
        if tickers is None:
            extra = {"service": SECURITY}
            _logger.warning("%s refuses to list: securities are read one by one", SECURITY, extra=extra)
        return tickers

    def _read_one(self, security_id: str, deadline: Deadline) -> _Found:
        found = _Found(self._reader.read_ticker(security_id, deadline), self._clock())
        with self._lock:
            self._found.pop(security_id, None)
            self._found[security_id] = found  # the last: those that were read first are forgotten first
            while len(self._found) > MAXIMUM_KEPT:
                del self._found[next(iter(self._found))]
        return found

    def _kept(self, security_id: str) -> _Found | None:
        with self._lock:
            found = self._found.get(security_id)
        is_good = found is not None and self._clock() - found.read_at < self._ttl_seconds(found)
        return found if is_good else None

    def _ttl_seconds(self, found: _Found) -> float:
        """What is not there, or not right, may soon be."""
        is_good = isinstance(found.ticker, str)
        return self._config.tickers_ttl_seconds if is_good else self._config.refresh_seconds
