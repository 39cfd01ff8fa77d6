"""How long there is left."""

import time
from dataclasses import dataclass

from ordergen_server.domain.errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which work must be done, on the monotonic clock in seconds."""

    expires_at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self.expires_at

    def remaining_seconds(self, what: str) -> float:
        """Seconds left for `what`, above 0.

        Raises:
            DeadlineExceeded: none are left.
        """
        left = self.expires_at - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(
                f"The deadline passed before {what}: give the call more time.", metadata={"step": what}
            )
        return left
