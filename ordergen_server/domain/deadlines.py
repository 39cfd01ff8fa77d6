"""How long there is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ordergen_server.domain.errors import Cancelled, DeadlineExceeded


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which work must be done, on the monotonic clock in seconds.

    Attributes:
        stopped: whether nobody wants the work any more; once it is so, it stays so.
    """

    expires_at: float
    stopped: Callable[[], bool] = _never

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def unless(self, stopped: Callable[[], bool]) -> "Deadline":
        """The same deadline for work that also ends once it is `stopped`."""
        return replace(self, stopped=stopped)

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.expires_at

    def raise_if_stopped(self) -> None:
        """Raise Cancelled where nobody wants the work any more."""
        if self.stopped():
            raise Cancelled("Nobody waits for an answer any more: nothing was stored, repeat the call.")

    def remaining_seconds(self, what: str) -> float:
        """Seconds left for `what`, above 0.

        Raises:
            Cancelled: nobody wants it any more.
            DeadlineExceeded: none are left.
        """
        self.raise_if_stopped()
        left = self.expires_at - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(
                f"The deadline passed before {what}: give the call more time.", metadata={"step": what}
            )
        return left
