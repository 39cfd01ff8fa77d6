"""The names of all portfolios, read in the background: a name is worth a moment of a caller's time."""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.domain.origin import carried
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.reading.readers import PORTFOLIO, NameReader
from ordergen_server.siblings.shared_read import CacheState, Reading, RefreshThrottle

_logger = logging.getLogger(__name__)


class NameSource:
    """Keeps the names that were read last, and reads them again when they are old, on a thread of its own.

    Whoever needs a name that is not there waits for the reading under way until `names_wait_seconds` after
    it began: a slow list costs a run so much once, and those who come after it has arrived have its names.

    Args:
        reader: reads the portfolio service.
        config: how long answers are kept, waited for, and left alone after a failure.
        clock: seconds that only move forward.
    """

    def __init__(self, reader: NameReader, config: CacheConfig, clock: Clock = time.monotonic) -> None:
        self._reader = reader
        self._config = config
        self._clock = clock
        self._early = RefreshThrottle(config.refresh_seconds, clock)
        self._changed = threading.Condition()
        self._kept: Reading[Mapping[str, str]] | None = None
        self._reading_since: float | None = None
        self._paused_until = float("-inf")
        self._hits = 0
        self._reads = 0

    @property
    def state(self) -> CacheState:
        """How it does, as of now."""
        with self._changed:
            age = None if self._kept is None else self._clock() - self._kept.read_at
            return CacheState(self._hits, self._reads, age)

    def name(self, portfolio_id: str, timeout_seconds: float) -> str:
        """The name of a portfolio; empty where the service does not know it, or has not answered yet."""
        with self._changed:
            if self._is_due(portfolio_id):
                self._begin()
            known = self._known(portfolio_id)
            if known or self._reading_since is None:
                self._hits += bool(known)
                return known
            patience = self._reading_since + self._config.names_wait_seconds - self._clock()
            self._changed.wait_for(lambda: self._reading_since is None, min(patience, timeout_seconds))
            return self._known(portfolio_id)

    def _known(self, portfolio_id: str) -> str:
        return "" if self._kept is None else self._kept.value.get(portfolio_id, "")

    def _is_due(self, portfolio_id: str) -> bool:
        now = self._clock()
        if self._reading_since is not None or now < self._paused_until:
            return False
        kept = self._kept
        if kept is None or now - kept.read_at >= self._config.names_ttl_seconds:
            return True
        return portfolio_id not in kept.value and self._early.is_due(kept.read_at)

    def _begin(self) -> None:
        self._reading_since = self._clock()
        self._reads += 1
        # A daemon: a list that does not come must not keep the server from ending.
        threading.Thread(target=carried(self._read), name="names", daemon=True).start()

    def _read(self) -> None:
        read: Reading[Mapping[str, str]] | None = None
        try:
            names = self._reader.read_names(Deadline(self._config.names_read_seconds))
            read = Reading(names, datetime.now(UTC), self._clock())
        except (SiblingUnavailable, DeadlineExceeded) as failure:
            seconds = self._config.names_pause_seconds
            extra = {"service": PORTFOLIO, "pause_seconds": seconds}
            _logger.warning("no names for %g s: %s", seconds, failure.message, extra=extra)
        finally:
            self._end(read)

    def _end(self, read: Reading[Mapping[str, str]] | None) -> None:
        with self._changed:
            if read is None:
                self._paused_until = self._clock() + self._config.names_pause_seconds
            self._kept = read or self._kept
            self._reading_since = None
            self._changed.notify_all()
