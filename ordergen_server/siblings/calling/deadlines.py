"""A moment by which a call must be over."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class Deadline:
    """A moment `timeout_seconds` from now on a clock that only moves forward."""

    __slots__ = ("_clock", "_end")

    def __init__(self, timeout_seconds: float, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + timeout_seconds

    @property
    def remaining_seconds(self) -> float:
        """The time that is left; 0 once there is none."""
        return max(0.0, self._end - self._clock())

    @property
    def has_passed(self) -> bool:
        """Whether no time is left."""
        return self._clock() >= self._end
