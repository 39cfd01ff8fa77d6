"""Whoever observes calls hears of each attempt and each call what became of it."""

from contextlib import suppress

import pytest

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.siblings.calling.calls import ResilientCaller
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import AttemptFailed, Refused, TimedOut, Unreadable
from ordergen_server.siblings.calling.observer import CallOutcome
from tests.limits import PATIENCE
from tests.unit.siblings.calling.test_calls import Attempts

ONCE = SiblingConfig(
    "http://host",
    timeout_seconds=1.0,
    attempts=2,
    backoff_seconds=0.001,
    breaker_failures=2,
    breaker_failing_seconds=0.0,
)
DOWN, BUSY = AttemptFailed("is down"), AttemptFailed("is busy", is_outage=False)


class Heard:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.attempts: list[tuple[int, CallOutcome]] = []
        self.calls: list[tuple[str, CallOutcome]] = []
        self._number = 0

    def begin_attempt(self, service: str, number: int) -> "Heard":
        del service
        self._number = number
        return self

    def end(self, outcome: CallOutcome) -> None:
        self.attempts.append((self._number, outcome))

    def call_ended(self, service: str, outcome: CallOutcome, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append((service, outcome))


@pytest.mark.parametrize(
    ("errors", "attempts", "call"),
    [
        ([], ["answered"], "answered"),
        ([BUSY], ["failed", "answered"], "answered"),
        ([BUSY, BUSY], ["failed", "failed"], "failed"),
        ([Refused("no such")], ["refused"], "refused"),
        ([Unreadable("no JSON")] * 2, ["unreadable", "unreadable"], "unreadable"),
        ([BUSY, TimedOut("late")], ["failed", "timed_out"], "timed_out"),
        ([ValueError("a bug")], ["failed"], "failed"),
    ],
)
def test_outcomes(errors: list[Exception], attempts: list[str], call: str) -> None:
    heard = Heard()
    caller = ResilientCaller("pricing", ONCE, observer=heard)
    with suppress(SiblingUnavailable, Refused, Unreadable, ValueError):
        caller.call(Attempts(*errors), Deadline(PATIENCE))
    assert heard.attempts == [(number, CallOutcome(one)) for number, one in enumerate(attempts, 1)]
    assert heard.calls == [("pricing", CallOutcome(call))]


def test_a_breaker_that_is_open_is_no_attempt() -> None:
    heard = Heard()
    caller = ResilientCaller("pricing", ONCE, observer=heard)
    for _ in range(2):
        with pytest.raises(SiblingUnavailable):
            caller.call(Attempts(DOWN, DOWN), Deadline(PATIENCE))
    assert len(heard.attempts) == 2
    assert [outcome for _, outcome in heard.calls] == [CallOutcome.FAILED, CallOutcome.BREAKER_OPEN]


def test_a_caller_without_time_is_heard_of() -> None:
    heard = Heard()
    with pytest.raises(DeadlineExceeded):
        ResilientCaller("pricing", ONCE, observer=heard).call(Attempts(), Deadline(0))
    assert (heard.attempts, heard.calls) == ([], [("pricing", CallOutcome.DEADLINE_PASSED)])
