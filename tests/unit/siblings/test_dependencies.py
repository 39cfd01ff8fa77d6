"""What is said of a sibling that was looked at: what is wrong, and what to do."""

import pytest

from ordergen_server.domain.diagnostics import WELL, DependencyState
from ordergen_server.siblings.calling.breaker import CircuitBreaker, Outcome
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import (
    AttemptFailed,
    NotTrusted,
    Refused,
    TimedOut,
    Unreadable,
    out_of_time,
)
from ordergen_server.siblings.dependencies import SiblingDependency
from tests.limits import PATIENCE

UNAVAILABLE = DependencyState.UNAVAILABLE


class Reader:
    """Is as it is told, behind a breaker that opens with the first failure."""

    def __init__(self) -> None:
        self.breaker = CircuitBreaker("pricing", failures=1, failing_seconds=0, reset_seconds=PATIENCE)
        self.failure: Exception | None = None

    def look(self, timeout_seconds: float) -> None:
        assert timeout_seconds == 2.0
        if self.failure:
            raise self.failure

    def close(self) -> None:
        pass


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def dependency(reader: Reader) -> SiblingDependency:
    return SiblingDependency("portfolio-accounting", reader)


def test_one_that_answers_is_well(dependency: SiblingDependency) -> None:
    assert (dependency.name, dependency.look(2.0)) == ("portfolio-accounting", WELL)


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (AttemptFailed("does not work"), "whether ORDERGEN_PORTFOLIO_ACCOUNTING_URL is its address"),
        (TimedOut("does not work"), "See whether it is overloaded"),
        (NotTrusted("does not work"), "See `Siblings over TLS`"),
        (Unreadable("does not work"), "ORDERGEN_PORTFOLIO_ACCOUNTING_URL is the address of that service"),
        (Refused("does not work"), "ORDERGEN_PORTFOLIO_ACCOUNTING_URL is the address of that service"),
    ],
)
def test_one_that_fails_is_told_with_what_to_do(
    dependency: SiblingDependency, reader: Reader, failure: Exception, advice: str
) -> None:
    reader.failure = failure
    found = dependency.look(2.0)
    assert (found.state, found.problem) == (UNAVAILABLE, "The portfolio-accounting service does not work.")
    assert advice in found.advice


def test_one_that_nobody_could_ask_is_told_as_that(dependency: SiblingDependency, reader: Reader) -> None:
    reader.failure = out_of_time("portfolio-accounting", "had no connection free in time")
    found = dependency.look(2.0)
    assert (found.state, found.problem) == (
        UNAVAILABLE,
        "The portfolio-accounting service could not be asked: all connections to it are in use for 2 s.",
    )
    assert "ORDERGEN_PORTFOLIO_WORKERS" in found.advice


def test_an_open_breaker_is_told_with_what_was_found(dependency: SiblingDependency, reader: Reader) -> None:
    reader.breaker.leave(reader.breaker.enter(Deadline(PATIENCE)), Outcome.FAILURE)
    reader.failure = AttemptFailed("does not work")
    down = dependency.look(2.0)
    assert (down.state, down.problem) == (
        DependencyState.BREAKER_OPEN,
        "The portfolio-accounting service does not work. Calls to it are refused, as earlier ones failed.",
    )
    assert "what its log says" in down.advice
    reader.failure = None
    back = dependency.look(2.0)
    assert (back.state, back.problem) == (
        DependencyState.BREAKER_OPEN,
        "The portfolio-accounting service answers again. Calls to it are refused, as earlier ones failed.",
    )
    assert back.advice.endswith("s a call is let through, and the others after it.")


def test_a_mistake_of_ours_is_none_of_the_services(dependency: SiblingDependency, reader: Reader) -> None:
    reader.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        dependency.look(2.0)
