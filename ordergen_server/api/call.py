"""One call, as a servicer may know it; nothing of gRPC."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock

from ordergen_server.domain.deadlines import Deadline


@dataclass(frozen=True, slots=True)
class Limits:
    """How long calls may take.

    Attributes:
        call_seconds: a unary call whose caller does not say less.
        run_seconds: a stream, likewise.
        message_seconds: the message of a call, until it has come.
    """

    call_seconds: float
    run_seconds: float
    message_seconds: float


class Call:
    """A call from its headers to its end.

    Args:
        seconds: what its caller gives it; infinite where the caller waits for ever.

    Attributes:
        gone: set when the call is over, in whatever way: then nobody waits for an answer.
    """

    def __init__(self, seconds: float) -> None:
        self.gone = Event()
        self._expires_at = time.monotonic() + seconds
        self._lock = Lock()
        self._callbacks: list[Callable[[], None]] = []

    def deadline(self, maximum_seconds: float) -> Deadline:
        """The caller's deadline, or the server's maximum where that is sooner."""
        return Deadline(min(self._expires_at, time.monotonic() + maximum_seconds))

    def when_gone(self, callback: Callable[[], None]) -> bool:
        """Have something called, quickly, at the end; False where the call is over already."""
        with self._lock:
            if not self.gone.is_set():
                self._callbacks.append(callback)
                return True
        return False

    def end(self) -> None:
        """The call is over."""
        with self._lock:
            self.gone.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
