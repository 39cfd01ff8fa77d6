"""Time is kept at a thousand positions, told by a clock that counts work instead of seconds.

A call of a function, ours or a built-in one, takes a part of a microsecond; the clock counts every one of
them as a fifth, so that what is measured is the same on every machine, however busy.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from random import Random
from types import FrameType
from unittest.mock import patch

import pytest

from optimizer import (
    Constraint,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    Position,
    Problem,
    Status,
    Strategy,
    solve,
    solver,
)
from optimizer.limits import general, several_limits, single_limit

CALL_SECONDS = 0.2e-6
"""What a call counts as."""

LIMITS: list[tuple[Constraint, ...]] = [
    (),
    (MaximumTurnover(Decimal("0.05")),),
    (MaximumTradeCount(500),),
    (MaximumTurnover(Decimal("0.1")), MaximumTradeCount(500)),
    (MinimumTradeValue(Decimal(1000)), MaximumTurnover(Decimal("0.3"))),
]


@contextmanager
def working_clock() -> Iterator[Callable[[], float]]:
    """A clock that counts calls."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    def now() -> float:
        return calls * CALL_SECONDS

    with ExitStack() as stack:
        for module in (solver, single_limit, several_limits, general):
            stack.enter_context(patch.object(module, "monotonic", now))
        stack.enter_context(patch.object(general, "LEAST_SECONDS", 1e9))  # its thread has its own time
        sys.setprofile(count)
        stack.callback(sys.setprofile, None)
        yield now


def portfolio(equal: bool, strategy: Strategy, constraints: tuple[Constraint, ...]) -> Problem:
    """A billion in a thousand positions that have drifted; the floor takes shares."""
    random = Random(7)  # noqa: S311 - test data, not secrets
    worth, weight = Decimal(10**9), Decimal("0.0009")
    positions: list[Position] = []
    for index in range(1_000):
        price = Decimal(100) if equal else Decimal(random.randint(300, 40_000)) / 100
        shares = (worth * weight / price * random.randint(70, 130) / 100).quantize(Decimal(1))
        positions.append(Position(f"S{index}", price, shares, weight, weight / 2, weight / 2))
    cash = worth - sum((one.price * one.quantity for one in positions), Decimal(0))
    return Problem(tuple(positions), cash, worth * Decimal("0.12"), strategy, constraints)


def check(drawn: Problem, seconds: float) -> None:
    """At most 50 ms and a tenth too long."""
    with working_clock() as now:
        answer = solve(drawn, timeout_seconds=seconds)
        taken = now()
    assert taken <= 1.1 * seconds + 0.05
    assert answer.status is not Status.INFEASIBLE


@pytest.mark.parametrize("seconds", [0.1, 0.3])
@pytest.mark.parametrize("constraints", LIMITS)
@pytest.mark.parametrize("strategy", Strategy)
def test_no_step_goes_on_for_long_after_its_time(
    strategy: Strategy, constraints: tuple[Constraint, ...], seconds: float
) -> None:
    check(portfolio(False, strategy, constraints), seconds)


@pytest.mark.parametrize("constraints", LIMITS)
def test_equal_prices_are_no_detour(constraints: tuple[Constraint, ...]) -> None:
    check(portfolio(True, Strategy.TO_TARGET, constraints), 0.1)
