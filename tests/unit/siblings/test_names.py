"""Names are read in the background: by events and a clock of the test's own, not by luck."""

import logging
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.siblings.calling.breaker import CircuitBreaker
from ordergen_server.siblings.calling.config import CacheConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import out_of_time, unavailable
from ordergen_server.siblings.names import NameSource
from tests.waiting import eventually

CONFIG = CacheConfig(
    names_ttl_seconds=600,
    refresh_seconds=30,
    names_wait_seconds=60,
    names_read_seconds=90,
    names_pause_seconds=30,
)
LONG = 60.0


class SlowReader:
    """Reads when the test lets it: `gate` open at first."""

    def __init__(self) -> None:
        self.breaker = CircuitBreaker("any", failures=1, failing_seconds=0, reset_seconds=1)
        self.names = {"P": "Growth"}
        self.reads = 0
        self.left: list[float] = []
        self.is_down = False
        self.gate = threading.Event()
        self.gate.set()

    def read_names(self, deadline: Deadline) -> Mapping[str, str]:
        self.reads += 1
        self.left.append(deadline.remaining_seconds)
        names = dict(self.names)
        assert self.gate.wait(timeout=LONG)
        if self.is_down:
            raise unavailable("portfolio", "is down", 1.0)
        return names

    def close(self) -> None:
        pass


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def reader() -> Iterator[SlowReader]:
    reader = SlowReader()
    yield reader
    reader.gate.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def names(reader: SlowReader, clock: Clock) -> NameSource:
    return NameSource(reader, CONFIG, clock)


def arrived(names: NameSource) -> bool:
    return eventually(lambda: names.state.age_seconds is not None, LONG)


def test_a_list_that_outlasts_a_caller_reaches_the_next(reader: SlowReader, names: NameSource) -> None:
    reader.gate.clear()
    assert names.name("P", 0.01) == ""
    reader.gate.set()
    assert arrived(names)
    assert names.name("P", 0.01) == "Growth"
    assert (reader.reads, names.state.hits) == (1, 1)


def test_the_reading_has_time_of_its_own(reader: SlowReader, names: NameSource) -> None:
    names.name("P", 0.01)
    assert arrived(names)
    assert reader.left[0] > 60


def test_waiting_is_counted_from_the_start_of_the_reading(
    reader: SlowReader, names: NameSource, clock: Clock
) -> None:
    """Ten thousand portfolios do not wait one after the other: those who come late do not wait at all."""
    reader.gate.clear()
    assert names.name("P", 0.01) == ""
    clock.now += 60
    assert {names.name("P", LONG) for _ in range(1_000)} == {""}
    assert reader.reads == 1


def test_those_who_wait_are_told_as_soon_as_it_is_there(reader: SlowReader, names: NameSource) -> None:
    reader.gate.clear()
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(names.name, "P", LONG) for _ in range(16)]
        assert eventually(lambda: reader.reads == 1, LONG)
        reader.gate.set()
        assert {call.result(timeout=LONG) for call in calls} == {"Growth"}
    assert reader.reads == 1


def test_names_that_are_old_are_better_than_none_while_they_are_read_again(
    reader: SlowReader, names: NameSource, clock: Clock
) -> None:
    assert names.name("P", LONG) == "Growth"
    reader.names["P"] = "Value"
    reader.gate.clear()
    clock.now += 600
    assert names.name("P", LONG) == "Growth"
    reader.gate.set()
    assert eventually(lambda: names.name("P", LONG) == "Value", LONG)
    assert reader.reads == 2


def test_names_that_were_known_outlast_a_failure(
    reader: SlowReader, names: NameSource, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert names.name("P", LONG) == "Growth"
    reader.is_down = True
    clock.now += 600
    assert names.name("P", LONG) == "Growth"
    assert eventually(lambda: "no names for 30 s" in caplog.text, LONG)
    assert names.name("Q", LONG) == ""  # once the failure is over
    assert names.name("P", LONG) == "Growth"


def test_a_failure_is_waited_for_by_those_who_came_and_then_left_alone(
    reader: SlowReader, names: NameSource, clock: Clock
) -> None:
    reader.is_down = True
    assert {names.name("P", LONG) for _ in range(10)} == {""}
    assert reader.reads == 1
    reader.is_down = False
    clock.now += 30
    assert names.name("P", LONG) == "Growth"


def test_a_new_portfolio_is_looked_for_but_not_on_every_call(
    reader: SlowReader, names: NameSource, clock: Clock
) -> None:
    assert names.name("P", LONG) == "Growth"
    reader.names["Q"] = "New"
    assert {names.name("Q", LONG) for _ in range(10)} == {""}
    clock.now += 30
    assert [names.name("Q", LONG) for _ in range(2)] == ["New", "New"]
    assert {names.name("R", LONG) for _ in range(10)} == {""}
    assert reader.reads == 2


def test_a_reader_that_breaks_lets_nobody_wait_for_ever(
    reader: SlowReader, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    names = NameSource(reader, replace(CONFIG, names_pause_seconds=5), clock)
    reader.names = None  # type: ignore[assignment] # a bug
    assert names.name("P", LONG) == ""
    assert names.name("P", LONG) == ""
    assert reader.reads == 1


def all_names(names: NameSource, *needed: str, seconds: float = LONG) -> Mapping[str, str]:
    return names.all(needed, Deadline(seconds)).value


def test_who_asks_for_names_waits_for_them_and_who_can_do_without_does_not(
    reader: SlowReader, clock: Clock
) -> None:
    names = NameSource(reader, replace(CONFIG, names_wait_seconds=0), clock)
    reader.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(all_names, names)
        assert eventually(lambda: reader.reads == 1, LONG)
        assert names.name("P", LONG) == ""
        assert not asking.done()
        reader.gate.set()
        assert asking.result(timeout=LONG) == {"P": "Growth"}
    assert reader.reads == 1


def test_names_that_do_not_come_in_time_are_read_on(reader: SlowReader, names: NameSource) -> None:
    reader.gate.clear()
    with pytest.raises(DeadlineExceeded) as late:
        all_names(names, seconds=0.01)
    assert late.value.message == (
        "The portfolio service has not listed its portfolios yet: give the call more time."
    )
    reader.gate.set()
    assert arrived(names)
    assert all_names(names, seconds=0.01) == {"P": "Growth"}
    assert (reader.reads, names.state.hits) == (1, 1)


def test_the_same_reading_is_answered_until_there_is_another(
    reader: SlowReader, names: NameSource, clock: Clock
) -> None:
    first = names.all((), Deadline(LONG))
    assert names.all((), Deadline(LONG)) is first
    clock.now += 600
    assert names.all((), Deadline(LONG)) is not first
    assert reader.reads == 2


def test_names_that_cannot_be_had_are_an_error_that_says_what_to_do(
    reader: SlowReader, names: NameSource, clock: Clock
) -> None:
    """The service is left alone meanwhile, and whoever asks is told for how long."""
    reader.is_down = True
    for _ in range(10):
        with pytest.raises(SiblingUnavailable) as down:
            all_names(names)
    assert down.value.message == (
        "The portfolio service is down: try again."
        " Calls that take ids of portfolios need no names: give ids there."
    )
    assert (down.value.metadata, down.value.retry_after_seconds) == ({"service": "portfolio"}, 30)
    assert reader.reads == 1
    reader.is_down = False
    clock.now += 30
    assert all_names(names) == {"P": "Growth"}


def test_names_that_are_old_are_not_what_a_name_is_looked_up_in(
    reader: SlowReader, names: NameSource, clock: Clock
) -> None:
    assert all_names(names) == {"P": "Growth"}
    reader.is_down = True
    clock.now += 600
    with pytest.raises(SiblingUnavailable):
        all_names(names)
    assert names.name("P", LONG) == "Growth"


def test_a_name_that_is_lacking_is_looked_for_but_not_on_every_call(
    reader: SlowReader, names: NameSource, clock: Clock
) -> None:
    assert all_names(names) == {"P": "Growth"}
    reader.names["Q"] = "New"
    assert [all_names(names, "New") for _ in range(10)] == [{"P": "Growth"}] * 10
    clock.now += 30
    assert all_names(names, "New") == {"P": "Growth", "Q": "New"}
    assert [all_names(names, "Newer") for _ in range(10)] == [{"P": "Growth", "Q": "New"}] * 10
    assert reader.reads == 2


def test_looking_again_takes_no_longer_than_a_name_is_worth_and_may_fail(
    reader: SlowReader, clock: Clock
) -> None:
    names = NameSource(reader, replace(CONFIG, names_wait_seconds=0), clock)
    assert all_names(names) == {"P": "Growth"}
    reader.gate.clear()
    reader.is_down = True
    clock.now += 30
    assert all_names(names, "New") == {"P": "Growth"}
    reader.gate.set()
    assert eventually(lambda: names.name("New", LONG) == "", LONG)  # once it has failed
    assert all_names(names, "New") == {"P": "Growth"}
    assert names.state.reads == 2


def test_names_that_are_not_kept_are_answered_to_who_waited(reader: SlowReader, clock: Clock) -> None:
    names = NameSource(reader, replace(CONFIG, names_ttl_seconds=0), clock)
    assert [all_names(names) for _ in range(2)] == [{"P": "Growth"}] * 2
    assert reader.reads == 2


def test_a_list_that_never_comes_is_the_services_and_not_the_callers_time(
    reader: SlowReader, names: NameSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(deadline: Deadline) -> Mapping[str, str]:
        del deadline
        raise out_of_time("portfolio")

    monkeypatch.setattr(reader, "read_names", late)
    with pytest.raises(
        SiblingUnavailable, match=r"^The portfolio service did not list .* within 90 s: try again\."
    ):
        all_names(names)


def test_a_reader_that_breaks_is_told_to_who_asks_for_names(
    reader: SlowReader, names: NameSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    reader.names = None  # type: ignore[assignment] # a bug
    with pytest.raises(
        SiblingUnavailable, match=r"^The portfolio service gave no list that could be read: try"
    ):
        all_names(names)
