"""Ids of callers are taken in where they are fit, and replaced where they are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.api.telemetry.correlation import ids_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def test_the_correlation_id_comes_first_then_the_request_id() -> None:
    both = ids_of({"x-correlation-id": "c-1", "x-request-id": "r-1"})
    assert (both.correlation_id, both.request_id) == ("c-1", "r-1")
    assert both.headers == {"x-correlation-id": "c-1", "x-request-id": "r-1"}
    assert ids_of({"x-request-id": "r-1"}).correlation_id == "r-1"


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    first, second = ids_of({}).correlation_id, ids_of({}).correlation_id
    assert len(first) == 32
    assert first != second


@pytest.mark.parametrize("bad", ["x" * 129, "a\nb", "a b", 'a"b', "<a>", "ä", "-a", "a\x00", "a{b}", "a%0a"])
def test_an_id_that_is_not_fit_is_not_echoed(bad: str) -> None:
    found = ids_of({"x-correlation-id": bad, "x-request-id": bad})
    assert (found.request_id, len(found.correlation_id)) == ("", 32)
    assert found.headers == {"x-correlation-id": found.correlation_id}


@given(st.text(), st.text(), st.text())
def test_whatever_comes_what_is_passed_on_is_short_printable_ascii(one: str, two: str, three: str) -> None:
    headers = ids_of(
        {"x-correlation-id": one, "x-request-id": two, "traceparent": three, "tracestate": one}
    ).headers
    assert all(value.isascii() and value.isprintable() and len(value) <= 512 for value in headers.values())


@pytest.mark.parametrize(
    "good", ["0d0b0de5-3e60-4f3c-8f0f-0a8f3f6b3a11", "a", "req:7/b=c+d@e.f_g", "x" * 128]
)
def test_usual_ids_are_kept(good: str) -> None:
    assert ids_of({"x-correlation-id": good}).correlation_id == good


def test_a_trace_is_passed_on_with_its_state() -> None:
    found = ids_of({"x-correlation-id": "c", "traceparent": PARENT, "tracestate": "vendor=1,other=2"})
    assert found.parent is not None
    assert found.parent.trace_id == TRACE
    assert found.headers == {
        "x-correlation-id": "c",
        "traceparent": PARENT,
        "tracestate": "vendor=1,other=2",
    }


def test_a_later_version_is_passed_on_as_the_version_that_is_known() -> None:
    found = ids_of({"traceparent": f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like"})
    assert found.parent is not None
    assert found.parent.header == PARENT


@pytest.mark.parametrize(
    "bad",
    [
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"01-{TRACE}-{SPAN}-01-{'x' * 200}",
        f" {PARENT}",
        f"{PARENT}\n",
        "",
    ],
)
def test_a_trace_that_breaks_the_standard_is_none(bad: str) -> None:
    assert ids_of({"traceparent": bad, "tracestate": "vendor=1"}).parent is None


def test_a_state_that_is_too_long_is_left_out() -> None:
    found = ids_of({"traceparent": PARENT, "tracestate": "a=" + "b" * 511})
    assert "tracestate" not in found.headers
