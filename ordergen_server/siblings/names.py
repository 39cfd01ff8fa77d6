"""The names of all portfolios, read in the background: a name is worth a moment of a caller's time.

Unless names are what the caller asks for: then they are worth all of it.
"""

import logging
import threading
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.domain.origin import carried
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.calling.failures import out_of_time
from ordergen_server.siblings.reading.readers import PORTFOLIO, NameReader
from ordergen_server.siblings.shared_read import CacheState, Reading, RefreshThrottle

_Names = Reading[Mapping[str, str]]
_NOT_READ = f"The {PORTFOLIO} service gave no list that could be read: try again."
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
        self._kept: _Names | None = None
        self._failure = _NOT_READ
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
            if self._is_due([portfolio_id]):
                self._begin()
            known = self._known(portfolio_id)
            if known or self._reading_since is None:
                self._hits += bool(known)
                return known
            self._wait(min(self._patience_seconds, timeout_seconds))
            return self._known(portfolio_id)

    def all(self, needed: Collection[str], deadline: Deadline) -> _Names:
        """All names, not older than their TTL: where there are none, they are waited for.

        Where they lack one of the `needed`, which may be a new one, they are read again before their TTL,
        though not more often than the config allows, and waited for as `name` waits.

        Raises:
            SiblingUnavailable: the portfolio service does not list them.
            DeadlineExceeded: they have not come in time; they are still being read.
        """
        with self._changed:
            came = self._clock()
            if self._is_due(needed):
                self._begin()
            if self._is_old:
                self._wait(deadline.remaining_seconds)
            elif self._lacks(needed):
                self._wait(min(self._patience_seconds, deadline.remaining_seconds))
            else:
                self._hits += 1
            kept = self._kept
            if kept is None or (self._is_old and kept.read_at < came):
                raise self._missing()
            return kept

    @property
    def _is_old(self) -> bool:
        """Whether what is kept is not to be used any more, if anything is."""
        kept = self._kept
        return kept is None or self._clock() - kept.read_at >= self._config.names_ttl_seconds

    @property
    def _patience_seconds(self) -> float:
        """How long those wait for the reading under way, if there is one, who can do without it."""
        now = self._clock()
        begun = now if self._reading_since is None else self._reading_since
        return begun + self._config.names_wait_seconds - now

    def _wait(self, seconds: float) -> None:
        """Wait for the end of the reading under way, if there is one."""
        self._changed.wait_for(lambda: self._reading_since is None, seconds)

    def _lacks(self, needed: Collection[str]) -> bool:
        return self._kept is None or any(one not in self._kept.value for one in needed)

    def _missing(self) -> SiblingUnavailable | DeadlineExceeded:
        if self._reading_since is not None:
            return out_of_time(PORTFOLIO, "has not listed its portfolios yet")
        return SiblingUnavailable(
            f"{self._failure} Calls that take ids of portfolios need no names: give ids there.",
            metadata={"service": PORTFOLIO},
            retry_after_seconds=max(0.0, self._paused_until - self._clock()),
        )

    def _known(self, portfolio_id: str) -> str:
        return "" if self._kept is None else self._kept.value.get(portfolio_id, "")

    def _is_due(self, needed: Collection[str]) -> bool:
        if self._reading_since is not None or self._clock() < self._paused_until:
            return False
        kept = self._kept
        return kept is None or self._is_old or (self._lacks(needed) and self._early.is_due(kept.read_at))

    def _begin(self) -> None:
        self._reading_since = self._clock()
        self._reads += 1
        # A daemon: a list that does not come must not keep the server from ending.
        threading.Thread(target=carried(self._read), name="names", daemon=True).start()

    def _read(self) -> None:
        read: _Names | None = None
        failed = _NOT_READ
        try:
            names = self._reader.read_names(Deadline(self._config.names_read_seconds))
            read = Reading(names, datetime.now(UTC), self._clock())
        except (SiblingUnavailable, DeadlineExceeded) as failure:
            failed = self._told(failure)
            seconds = self._config.names_pause_seconds
            extra = {"service": PORTFOLIO, "pause_seconds": seconds}
            _logger.warning("no names for %g s: %s", seconds, failure.message, extra=extra)
        finally:
            self._end(read, failed)

    def _told(self, failure: SiblingUnavailable | DeadlineExceeded) -> str:
        """What callers are told; it is not their time that ran out."""
        if isinstance(failure, SiblingUnavailable):
            return failure.message
        seconds = self._config.names_read_seconds
        return f"The {PORTFOLIO} service did not list its portfolios within {seconds:g} s: try again."

    def _end(self, read: _Names | None, failed: str) -> None:
        with self._changed:
            if read is None:
                self._failure = failed
                self._paused_until = self._clock() + self._config.names_pause_seconds
            self._kept = read or self._kept
            self._reading_since = None
            self._changed.notify_all()
