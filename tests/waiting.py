"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.limits import PATIENCE

Found = TypeVar("Found")
_POLL_SECONDS = 0.01


class NeverHappenedError(AssertionError):
    """What a test waited for did not happen; says what was seen last."""


def eventually(look: Callable[[], Found], seconds: float = PATIENCE) -> Found:
    """Look until there is something, and return it.

    Raises:
        NeverHappenedError: there is nothing after so many seconds.
    """
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise NeverHappenedError(f"waited {seconds:.0f} s, and saw {found!r} at last")
        time.sleep(_POLL_SECONDS)
    return found
