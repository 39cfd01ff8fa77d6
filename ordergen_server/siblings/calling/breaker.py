"""A circuit breaker for threads: callers of a service that is down hear so at once.

    CLOSED      calls go through; failures without a success between them, for long enough, open it
    OPEN        calls are refused; after the reset time the next one becomes the probe
    HALF_OPEN   exactly one probe is under way; others wait for what it finds, each to its own deadline

The lock is never held during a call. Those who meet a probe wait for it instead of being refused: a
hundred calls that arrive when the service has just recovered must not fail for being second.
"""

import enum
import logging
import threading
import time
from dataclasses import dataclass

from ordergen_server.siblings.calling.deadlines import Clock, Deadline

_logger = logging.getLogger(__name__)


class BreakerState(enum.Enum):
    """Whether calls go through."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Outcome(enum.Enum):
    """What an attempt says about the service; an abandoned one says nothing."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    ABANDONED = "ABANDONED"


class BreakerOpen(Exception):
    """The breaker refuses the call; the next probe is due in `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"open for another {retry_after_seconds:.1f} s")
        self.retry_after_seconds = retry_after_seconds


class ProbeTooSlow(Exception):
    """The caller's time ran out before the probe of another one came back."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to one attempt, from `enter` to `leave`."""

    started: float
    is_probe: bool


class CircuitBreaker:
    """The breaker of one service.

    Args:
        service: its name, for the log.
        failures: how many failed attempts without a success between them open it ...
        failing_seconds: ... once so much time lies between the start of the first and the end of the last.
        reset_seconds: how long it refuses calls before a probe.
        clock: seconds that only move forward.
    """

    def __init__(
        self,
        service: str,
        *,
        failures: int,
        failing_seconds: float,
        reset_seconds: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._service = service
        self._failures_to_open = failures
        self._failing_seconds = failing_seconds
        self._reset_seconds = reset_seconds
        self._clock = clock
        self._changed = threading.Condition()
        self._state = BreakerState.CLOSED
        self._failures = 0
        self._failing_since = 0.0
        self._opened = 0.0
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """Whether calls go through, as of now."""
        with self._changed:
            return self._state

    @property
    def refusing_seconds(self) -> float:
        """How much longer calls are refused; 0 where the next one goes through, be it as a probe."""
        with self._changed:
            if self._state is not BreakerState.OPEN:
                return 0.0
            return max(0.0, self._opened + self._reset_seconds - self._clock())

    def enter(self, deadline: Deadline) -> Permit:
        """Ask for one attempt; every permit must be given back with `leave`.

        Raises:
            BreakerOpen: no attempt may be made now.
            ProbeTooSlow: `deadline` passed while the probe of another caller was under way.
        """
        with self._changed:
            while self._state is not BreakerState.CLOSED:
                if self._state is BreakerState.OPEN:
                    self._half_open()
                if not self._probing:
                    self._probing = True
                    return Permit(self._clock(), is_probe=True)
                if not self._changed.wait(deadline.remaining_seconds) and deadline.has_passed:
                    raise ProbeTooSlow
            return Permit(self._clock(), is_probe=False)

    def leave(self, permit: Permit, outcome: Outcome) -> None:
        """Give a permit back with what the attempt said about the service."""
        with self._changed:
            if permit.is_probe:
                self._end_probe(outcome)
            elif self._state is BreakerState.CLOSED:
                self._count(permit, outcome)

    def _half_open(self) -> None:
        waiting = self._opened + self._reset_seconds - self._clock()
        if waiting > 0:
            raise BreakerOpen(waiting)
        self._move(BreakerState.HALF_OPEN)

    def _end_probe(self, outcome: Outcome) -> None:
        self._probing = False
        if outcome is Outcome.SUCCESS:
            self._failures = 0
            self._move(BreakerState.CLOSED)
        elif outcome is Outcome.FAILURE:
            self._open()
        self._changed.notify_all()

    def _count(self, permit: Permit, outcome: Outcome) -> None:
        if outcome is Outcome.SUCCESS:
            self._failures = 0
        elif outcome is Outcome.FAILURE:
            self._failing_since = (
                min(self._failing_since, permit.started) if self._failures else permit.started
            )
            self._failures += 1
            lasted = self._clock() - self._failing_since
            if self._failures >= self._failures_to_open and lasted >= self._failing_seconds:
                self._open()

    def _open(self) -> None:
        self._opened = self._clock()
        self._move(BreakerState.OPEN)

    def _move(self, state: BreakerState) -> None:
        level = logging.WARNING if state is BreakerState.OPEN else logging.INFO
        extra = {"service": self._service, "breaker": state.value, "failures": self._failures}
        _logger.log(level, "breaker of %s: %s", self._service, state.value, extra=extra)
        self._state = state
