"""Turns come in order, are never more than there are, and none is lost."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event, Lock, Thread

import pytest
from pymongo.errors import WaitQueueTimeoutError

from ordergen_server.repositories.mongodb.fair_semaphore import FairSemaphore
from tests.limits import PATIENCE
from tests.waiting import eventually


def until(seconds: float) -> float:
    return time.monotonic() + seconds


@contextmanager
def all_taken(turns: FairSemaphore, count: int) -> Iterator[None]:
    """Every turn is taken by this thread; with one more there would be an error."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(turns.turn(until(0)))
        with pytest.raises(WaitQueueTimeoutError), turns.turn(until(0)):
            pass
        yield


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    turns, came = FairSemaphore(1), list[int]()

    def ask(number: int) -> None:
        with turns.turn(until(PATIENCE)):
            came.append(number)

    threads = [Thread(target=ask, args=(number,)) for number in range(20)]
    with all_taken(turns, 1):
        for number, thread in enumerate(threads):
            thread.start()
            eventually(lambda: len(turns._waiting) == number + 1)  # noqa: B023, SLF001 - called at once
    for thread in threads:
        thread.join(PATIENCE)
    assert came == list(range(20))


def test_whoever_gives_a_turn_back_and_asks_again_comes_after_those_who_wait() -> None:
    turns, served = FairSemaphore(1), Event()

    def ask() -> None:
        with turns.turn(until(PATIENCE)):
            served.set()

    waiting = Thread(target=ask)
    with turns.turn(until(0)):
        waiting.start()
        eventually(lambda: len(turns._waiting) == 1)  # noqa: SLF001 - there is no other sign of waiting
    with turns.turn(until(PATIENCE)):
        assert served.is_set()
    waiting.join(PATIENCE)


def test_no_turn_is_lost_and_none_is_given_twice() -> None:
    """Threads give up just as their turns come."""
    turns, lock = FairSemaphore(3), Lock()
    now, most, gave_up = 0, 0, 0

    def ask(number: int) -> None:
        nonlocal now, most, gave_up
        try:
            with turns.turn(until(number % 5 / 1000)):
                with lock:
                    now += 1
                    most = max(most, now)
                time.sleep(0.001)
                with lock:
                    now -= 1
        except WaitQueueTimeoutError:
            with lock:
                gave_up += 1

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(ask, range(2_000)))
    assert (now, most) == (0, 3)
    assert 0 < gave_up < 2_000
    with all_taken(turns, 3):
        pass


def test_a_turn_that_comes_as_the_wait_ends_is_taken() -> None:
    turns = FairSemaphore(1)
    with turns.turn(until(0)):
        turns._leave(Lock())  # noqa: SLF001 - called meanwhile, so it does not wait any more


def test_an_error_in_a_turn_gives_it_back() -> None:
    turns = FairSemaphore(1)
    with pytest.raises(KeyError), turns.turn(until(0)):
        raise KeyError
    with all_taken(turns, 1):
        pass
