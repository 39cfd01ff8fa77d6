"""How many portfolios may be begun a second: a token bucket for all runs of a server."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Protocol


class Permits(Protocol):
    """Lets work begin."""

    def take(self, count: int) -> bool:
        """Take permits for so many portfolios; False where they are not there yet."""


class _Unlimited:
    def take(self, count: int) -> bool:
        del count
        return True


#: As many as anyone wants.
UNLIMITED: Permits = _Unlimited()


class TokenBucket:
    """So many a second, and no more at once than come in a second.

    More than that may be taken together, such as a chunk's: then nobody gets any until they have come in.

    Args:
        rate: permits a second, above 0.
        clock: seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = Lock()
        self._level = 0.0
        self._at = clock()

    def take(self, count: int) -> bool:
        """Take permits for so many portfolios; False where they are not there yet."""
        with self._lock:
            now = self._clock()
            self._level = min(self._rate, self._level + (now - self._at) * self._rate)
            self._at = now
            if self._level < 0:
                return False
            self._level -= count
            return True
