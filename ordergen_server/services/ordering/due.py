"""When something is to be tried again: sooner at first, then more seldom."""

from collections.abc import Callable

Clock = Callable[[], float]


class Due:
    """A moment on a clock of seconds, after which something may be tried.

    Args:
        clock: seconds.
        first: how long to wait after a failure; it doubles with each.
        most: how long at most.
    """

    def __init__(self, clock: Clock, first: float, most: float) -> None:
        self._clock = clock
        self._first = first
        self._most = most
        self._next = first
        self._at = clock()

    @property
    def seconds(self) -> float:
        """Until then; 0 where it has come."""
        return max(0.0, self._at - self._clock())

    def failed(self) -> None:
        """Try again later, and later each time."""
        self.wait(self._next)
        self._next = min(2 * self._next, self._most)

    def went_well(self) -> None:
        """Try again at once."""
        self._at = self._clock()
        self._next = self._first

    def pause(self) -> None:
        """It went well; yet try again no sooner than after a failure."""
        self._next = self._first
        self.wait(self._first)

    def wait(self, seconds: float) -> None:
        """Try again after so long."""
        self._at = self._clock() + seconds
