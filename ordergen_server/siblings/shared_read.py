"""A read that a hundred callers share: kept for a time, made once, its failure kept by nobody."""

import copy
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from ordergen_server.domain.errors import DeadlineExceeded
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.calling.failures import out_of_time

Value = TypeVar("Value")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading(Generic[Value]):
    """What was read.

    Attributes:
        time: when, UTC.
        read_at: when, in seconds of the cache's clock.
    """

    value: Value
    time: datetime
    read_at: float


@dataclass(frozen=True, slots=True)
class CacheState:
    """How a cache does: answers given from it, reads begun, and the age of what it keeps (None: nothing)."""

    hits: int
    reads: int
    age_seconds: float | None


class SingleFlightCache(Generic[Value]):
    """One value of a service, read when someone needs it and it is too old.

    The first caller reads on its own thread and within its own deadline; those who come meanwhile wait,
    each to its own deadline. If the reader fails because its own time ran out, one of the others takes
    over; any other failure is everyone's who waited, and the next caller reads again.

    Args:
        service: its name, for errors and the log.
        read: reads the value within a deadline.
        ttl_seconds: the age from which a value is not used any more.
        clock: seconds that only move forward.
    """

    def __init__(
        self,
        service: str,
        read: Callable[[Deadline], Value],
        ttl_seconds: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._service = service
        self._read = read
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._reading: Reading[Value] | None = None
        self._flight: Future[Reading[Value]] | None = None
        self._hits = 0
        self._reads = 0

    @property
    def state(self) -> CacheState:
        """How it does, as of now."""
        with self._lock:
            age = None if self._reading is None else self._clock() - self._reading.read_at
            return CacheState(self._hits, self._reads, age)

    def get(self, deadline: Deadline, *, newer_than: Reading[Value] | None = None) -> Reading[Value]:
        """The value, not older than its TTL, nor as old as `newer_than` where that is given.

        Raises:
            DeadlineExceeded: `deadline` passed.
            OrderGenerationError: whatever the read raises.
        """
        while True:
            with self._lock:
                kept = self._kept(newer_than)
                if kept is not None:
                    return kept
                flight, leads = self._join()
            reading = self._lead(flight, deadline) if leads else self._follow(flight, deadline)
            if reading is not None:
                return reading

    def _kept(self, newer_than: Reading[Value] | None) -> Reading[Value] | None:
        kept = self._reading
        if kept is None or kept is newer_than or self._clock() - kept.read_at >= self._ttl_seconds:
            return None
        self._hits += 1
        return kept

    def _join(self) -> tuple[Future[Reading[Value]], bool]:
        if self._flight is not None:
            return self._flight, False
        self._flight = Future()
        self._reads += 1
        return self._flight, True

    def _lead(self, flight: Future[Reading[Value]], deadline: Deadline) -> Reading[Value]:
        try:
            reading = Reading(self._read(deadline), datetime.now(UTC), self._clock())
        except BaseException as error:  # whatever it is, those who wait for this flight must hear of it
            self._land(None)
            flight.set_exception(error)
            raise
        self._land(reading)
        flight.set_result(reading)
        _logger.info("read all of %s", self._service, extra={"service": self._service, "reads": self._reads})
        return reading

    def _land(self, reading: Reading[Value] | None) -> None:
        with self._lock:
            self._flight = None
            self._reading = reading or self._reading

    def _follow(self, flight: Future[Reading[Value]], deadline: Deadline) -> Reading[Value] | None:
        """What the flight of another caller brings; None where its time ran out, which is not ours."""
        try:
            error = flight.exception(deadline.remaining_seconds)
        except TimeoutError:
            raise out_of_time(self._service) from None
        if error is None:
            return flight.result()
        if isinstance(error, DeadlineExceeded):
            return None
        # A copy: threads that raise one exception together would write into each other's traceback.
        raise copy.copy(error)


class RefreshThrottle:
    """Allows one look before the TTL in so many seconds, whether it succeeds or not."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._last = float("-inf")

    def is_due(self, read_at: float) -> bool:
        """Whether to read again what was read at `read_at`; once one caller may, no other may for a while."""
        with self._lock:
            now = self._clock()
            due = now - max(self._last, read_at) >= self._seconds
            if due:
                self._last = now
            return due
