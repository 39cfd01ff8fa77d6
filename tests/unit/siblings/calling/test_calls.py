"""What is around every attempt, by attempts that the test makes up."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.siblings.calling.breaker import BreakerState
from ordergen_server.siblings.calling.calls import ResilientCaller
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import AttemptFailed, Refused, TimedOut, Unreadable
from tests.limits import PATIENCE

FAST = SiblingConfig(
    "http://host",
    timeout_seconds=1.0,
    backoff_seconds=0.01,
    breaker_failures=3,
    breaker_failing_seconds=0.0,
    breaker_reset_seconds=1.0,
    pool_size=2,
)


class Attempts:
    """Raises one error after the other, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.timeouts: list[float] = []

    def __call__(self, timeout_seconds: float) -> str:
        self.timeouts.append(timeout_seconds)
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture
def caller() -> ResilientCaller:
    return ResilientCaller("pricing", FAST)


def down(count: int = 1) -> list[Exception]:
    return [AttemptFailed("is down") for _ in range(count)]


def test_the_third_attempt_may_answer(caller: ResilientCaller) -> None:
    attempts = Attempts(*down(2))
    assert caller.call(attempts, Deadline(PATIENCE)) == "answer"
    assert attempts.timeouts == [1.0, 1.0, 1.0]


def test_there_is_no_fourth(caller: ResilientCaller) -> None:
    attempts = Attempts(*down(3))
    with pytest.raises(SiblingUnavailable, match=r"^The pricing service is down: try again\.$"):
        caller.call(attempts, Deadline(PATIENCE))
    assert len(attempts.timeouts) == 3


def test_pauses_double_and_are_never_shorter() -> None:
    times: list[float] = []

    def attempt(timeout_seconds: float) -> str:
        del timeout_seconds
        times.append(time.monotonic())
        raise AttemptFailed("is down")

    slow = ResilientCaller(
        "pricing", SiblingConfig("http://host", attempts=4, backoff_seconds=0.05, jitter_weight=0.1)
    )
    with pytest.raises(SiblingUnavailable):
        slow.call(attempt, Deadline(PATIENCE))
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert [least <= pause for least, pause in zip((0.05, 0.1, 0.2), pauses, strict=True)] == [True] * 3


def test_a_pause_beyond_the_deadline_is_not_begun() -> None:
    patient = ResilientCaller(
        "pricing",
        SiblingConfig("http://host", backoff_seconds=2 * PATIENCE, maximum_backoff_seconds=2 * PATIENCE),
    )
    attempts = Attempts(*down(3))
    started = time.monotonic()
    with pytest.raises(SiblingUnavailable):
        patient.call(attempts, Deadline(PATIENCE))
    assert (time.monotonic() - started < PATIENCE, len(attempts.timeouts)) == (True, 1)


@pytest.mark.parametrize("refusal", [Refused("refused", is_unknown=True), Refused("refused")])
def test_a_refusal_is_an_answer(caller: ResilientCaller, refusal: Refused) -> None:
    for _ in range(10):
        attempts = Attempts(refusal)
        with pytest.raises(Refused):
            caller.call(attempts, Deadline(PATIENCE))
        assert len(attempts.timeouts) == 1
    assert caller.breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("failure", [Unreadable("rambles"), AttemptFailed("is busy", is_outage=False)])
def test_rambling_and_being_busy_are_tried_again_and_are_no_outage(
    caller: ResilientCaller, failure: AttemptFailed
) -> None:
    for _ in range(5):
        attempts = Attempts(failure, failure, failure)
        with pytest.raises((Unreadable, SiblingUnavailable)):
            caller.call(attempts, Deadline(PATIENCE))
        assert len(attempts.timeouts) == 3
    assert caller.breaker.state is BreakerState.CLOSED


def test_an_outage_opens_the_breaker_and_a_refusal_of_its_probe_closes_it(caller: ResilientCaller) -> None:
    with pytest.raises(SiblingUnavailable):
        caller.call(Attempts(*down(3)), Deadline(PATIENCE))
    assert caller.breaker.state is BreakerState.OPEN
    time.sleep(1.0)
    with pytest.raises(Refused):
        caller.call(Attempts(Refused("no such portfolio", is_unknown=True)), Deadline(PATIENCE))
    assert caller.call(Attempts(), Deadline(PATIENCE)) == "answer"


def test_time_that_only_the_caller_lacked_is_no_outage(caller: ResilientCaller) -> None:
    for _ in range(10):
        with pytest.raises(DeadlineExceeded):
            caller.call(Attempts(TimedOut("did not answer")), Deadline(0.2))
    assert caller.breaker.state is BreakerState.CLOSED


def test_a_connection_refused_is_an_outage_however_little_time_there_was() -> None:
    """No time is left for the pause before another attempt."""
    longer = 10 * PATIENCE
    config = replace(
        FAST, backoff_seconds=longer, maximum_backoff_seconds=longer, breaker_reset_seconds=longer
    )
    caller = ResilientCaller("pricing", config)
    for _ in range(3):
        with pytest.raises(SiblingUnavailable):
            caller.call(Attempts(*down(1)), Deadline(PATIENCE))
    with pytest.raises(SiblingUnavailable, match="circuit breaker"):
        caller.call(Attempts(), Deadline(PATIENCE))


def test_those_who_meet_a_probe_wait_no_longer_than_they_have(caller: ResilientCaller) -> None:
    with pytest.raises(SiblingUnavailable):
        caller.call(Attempts(*down(3)), Deadline(PATIENCE))
    time.sleep(1.0)
    probing, done = threading.Event(), threading.Event()

    def probe(timeout_seconds: float) -> str:
        del timeout_seconds
        probing.set()
        assert done.wait(timeout=PATIENCE)
        return "probe"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(caller.call, probe, Deadline(PATIENCE))
        assert probing.wait(timeout=PATIENCE)
        with pytest.raises(DeadlineExceeded):
            caller.call(Attempts(), Deadline(0.05))
        done.set()
        assert first.result(timeout=PATIENCE) == "probe"
    assert caller.call(Attempts(), Deadline(PATIENCE)) == "answer"


def test_an_error_of_ours_gives_everything_back(caller: ResilientCaller) -> None:
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            caller.call(Attempts(ZeroDivisionError()), Deadline(PATIENCE))
    assert caller.call(Attempts(), Deadline(0.5)) == "answer"


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_is_out_of_time(caller: ResilientCaller, seconds: float) -> None:
    attempts = Attempts()
    with pytest.raises(DeadlineExceeded):
        caller.call(attempts, Deadline(seconds))
    assert attempts.timeouts == []


def test_nobody_is_called_after_closing(caller: ResilientCaller) -> None:
    caller.close()
    with pytest.raises(SiblingUnavailable, match="closed"):
        caller.call(Attempts(), Deadline(PATIENCE))


def test_a_look_is_one_attempt_that_the_breaker_neither_hears_of_nor_stops(caller: ResilientCaller) -> None:
    for _ in range(10):
        attempts = Attempts(*down(3))
        with pytest.raises(AttemptFailed, match=r"^is down$"):
            caller.look(attempts, PATIENCE)
        assert len(attempts.timeouts) == 1
    states = [caller.breaker.state]
    with pytest.raises(SiblingUnavailable):
        caller.call(Attempts(*down(3)), Deadline(PATIENCE))
    states.append(caller.breaker.state)
    assert caller.look(Attempts(), PATIENCE) == "answer"
    states.append(caller.breaker.state)
    assert states == [BreakerState.CLOSED, BreakerState.OPEN, BreakerState.OPEN]


def test_a_look_waits_for_a_connection_no_longer_than_it_may(caller: ResilientCaller) -> None:
    begun, done = threading.Barrier(FAST.pool_size + 1), threading.Event()

    def hold(_: float) -> None:
        begun.wait(PATIENCE)
        done.wait(PATIENCE)

    with ThreadPoolExecutor(FAST.pool_size) as pool:
        holding = [pool.submit(caller.call, hold, Deadline(PATIENCE)) for _ in range(FAST.pool_size)]
        begun.wait(PATIENCE)
        attempts = Attempts()
        with pytest.raises(DeadlineExceeded, match="had no connection free in time"):
            caller.look(attempts, 0.05)
        done.set()
        assert [one.result(PATIENCE) for one in holding] == [None] * FAST.pool_size
    assert attempts.timeouts == []
    assert caller.look(attempts, PATIENCE) == "answer"


def test_nobody_is_looked_at_after_closing(caller: ResilientCaller) -> None:
    caller.close()
    with pytest.raises(AttemptFailed, match="closed"):
        caller.look(Attempts(), PATIENCE)
