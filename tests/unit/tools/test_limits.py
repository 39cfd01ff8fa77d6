"""What tests wait with, what their failures say, and how many examples there are."""

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo.errors import DuplicateKeyError, NetworkTimeout

from ordergen_client.errors import DatabaseUnavailable as OverTheWire
from ordergen_server.domain.errors import DatabaseUnavailable, NotFound
from tests import limits
from tests.unit.api.test_calls import calling, raising, unary
from tests.waiting import NeverHappenedError, eventually


def test_what_is_found_is_returned() -> None:
    looks = iter(["", "", "found"])
    assert eventually(lambda: next(looks)) == "found"


def test_what_never_happens_is_told_with_what_was_seen() -> None:
    with pytest.raises(NeverHappenedError, match=r"waited 0 s, and saw \[\] at last"):
        eventually(list, seconds=0.01)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NetworkTimeout("timed out"), True),
        (DatabaseUnavailable("The database does not answer."), True),
        (OverTheWire("UNAVAILABLE", "The database does not answer."), True),
        (AssertionError("assert not isinstance(Failure(reason='DATABASE_UNAVAILABLE'), Failure)"), True),
        (DuplicateKeyError("there already"), False),
        (NotFound("no such model"), False),
        (AssertionError("assert 1 == 2"), False),
    ],
)
def test_a_failure_says_whether_it_is_the_databases(error: Exception, *, expected: bool) -> None:
    assert limits.is_of_the_database(error) == expected


def test_what_came_of_the_database_is_the_databases() -> None:
    error = AssertionError("nothing was found")
    error.__cause__ = NetworkTimeout("timed out")
    assert limits.is_of_the_database(error)


@pytest.mark.parametrize(
    ("error", "expected"), [(DatabaseUnavailable("down"), True), (NotFound("no"), False)]
)
def test_so_does_one_that_came_over_the_wire(error: Exception, *, expected: bool) -> None:
    with calling(raising(error)) as channel, pytest.raises(grpc.RpcError) as raised:
        unary(channel)
    assert limits.is_of_the_database(raised.value) == expected


SHARES = [(1_000, 200), (400, 80), (50, 20), (15, 15)]


@pytest.mark.parametrize(("asked", "share"), SHARES)
def test_shares(asked: int, share: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LONG", False)
    assert limits.examples(asked) == share
    monkeypatch.setattr(limits, "LONG", True)
    assert limits.examples(asked) == asked


TRIED: list[int] = []


@settings(max_examples=1_000, database=None)
@given(st.integers(0, 10**9))
def test_a_property(number: int) -> None:
    TRIED.append(number)


def test_a_property_is_tried_with_its_share_of_the_examples_that_it_asks_for() -> None:
    """Were tests/conftest.py to give no shares, every run would take as long as the long form."""
    TRIED.clear()
    test_a_property()
    assert len(TRIED) == limits.examples(1_000)
