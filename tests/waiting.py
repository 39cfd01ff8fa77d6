"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.limits import PATIENCE

Found = TypeVar("Found")
_FIRST_POLL_SECONDS, _LAST_POLL_SECONDS = 0.005, 0.1


class NeverHappenedError(AssertionError):
    """What a test waited for did not happen; says what was seen last."""


def eventually(look: Callable[[], Found | None], seconds: float = PATIENCE) -> Found:
    """Look until there is something, and return it; ever less often, so as not to be in its way.

    Raises:
        NeverHappenedError: there is nothing after so many seconds.
    """
    end, pause = time.monotonic() + seconds, _FIRST_POLL_SECONDS
    while not (found := look()):
        if time.monotonic() > end:
            raise NeverHappenedError(f"waited {seconds:.0f} s, and saw {found!r} at last")
        time.sleep(pause)
        pause = min(1.5 * pause, _LAST_POLL_SECONDS)
    return found
