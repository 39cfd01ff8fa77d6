"""One call to a service: total deadline > retry > circuit breaker > one attempt, for every transport."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    sleep_using_event,
    stop_after_attempt,
)

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.siblings.calling.breaker import (
    BreakerOpen,
    CircuitBreaker,
    Outcome,
    Permit,
    ProbeTooSlow,
)
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Clock, Deadline
from ordergen_server.siblings.calling.failures import (
    AttemptFailed,
    NotTrusted,
    Refused,
    TimedOut,
    Unreadable,
    out_of_time,
    unavailable,
)
from ordergen_server.siblings.calling.observer import UNOBSERVED, CallOutcome, SiblingObserver

Answer = TypeVar("Answer")
#: Does one attempt within so many seconds; raises AttemptFailed where another one may bring an answer.
Attempt = Callable[[float], Answer]

#: What an attempt gets at least: transports take 0 for a mistake, or for no limit at all.
_LEAST_SECONDS = 0.001


class ResilientCaller:
    """Calls one service, whatever the transport.

    Args:
        service: its name, for errors and the log.
        config: its limits.
        clock: seconds that only move forward.
        observer: hears what becomes of calls.
    """

    def __init__(
        self,
        service: str,
        config: SiblingConfig,
        clock: Clock = time.monotonic,
        observer: SiblingObserver = UNOBSERVED,
    ) -> None:
        self.service = service
        self._observer = observer
        self.breaker = CircuitBreaker(
            service,
            failures=config.breaker_failures,
            failing_seconds=config.breaker_failing_seconds,
            reset_seconds=config.breaker_reset_seconds,
            clock=clock,
        )
        self._config = config
        self._slots = threading.BoundedSemaphore(config.pool_size)
        self._jitter = random.Random()  # noqa: S311 - jitter is no secret
        self._closed = threading.Event()

    @property
    def timeout_seconds(self) -> float:
        """The longest that one attempt may take."""
        return self._config.timeout_seconds

    def call(self, attempt: Attempt[Answer], deadline: Deadline) -> Answer:
        """Attempt until there is an answer, the attempts are used up, or the time is.

        Raises:
            Refused: the service refused; there was no second attempt.
            Unreadable: the last attempt brought what cannot be read.
            SiblingUnavailable: the last attempt brought no answer, or the breaker is open.
            DeadlineExceeded: the deadline passed first.
        """
        began, outcome = time.monotonic(), CallOutcome.FAILED
        try:
            answer = self._retried(attempt, deadline)
            outcome = CallOutcome.ANSWERED
        except (AttemptFailed, Refused, SiblingUnavailable, DeadlineExceeded) as error:
            outcome = _outcome_of(error)
            raise
        finally:
            self._observer.call_ended(self.service, outcome, time.monotonic() - began)
        return answer

    def _retried(self, attempt: Attempt[Answer], deadline: Deadline) -> Answer:
        retrying = Retrying(
            stop=lambda state: self._is_over(state, deadline),
            wait=self._pause_seconds,
            retry=retry_if_exception_type(AttemptFailed) & retry_if_not_exception_type(NotTrusted),
            # Closing wakes those who pause.
            sleep=sleep_using_event(self._closed),
            reraise=True,
        )
        try:
            numbers = itertools.count(1)
            answer: Answer = retrying(lambda: self._attempt(attempt, deadline, next(numbers)))
        except Unreadable:
            raise
        except AttemptFailed as failure:
            raise self.unavailable(failure) from failure
        return answer

    def look(self, attempt: Attempt[Answer], timeout_seconds: float) -> Answer:
        """Make one attempt, for whoever wants to know how the service is, and not what it answers.

        The breaker has no say in it, and hears nothing of it: a question that costs the service little says
        nothing of those that cost it more.

        Raises:
            Refused, AttemptFailed: what became of it.
            DeadlineExceeded: no connection was free in time.
        """
        self._refuse_closed()
        deadline = Deadline(timeout_seconds)
        with self._slot(deadline):
            return attempt(max(_LEAST_SECONDS, deadline.remaining_seconds))

    @contextmanager
    def answering(self) -> Iterator[None]:
        """A block whose calls the service must always be able to answer, whatever it does instead.

        Raises:
            SiblingUnavailable: a call was refused, or its answer unreadable.
        """
        try:
            yield
        except (Refused, Unreadable) as failure:
            raise self.unavailable(failure) from failure

    def unavailable(self, failure: AttemptFailed | Refused) -> SiblingUnavailable:
        """The error of a service that failed a call which it must be able to answer."""
        asked = failure.retry_after_seconds if isinstance(failure, AttemptFailed) else None
        seconds = self._config.maximum_backoff_seconds if asked is None else asked
        if isinstance(failure, NotTrusted):
            return unavailable(self.service, failure.reason, seconds, "its operators, or ours, must mend it")
        return unavailable(self.service, failure.reason, seconds)

    def close(self) -> None:
        """Let nobody try again."""
        self._closed.set()

    def _attempt(self, attempt: Attempt[Answer], deadline: Deadline, number: int) -> Answer:
        self._refuse_closed()
        with self._slot(deadline):
            permit = self._enter(deadline)
            outcome = Outcome.ABANDONED
            remaining_seconds = max(_LEAST_SECONDS, deadline.remaining_seconds)
            timeout_seconds = min(self._config.timeout_seconds, remaining_seconds)
            try:
                answer = self._observed(attempt, timeout_seconds, number)
            except Refused:
                outcome = Outcome.SUCCESS
                raise
            except AttemptFailed as failure:
                outcome = self._outcome(failure, timeout_seconds)
                if deadline.has_passed or self._was_cut_short(failure, timeout_seconds):
                    raise out_of_time(self.service) from failure
                raise
            else:
                outcome = Outcome.SUCCESS
                return answer
            finally:
                self.breaker.leave(permit, outcome)

    def _refuse_closed(self) -> None:
        if self._closed.is_set():
            raise AttemptFailed("is not called any more: its client is closed", is_outage=False)

    def _observed(self, attempt: Attempt[Answer], timeout_seconds: float, number: int) -> Answer:
        observed, outcome = self._observer.begin_attempt(self.service, number), CallOutcome.FAILED
        try:
            answer = attempt(timeout_seconds)
            outcome = CallOutcome.ANSWERED
        except (AttemptFailed, Refused) as failure:
            outcome = _outcome_of(failure)
            raise
        finally:
            observed.end(outcome)
        return answer

    def _enter(self, deadline: Deadline) -> Permit:
        try:
            return self.breaker.enter(deadline)
        except BreakerOpen as refusal:
            reason = "is down, and its circuit breaker is open"
            raise unavailable(self.service, reason, refusal.retry_after_seconds) from refusal
        except ProbeTooSlow as refusal:
            raise out_of_time(self.service, "is being probed after an outage, too slowly") from refusal

    @contextmanager
    def _slot(self, deadline: Deadline) -> Iterator[None]:
        """Wait for one of the connections, and for nothing else: the attempt's own time starts after it."""
        if deadline.has_passed or not self._slots.acquire(timeout=deadline.remaining_seconds):
            raise out_of_time(self.service, "had no connection free in time")
        try:
            yield
        finally:
            self._slots.release()

    def _outcome(self, failure: AttemptFailed, timeout_seconds: float) -> Outcome:
        """What a failure says; a caller in too much of a hurry says nothing about the service."""
        is_hurry = isinstance(failure, TimedOut) and timeout_seconds < self._config.timeout_seconds / 2
        return Outcome.FAILURE if failure.is_outage and not is_hurry else Outcome.ABANDONED

    def _was_cut_short(self, failure: AttemptFailed, timeout_seconds: float) -> bool:
        """Whether it was the caller's time that ran out; sockets may notice a moment before the clock."""
        return isinstance(failure, TimedOut) and timeout_seconds < self._config.timeout_seconds

    def _pause_seconds(self, state: RetryCallState) -> float:
        config = self._config
        doubled: float = config.backoff_seconds * 2 ** (state.attempt_number - 1)
        pause = min(doubled, config.maximum_backoff_seconds)
        pause += self._jitter.uniform(0, config.jitter_weight * pause)
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.retry_after_seconds if isinstance(failure, AttemptFailed) else None
        return max(pause, asked or 0.0)

    def _is_over(self, state: RetryCallState, deadline: Deadline) -> bool:
        """Whether to give up: a pause beyond the deadline would only bring the bad news later."""
        last = stop_after_attempt(self._config.attempts)(state)
        return last or self._closed.is_set() or state.upcoming_sleep >= deadline.remaining_seconds


_OUTCOMES = (
    (Refused, CallOutcome.REFUSED),
    (Unreadable, CallOutcome.UNREADABLE),
    (TimedOut, CallOutcome.TIMED_OUT),
    (DeadlineExceeded, CallOutcome.DEADLINE_PASSED),
    (BreakerOpen, CallOutcome.BREAKER_OPEN),
)


def _outcome_of(error: BaseException) -> CallOutcome:
    """What an error says became of a call; of one that is made of another, what that one says."""
    if isinstance(error, SiblingUnavailable) and error.__cause__:
        return _outcome_of(error.__cause__)
    return next((outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), CallOutcome.FAILED)
