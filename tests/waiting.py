"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable


def eventually(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until something is true, at most so long; whether it became so."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
