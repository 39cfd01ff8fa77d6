"""What the calls of siblings tell whoever observes them."""

from enum import StrEnum
from typing import Protocol


class CallOutcome(StrEnum):
    """What became of a call, or of one attempt of it."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The service understood and refused: asking again would bring the same."""
    UNREADABLE = "unreadable"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    BREAKER_OPEN = "breaker_open"
    """There was no attempt: the service is known to be down."""
    DEADLINE_PASSED = "deadline_passed"
    """The caller's time ended, before an attempt or in it."""


class ObservedAttempt(Protocol):
    """One attempt under way; what it sends goes along with the headers of `domain.origin`."""

    def end(self, outcome: CallOutcome) -> None:
        """It is over; exactly once, in the thread in which it began."""


class SiblingObserver(Protocol):
    """Hears of calls to siblings; it must be quick, and raise nothing."""

    def begin_attempt(self, service: str, number: int) -> ObservedAttempt:
        """An attempt begins, the first of its call with number 1."""

    def call_ended(self, service: str, outcome: CallOutcome, seconds: float) -> None:
        """A call is over, with all its attempts and pauses."""


class _Unobserved:
    def begin_attempt(self, service: str, number: int) -> ObservedAttempt:
        del service, number
        return self

    def end(self, outcome: CallOutcome) -> None:
        del outcome

    def call_ended(self, service: str, outcome: CallOutcome, seconds: float) -> None:
        del service, outcome, seconds


#: Nobody listens.
UNOBSERVED: SiblingObserver = _Unobserved()
