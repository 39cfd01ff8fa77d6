"""Turns at the database, in the order in which they are asked for.

The driver's pool gives a connection that becomes free to whoever asks next, so that with more threads than
connections a few may wait many times as long as the rest; so does a semaphore of `threading`.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from pymongo.errors import WaitQueueTimeoutError

from ordergen_server.repositories.mongodb.observer import UNOBSERVED, DatabaseObserver


class FairSemaphore:
    """So many threads at once, and the others one after the other. A thread has one turn at a time.

    Args:
        at_once: how many have a turn.
        observer: hears of those that wait.
    """

    def __init__(self, at_once: int, observer: DatabaseObserver = UNOBSERVED) -> None:
        self._free = at_once
        self._observer = observer
        self._waiting: deque[Lock] = deque()
        self._lock = Lock()

    @contextmanager
    def turn(self, until: float) -> Iterator[None]:
        """A block that begins when its turn has come.

        Args:
            until: when to stop waiting, on the monotonic clock.

        Raises:
            WaitQueueTimeoutError: the turn did not come by then.
        """
        self._take(until)
        try:
            yield
        finally:
            self._pass_on()

    def _take(self, until: float) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            called = Lock()
            called.acquire()  # released by whoever passes the turn on
            self._waiting.append(called)
        began = time.monotonic()
        self._observer.waiting(1)
        try:
            if not called.acquire(timeout=max(0.0, until - began)):
                self._leave(called)
        finally:
            self._observer.waiting(-1)
            self._observer.waited(time.monotonic() - began)

    def _leave(self, called: Lock) -> None:
        with self._lock:
            if called in self._waiting:
                self._waiting.remove(called)
                raise WaitQueueTimeoutError("the turn did not come in time")
        # It came in the very moment that the wait was over.

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
