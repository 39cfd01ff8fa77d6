"""Room for what goes on at once, and a word to whoever finds none."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

from ordergen_server.domain.errors import ResourceExhausted

RETRY_AFTER_SECONDS: Final = 5.0


class Room:
    """So many places.

    Args:
        places: how many.
        kind: what takes them, for programs.
        message: for people who find none.
    """

    def __init__(self, places: int, kind: str, message: str) -> None:
        self._free = BoundedSemaphore(places)
        self._kind = kind
        self._message = message

    def is_taken(self) -> bool:
        """Take a place, if there is one."""
        return self._free.acquire(blocking=False)

    def take(self) -> None:
        """Take a place. Raises ResourceExhausted where there is none."""
        if not self.is_taken():
            raise self.exhausted()

    def exhausted(self) -> ResourceExhausted:
        """The error of whoever finds no place."""
        return ResourceExhausted(
            self._message, metadata={"kind": self._kind}, retry_after_seconds=RETRY_AFTER_SECONDS
        )

    def release(self) -> None:
        """Give a place back."""
        self._free.release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """A block that has a place. Raises ResourceExhausted where there is none."""
        self.take()
        try:
            yield
        finally:
            self.release()
