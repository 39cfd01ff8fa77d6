"""Which call meets which fault, and how overrides add up."""

from __future__ import annotations

import msgspec
import pytest

from ordergen_server.sandbox.services.faults import Fault, FaultBook, Overrides


def book(*faults: Fault) -> FaultBook:
    result = FaultBook()
    result.replace(faults)
    return result


def test_no_faults_at_first() -> None:
    assert FaultBook().due("summary", "/x") == []


def test_a_fault_meets_its_endpoint_alone() -> None:
    fault = Fault(kind="hang", endpoint="price")
    assert book(fault).due("summary", "/x") == []
    assert book(fault).due("price", "/x") == [fault]


def test_a_star_meets_every_endpoint() -> None:
    fault = Fault(kind="hang")
    assert book(fault).due("anything", "/x") == [fault]


def test_match_looks_in_the_path() -> None:
    fault = Fault(kind="hang", match="abc")
    assert book(fault).due("summary", "/api/abc/summary") == [fault]
    assert book(fault).due("summary", "/api/abd/summary") == []


def test_times_are_used_up() -> None:
    fault = Fault(kind="reset", times=2)
    faults = book(fault)
    assert [faults.due("price", "/x") for _ in range(3)] == [[fault], [fault], []]
    assert faults.faults == [fault]


def test_delays_come_before_one_other_fault() -> None:
    delay, status, reset = Fault(kind="delay", delay_seconds=1), Fault(kind="status"), Fault(kind="reset")
    assert book(delay, delay, status, reset).due("price", "/x") == [delay, delay, status]


def test_the_next_fault_follows_a_used_up_one() -> None:
    first, then = Fault(kind="reset", times=1), Fault(kind="status")
    faults = book(first, then)
    assert [faults.due("price", "/x") for _ in range(2)] == [[first], [then]]


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "explode"}',
        '{"kind": "hang", "endpoint": "elsewhere"}',
        '{"kind": "hang", "unknown": 1}',
        '{"kind": "status", "status": 99}',
        '{"kind": "delay", "delay_seconds": -1}',
        '{"kind": "status", "retry_after_seconds": -1}',
        '{"kind": "hang", "times": 0}',
    ],
)
def test_refuses_what_makes_no_sense(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Fault)


def test_faults_survive_the_way_over_json() -> None:
    fault = Fault(kind="status", endpoint="orders", status=429, retry_after_seconds=2, match="a", times=3)
    assert msgspec.json.decode(msgspec.json.encode(fault), type=Fault) == fault


def test_overrides_add_up() -> None:
    first = Overrides(prices={"a": "1", "b": "2"}, summaries={"p": None})
    more = Overrides(prices={"b": "NaN"}, unknown_securities=frozenset("s"))
    expected = Overrides(
        prices={"a": "1", "b": "NaN"}, summaries={"p": None}, unknown_securities=frozenset("s")
    )
    assert first.merged(more) == expected
