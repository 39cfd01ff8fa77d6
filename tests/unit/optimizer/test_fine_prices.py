"""Floors over prices of eight decimals: exact hits, cores, tolerances and time limits."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product
from operator import mul
from os import environ
from random import Random
from time import process_time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer import (
    Batch,
    MaximumTradeCount,
    MaximumTurnover,
    OptimizerError,
    Position,
    Problem,
    Solution,
    Status,
    solve,
    solve_batch,
)
from optimizer.cover.core import AimsOf, best_covers
from optimizer.cover.cover import first_cover, total_cost
from optimizer.cover.diophantine import Wheel
from optimizer.cover.generalized_birthday import hit
from optimizer.cover.ladder import Ladder, Rungs
from optimizer.cover.relaxation import Relaxation, break_multiplier
from optimizer.enumeration.enumeration import never
from optimizer.limits.limits import limits_of
from optimizer.separable.choices import choices, costs_of
from tests.limits import PATIENCE, PROOF_SECONDS
from tests.unit.optimizer.oracle import brute_force, is_enumerable, is_feasible, score

BINDING_PARTS = 70 if environ.get("ORDERGEN_TESTS_LONG") else 4
"""Forties of binding floors over fine prices that are enumerated; set the variable for the long form."""

CENTS = 10**6
"""A cent in units of 1e-8."""


def fine_problem(
    seed: int,
    count: int,
    worth: str,
    floor: str,
    constraints: tuple[MaximumTurnover | MaximumTradeCount, ...] = (),
) -> Problem:
    """Targets of 90 % in all, prices of two, four and eight decimals, and a floor as a weight."""
    random = Random(seed)  # noqa: S311 - test data, not secrets
    weight = (Decimal("0.9") / count).quantize(Decimal("0.0001"))
    positions: list[Position] = []
    for index in range(count):
        places = (2, 2, 4, 8)[index % 4]
        price = Decimal(random.randint(3 * 10**places, 400 * 10**places)).scaleb(-places)
        shares = (Decimal(worth) * weight / price * random.randint(70, 130) / 100).quantize(Decimal(1))
        positions.append(Position(f"S{index}", price, shares, weight, weight / 2, weight / 2))
    cash = Decimal(worth) - sum((one.price * one.quantity for one in positions), Decimal(0))
    return Problem(tuple(positions), cash, Decimal(worth) * Decimal(floor), constraints=constraints)


def gap(answer: Solution) -> Fraction:
    """What is not proven of an answer, in money."""
    assert answer.objective is not None
    assert answer.lower_bound is not None
    return answer.objective - answer.lower_bound


@pytest.mark.parametrize("seed", range(6))
def test_an_amount_is_hit_to_the_last_unit(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - test data, not secrets
    wheels = [
        Wheel(random.randint(3 * CENTS, 400 * CENTS) * (100 if index % 2 else 1), random.randint(20, 90))
        for index in range(40)
    ]
    amount = sum(wheel.price * wheel.shares for wheel in wheels) // 3
    turns = hit(wheels, amount, never)
    assert turns is not None
    assert amount == sum(count * wheel.price for count, wheel in zip(turns, wheels, strict=True))
    assert all(0 <= count <= wheel.shares for count, wheel in zip(turns, wheels, strict=True))
    assert turns == hit(wheels, amount, never)
    assert hit(wheels, amount, lambda: True) is None


@pytest.mark.parametrize(
    ("wheels", "amount"),
    [([], 5), ([Wheel(4, 0)], 4), ([Wheel(4, 9)] * 40, 6), ([Wheel(4, 9)] * 40, -4), ([Wheel(4, 9)], 8)],
)
def test_amounts_that_cannot_be_hit_are_left_alone(wheels: list[Wheel], amount: int) -> None:
    assert hit(wheels, amount, never) is None


def relaxed(drawn: Problem, share: Fraction) -> Relaxation:
    """The relaxation of freeing a share of what short ladders can free, at the costs of drift."""
    found = choices(drawn)
    costs = costs_of(drawn, found).coarser()[1]
    limit = limits_of(drawn)[0]
    ladders = [
        Ladder(line, Rungs.down(allowed, best).head(4), costs.of, limit.use)
        for line, allowed, best in zip(drawn.lines, found.allowed, found.best, strict=True)
    ]
    required = int(sum(ladder.option(ladder.rungs.count - 1).freed for ladder in ladders) * share)
    return Relaxation(ladders, required, *break_multiplier(ladders, required))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.fractions(Fraction(1, 20), Fraction(19, 20)))
def test_a_core_is_complete_and_knows_all_ties(seed: int, count: int, share: Fraction) -> None:
    drawn = fine_problem(seed, count, "9000", "0")
    relaxation, costs = relaxed(drawn, share), costs_of(drawn, choices(drawn))

    def aims(ladder: Ladder, rung: int) -> tuple[int, int, int]:
        return costs.aims(ladder.line, ladder.rungs[rung])

    outcome = best_covers(relaxation, first_cover(relaxation), aims, lambda _: False, never)
    found = [
        (judged(relaxation.ladders, rungs, aims), list(rungs))
        for rungs in product(*(range(ladder.rungs.count) for ladder in relaxation.ladders))
        if sum(ladder.option(rung).freed for ladder, rung in zip(relaxation.ladders, rungs, strict=True))
        >= relaxation.required
    ]
    least = min(cost for cost, _ in found)
    assert outcome.exhaustive
    assert outcome.settled
    assert least[0] - judged(relaxation.ladders, [0] * count, aims)[0] == outcome.cost
    assert total_cost(relaxation.ladders, outcome.covers[0]) == outcome.cost
    assert sorted(outcome.covers) == sorted(rungs for cost, rungs in found if cost == least)


def judged(ladders: Sequence[Ladder], rungs: Sequence[int], aims: AimsOf) -> tuple[int, ...]:
    """All aims of a cover."""
    parts = [aims(ladder, rung) for ladder, rung in zip(ladders, rungs, strict=True)]
    return tuple(sum(part[aim] for part in parts) for aim in range(3))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4), st.sampled_from(["0.1", "0.12", "0.2", "0.3"]))
def test_fine_prices_agree_with_brute_force(seed: int, count: int, floor: str) -> None:
    drawn = fine_problem(seed, count, "3000", floor)
    assume(is_enumerable(drawn))
    expected = brute_force(drawn)
    actual = solve(drawn, timeout_seconds=PROOF_SECONDS)
    if expected is None:
        assert actual.status is Status.INFEASIBLE
    else:
        assert actual.status is Status.PROVEN_OPTIMAL
        assert expected == actual.orders


@pytest.mark.parametrize("count", [60, 100])
@pytest.mark.parametrize("floor", ["0.101", "0.105", "0.12"])
def test_floors_that_free_many_shares_are_proven(count: int, floor: str) -> None:
    problems = [fine_problem(seed, count, "3000000", floor) for seed in range(3)]
    answers = [solve(drawn, timeout_seconds=PATIENCE, tolerance=Decimal("0.0001")) for drawn in problems]
    assert all(is_feasible(drawn, one.orders) for drawn, one in zip(problems, answers, strict=True))
    assert all(gap(one) <= Fraction(1, 10_000) for one in answers)
    assert sum(one.status is Status.PROVEN_OPTIMAL for one in answers) >= len(answers) - 1
    assert (
        answers[0].orders == solve(problems[0], timeout_seconds=PATIENCE, tolerance=Decimal("0.0001")).orders
    )


@pytest.mark.parametrize("tolerance", ["0.01", "5", "10000"])
def test_a_tolerance_ends_the_search_within_it(tolerance: str) -> None:
    for seed in range(4):
        drawn = fine_problem(seed, 4, "3000", "0.2")
        expected = brute_force(drawn)
        answer = solve(drawn, tolerance=Decimal(tolerance))
        assert expected is not None
        assert answer.objective is not None
        assert answer.lower_bound is not None
        assert answer.lower_bound <= score(drawn, expected)[0] <= answer.objective
        assert gap(answer) <= Fraction(tolerance)


def test_a_tolerance_counts_under_several_limits() -> None:
    limits = (MaximumTurnover(Decimal("0.2")), MaximumTradeCount(58))
    for constraints, worth, tolerance in (((), "30000", 10), (limits, "3000000", 5000)):
        drawn = fine_problem(1, 60, worth, "0.12", constraints)
        answer = solve(drawn, tolerance=Decimal(tolerance))
        assert is_feasible(drawn, answer.orders)
        assert gap(answer) <= tolerance
        assert gap(answer) == 0 or answer.status is Status.FEASIBLE


@pytest.mark.parametrize("tolerance", [Decimal(-1), Decimal("NaN"), 0.5])
def test_a_bad_tolerance_is_refused(tolerance: Decimal) -> None:
    with pytest.raises(OptimizerError, match="tolerance must"):
        solve(fine_problem(1, 3, "3000", "0"), tolerance=tolerance)


def test_rows_of_a_batch_keep_the_tolerance() -> None:
    drawn = fine_problem(2, 60, "300000", "0.12")
    assert drawn.cash_floor is not None
    rows = Batch(
        drawn.positions,
        np.array([[int(one.quantity) for one in drawn.positions]] * 2),
        np.array([int(drawn.cash.scaleb(8))] * 2),
        np.array([int(drawn.cash_floor.scaleb(8))] * 2),
        cash_step=Decimal("1e-8"),
    )
    answer = solve_batch(rows, tolerance=Decimal(1000))
    assert answer.solution(0).orders == solve(drawn, tolerance=Decimal(1000)).orders
    assert gap(answer.solution(1)) <= 1000


LIMITS: list[tuple[MaximumTurnover | MaximumTradeCount, ...]] = [
    (),
    (MaximumTurnover(Decimal("0.05")),),
    (MaximumTradeCount(40),),
    (MaximumTurnover(Decimal("0.1")), MaximumTradeCount(50)),
]


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")  # cvxpy, where HiGHS ran out of time
@pytest.mark.parametrize("constraints", LIMITS)
@pytest.mark.parametrize("worth", ["20000", "200000", "30000000"])
def test_the_time_limit_is_kept_in_every_phase(
    worth: str, constraints: tuple[MaximumTurnover | MaximumTradeCount, ...]
) -> None:
    """A fault test, in seconds of the processor, as machines are busy; the margin is for slow ones."""
    for count, floor in ((60, "0.1"), (100, "0.12")):
        drawn = fine_problem(count, count, worth, floor, constraints)
        for seconds in (0.0, 0.2):
            start = process_time()
            answer = solve(drawn, timeout_seconds=seconds)
            assert process_time() - start < seconds + 3
            if answer.objective is not None:
                assert is_feasible(drawn, answer.orders)
                assert gap(answer) >= 0


def binding_problem(seed: int) -> Problem:
    """Two or three positions of prices of eight and holdings of six decimals; the floor takes shares."""
    random = Random(seed)  # noqa: S311 - test data, not secrets
    size, worth = random.choice([2, 2, 3]), Decimal(random.randint(2_000, 9_000))
    positions: list[Position] = []
    for index in range(size):
        price = Decimal(random.randint(30 * 10**8, 400 * 10**8)).scaleb(-8)
        target = Decimal(random.randint(100, 900 // size)).scaleb(-3)
        shares = (worth * target / price * random.randint(50, 150) / 100).quantize(Decimal("0.000001"))
        drifts = [Decimal(random.randint(0, 30)).scaleb(-2) for _ in range(2)]
        positions.append(Position(f"S{random.randint(0, 99)}{index}", price, shares, target, *drifts))
    cash = (worth - sum((one.price * one.quantity for one in positions), Decimal(0))).quantize(
        Decimal("0.01")
    )
    invested = sum((one.target for one in positions), Decimal(0))
    floor = worth * (1 - invested * Decimal(random.randint(60, 100)) / 100)
    return Problem(tuple(positions), cash, floor.quantize(Decimal("0.01")))


def least_drift(drawn: Problem) -> int | None:
    """The least drift by enumeration, in 1e-14 of money: prices of eight decimals times holdings of six."""
    unit = 10**14
    held = [int(one.quantity * 10**6) for one in drawn.positions]
    prices = [int(one.price * 10**8) for one in drawn.positions]
    total = int(drawn.cash * unit) + sum(map(mul, held, prices))
    spendable = total - int((drawn.cash_floor or 0) * unit)
    ways: list[list[tuple[int, int]]] = []
    for one, quantity, price in zip(drawn.positions, held, prices, strict=True):
        # Weights have three decimals at most: targets and bands are counted in 1e-17.
        target, low, high = (
            total * int(weight * 1000)
            for weight in (one.target, one.target - one.low_drift, one.target + one.high_drift)
        )
        values = range(quantity % 10**6 * price, spendable + 1, 10**6 * price)
        ways.append([(v, abs(1000 * v - target)) for v in values if low <= 1000 * v <= high])
    found = [
        sum(part[1] for part in parts)
        for parts in product(*ways)
        if sum(part[0] for part in parts) <= spendable
    ]
    return min(found, default=None)


@pytest.mark.parametrize("part", range(BINDING_PARTS))
def test_binding_floors_over_fine_prices_agree_with_enumeration(part: int) -> None:
    """Of a hundred such problems one was proven that is not the best."""
    wrong = []
    for seed in range(40 * part, 40 * (part + 1)):
        drawn = binding_problem(seed)
        answer, least = solve(drawn, timeout_seconds=PROOF_SECONDS), least_drift(drawn)
        expected = None if least is None else Fraction(least, 10**17)
        status = Status.INFEASIBLE if least is None else Status.PROVEN_OPTIMAL
        if (answer.status, answer.objective) != (status, expected):
            wrong.append(seed)
    assert wrong == []
