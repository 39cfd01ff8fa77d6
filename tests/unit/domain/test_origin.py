"""The origin of work crosses threads by itself, and without anything else of the context."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

from ordergen_server.domain import origin
from ordergen_server.domain.origin import UNKNOWN, Origin, carried, current, working_for

CALL = Origin({"correlation_id": "one"}, {"x-correlation-id": "one"})
_limit: ContextVar[int] = ContextVar("limit", default=0)


def test_nobody_is_the_origin_of_what_no_call_began() -> None:
    assert current() is UNKNOWN


def test_a_block_has_an_origin_and_gives_the_one_before_back() -> None:
    with working_for(CALL):
        with working_for(CALL.noting(rebalance_id="r")):
            assert current().fields == {"correlation_id": "one", "rebalance_id": "r"}
        assert current() is CALL
    assert current() is UNKNOWN


def test_noting_leaves_the_first_as_it_is() -> None:
    assert CALL.noting(subject="desk").headers == CALL.headers
    assert CALL.fields == {"correlation_id": "one"}


def test_a_worker_works_for_whoever_gave_it_the_work_and_then_for_nobody() -> None:
    """One thread, many origins: none of them is there for the next piece of work."""
    with ThreadPoolExecutor(1) as pool:
        seen = []
        for name in "ab":
            with working_for(Origin({"correlation_id": name})):
                seen.append(pool.submit(carried(current)))
            seen.append(pool.submit(current))
        found = [one.result().fields.get("correlation_id", "") for one in seen]
    assert found == ["a", "", "b", ""]


def test_nothing_else_of_the_context_is_carried() -> None:
    """The time limit of a call must not cut off a run that outlives it."""
    token = _limit.set(60)
    try:
        with ThreadPoolExecutor(1) as pool, working_for(CALL):
            assert pool.submit(carried(_limit.get)).result() == 0
    finally:
        _limit.reset(token)


def test_arguments_and_answers_are_those_of_the_function() -> None:
    assert carried(divmod)(7, 2) == (3, 1)


def test_entering_lasts() -> None:
    with working_for(UNKNOWN):
        origin.enter(CALL)
        assert current() is CALL
    assert current() is UNKNOWN
