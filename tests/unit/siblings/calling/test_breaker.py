"""The circuit breaker, by a clock that the test moves, and under threads."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ordergen_server.siblings.calling.breaker import (
    BreakerOpen,
    BreakerState,
    CircuitBreaker,
    Outcome,
    Permit,
    ProbeTooSlow,
)
from ordergen_server.siblings.calling.deadlines import Deadline
from tests.limits import PATIENCE


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> CircuitBreaker:
    return CircuitBreaker("pricing", failures=3, failing_seconds=2.0, reset_seconds=10.0, clock=clock)


def attempt(breaker: CircuitBreaker, outcome: Outcome) -> Permit:
    permit = breaker.enter(Deadline(1.0))
    breaker.leave(permit, outcome)
    return permit


def opened(breaker: CircuitBreaker, clock: FakeClock) -> None:
    for _ in range(2):
        attempt(breaker, Outcome.FAILURE)
        clock.now += 1.0
    attempt(breaker, Outcome.FAILURE)


def test_opens_after_enough_failures_over_enough_time(breaker: CircuitBreaker, clock: FakeClock) -> None:
    for _ in range(50):
        attempt(breaker, Outcome.FAILURE)
    before = breaker.state
    clock.now += 2.0
    attempt(breaker, Outcome.FAILURE)
    assert (before, breaker.state) == (BreakerState.CLOSED, BreakerState.OPEN)


def test_time_runs_from_the_start_of_the_first_failed_attempt(
    breaker: CircuitBreaker, clock: FakeClock
) -> None:
    """Three attempts that hang at once open it as soon as they have timed out."""
    permits = [breaker.enter(Deadline(1.0)) for _ in range(3)]
    clock.now += 10.0
    for permit in permits:
        breaker.leave(permit, Outcome.FAILURE)
    assert breaker.state is BreakerState.OPEN


def test_a_success_begins_the_count_anew(breaker: CircuitBreaker, clock: FakeClock) -> None:
    for outcome in (Outcome.FAILURE, Outcome.FAILURE, Outcome.SUCCESS, Outcome.FAILURE, Outcome.FAILURE):
        attempt(breaker, outcome)
        clock.now += 5.0
    assert breaker.state is BreakerState.CLOSED


def test_abandoned_attempts_say_nothing(breaker: CircuitBreaker, clock: FakeClock) -> None:
    for _ in range(20):
        attempt(breaker, Outcome.ABANDONED)
        clock.now += 1.0
    assert breaker.state is BreakerState.CLOSED


def test_refuses_while_open_and_says_for_how_long(breaker: CircuitBreaker, clock: FakeClock) -> None:
    opened(breaker, clock)
    clock.now += 4.0
    with pytest.raises(BreakerOpen) as caught:
        breaker.enter(Deadline(1.0))
    assert caught.value.retry_after_seconds == 6.0


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.SUCCESS, BreakerState.CLOSED),
        (Outcome.FAILURE, BreakerState.OPEN),
        (Outcome.ABANDONED, BreakerState.HALF_OPEN),
    ],
)
def test_the_probe_decides(
    breaker: CircuitBreaker, clock: FakeClock, outcome: Outcome, expected: BreakerState
) -> None:
    opened(breaker, clock)
    clock.now += 10.0
    probe = attempt(breaker, outcome)
    assert (probe.is_probe, breaker.state) == (True, expected)


def test_an_abandoned_probe_leaves_the_place_to_the_next(breaker: CircuitBreaker, clock: FakeClock) -> None:
    opened(breaker, clock)
    clock.now += 10.0
    attempt(breaker, Outcome.ABANDONED)
    assert attempt(breaker, Outcome.SUCCESS).is_probe
    assert breaker.state is BreakerState.CLOSED


def test_attempts_from_before_the_outage_decide_nothing(breaker: CircuitBreaker, clock: FakeClock) -> None:
    early = breaker.enter(Deadline(1.0))
    opened(breaker, clock)
    breaker.leave(early, Outcome.SUCCESS)
    assert breaker.state is BreakerState.OPEN


def test_waiting_for_a_probe_ends_with_the_deadline(breaker: CircuitBreaker, clock: FakeClock) -> None:
    opened(breaker, clock)
    clock.now += 10.0
    breaker.enter(Deadline(1.0))
    with pytest.raises(ProbeTooSlow):
        breaker.enter(Deadline(0.01))


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.FAILURE])
def test_exactly_one_probe_among_many_threads(
    breaker: CircuitBreaker, clock: FakeClock, outcome: Outcome
) -> None:
    """The others wait for it: all go through once it succeeds, all are refused once it fails."""
    opened(breaker, clock)
    clock.now += 10.0
    arrived = threading.Barrier(32)
    answered = threading.Event()

    def call() -> str:
        arrived.wait(timeout=PATIENCE)
        try:
            permit = breaker.enter(Deadline(PATIENCE))
        except BreakerOpen:
            return "refused"
        if permit.is_probe:
            answered.wait(timeout=PATIENCE)
        breaker.leave(permit, outcome if permit.is_probe else Outcome.SUCCESS)
        return "probe" if permit.is_probe else "through"

    with ThreadPoolExecutor(32) as pool:
        calls = [pool.submit(call) for _ in range(32)]
        threading.Timer(0.05, answered.set).start()
        results = sorted(call.result(timeout=PATIENCE) for call in calls)
    others = "through" if outcome is Outcome.SUCCESS else "refused"
    assert sorted(["probe", *[others] * 31]) == results


def test_every_change_is_logged(
    breaker: CircuitBreaker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        opened(breaker, clock)
        clock.now += 10.0
        attempt(breaker, Outcome.SUCCESS)
    logged = [(each.levelname, getattr(each, "service"), getattr(each, "breaker")) for each in caplog.records]  # noqa: B009 - fields of `extra`
    assert logged == [
        ("WARNING", "pricing", "OPEN"),
        ("INFO", "pricing", "HALF_OPEN"),
        ("INFO", "pricing", "CLOSED"),
    ]


def test_it_says_for_how_long_it_refuses(breaker: CircuitBreaker, clock: FakeClock) -> None:
    seconds = [breaker.refusing_seconds]
    opened(breaker, clock)
    seconds.append(breaker.refusing_seconds)
    clock.now += 4.0
    seconds.append(breaker.refusing_seconds)
    clock.now += 6.0
    seconds.append(breaker.refusing_seconds)
    assert breaker.state is BreakerState.OPEN  # but the next call goes through
    breaker.enter(Deadline(1.0))
    assert (breaker.state, breaker.refusing_seconds) == (BreakerState.HALF_OPEN, 0.0)
    assert seconds == [0.0, 10.0, 6.0, 0.0]
