"""One read for everyone, by events and threads rather than by luck."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ordergen_server.domain.errors import DeadlineExceeded, SiblingUnavailable
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import out_of_time, unavailable
from ordergen_server.siblings.shared_read import CacheState, SingleFlightCache
from tests.limits import PATIENCE

LONG = 20.0


class Source:
    """Something to read: it counts, waits for `gate`, and raises `errors` before it answers."""

    def __init__(self, *errors: Exception) -> None:
        self.reads = 0
        self.started = threading.Event()
        self.gate = threading.Event()
        self.errors = list(errors)

    def read(self, deadline: Deadline) -> int:
        self.reads += 1
        self.started.set()
        assert self.gate.wait(timeout=PATIENCE)
        if self.errors:
            raise self.errors.pop(0)
        assert not deadline.has_passed
        return self.reads


def test_a_hundred_callers_cause_one_read() -> None:
    source = Source()
    shared = SingleFlightCache("pricing", source.read, ttl_seconds=60)
    with ThreadPoolExecutor(100) as pool:
        calls = [pool.submit(shared.get, Deadline(LONG)) for _ in range(100)]
        assert source.started.wait(timeout=PATIENCE)
        source.gate.set()
        values = {call.result(timeout=PATIENCE).value for call in calls}
    assert (values, source.reads) == ({1}, 1)
    assert (shared.state.reads, shared.state.age_seconds is None) == (1, False)


def test_a_value_is_kept_until_its_ttl() -> None:
    now = [0.0]
    source = Source()
    source.gate.set()
    shared = SingleFlightCache("pricing", source.read, ttl_seconds=60, clock=lambda: now[0])
    assert CacheState(hits=0, reads=0, age_seconds=None) == shared.state
    values = []
    for now[0] in (0.0, 59.9, 60.0, 119.9, 120.0):
        values.append(shared.get(Deadline(LONG)).value)
    assert values == [1, 1, 2, 2, 3]
    assert CacheState(hits=2, reads=3, age_seconds=0.0) == shared.state


def test_a_failure_is_not_kept() -> None:
    source = Source(unavailable("pricing", "is down", 1.0))
    source.gate.set()
    shared = SingleFlightCache("pricing", source.read, ttl_seconds=60)
    with pytest.raises(SiblingUnavailable):
        shared.get(Deadline(LONG))
    assert shared.get(Deadline(LONG)).value == 2


def follow(shared: SingleFlightCache[int], source: Source, pool: ThreadPoolExecutor) -> None:
    """Let a leader begin to read."""
    pool.submit(shared.get, Deadline(LONG))
    assert source.started.wait(timeout=PATIENCE)


def test_those_who_wait_share_a_failure_each_with_its_own_copy() -> None:
    error = unavailable("pricing", "is down", 1.0)
    source = Source(error)
    shared = SingleFlightCache("pricing", source.read, ttl_seconds=60)
    with ThreadPoolExecutor(8) as pool:
        follow(shared, source, pool)
        calls = [pool.submit(shared.get, Deadline(LONG)) for _ in range(4)]
        threading.Timer(0.1, source.gate.set).start()
        errors = [call.exception(timeout=PATIENCE) for call in calls]
    assert errors == [error] * 4
    assert all(each is not error for each in errors)
    assert source.reads == 1


def test_one_who_waits_keeps_its_own_deadline() -> None:
    source = Source()
    shared = SingleFlightCache("pricing", source.read, ttl_seconds=60)
    with ThreadPoolExecutor(1) as pool:
        follow(shared, source, pool)
        with pytest.raises(DeadlineExceeded):
            shared.get(Deadline(0.05))
        source.gate.set()


def test_where_the_reader_runs_out_of_time_another_takes_over() -> None:
    source = Source(out_of_time("pricing"))
    shared = SingleFlightCache("pricing", source.read, ttl_seconds=60)
    with ThreadPoolExecutor(8) as pool:
        follow(shared, source, pool)
        calls = [pool.submit(shared.get, Deadline(LONG)) for _ in range(4)]
        threading.Timer(0.1, source.gate.set).start()
        assert [call.result(timeout=PATIENCE).value for call in calls] == [2] * 4
    assert source.reads == 2
