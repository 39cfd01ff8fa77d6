"""Constraints and strategies against brute force."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import assume, given, settings

from optimizer import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    Problem,
    Restriction,
    Side,
    Sides,
    Status,
    Strategy,
    solve,
)
from tests.limits import LONG, PROOF_SECONDS
from tests.unit.optimizer.oracle import NOTHING_FOUND, brute_force, cp_sat, is_enumerable, is_feasible, score
from tests.unit.optimizer.problems import constrained_problems, limited_problems, market_problem


@settings(max_examples=1_000, deadline=None)
@given(constrained_problems())
def test_constrained_problems_agree_with_brute_force_to_the_last_tie(drawn: Problem) -> None:
    assume(is_enumerable(drawn))
    expected = brute_force(drawn)
    actual = solve(drawn, timeout_seconds=PROOF_SECONDS)
    if expected is None:
        assert actual.status is Status.INFEASIBLE
        assert actual.conflicts
    else:
        assert actual.status is Status.PROVEN_OPTIMAL
        assert expected == actual.orders
        assert len(actual.reasons) == len(actual.orders)


@settings(max_examples=50, deadline=None)
@given(limited_problems())
def test_limits_agree_with_brute_force(drawn: Problem) -> None:
    """Never wrong: proven answers are optimal, others valid with a bound that holds."""
    assume(is_enumerable(drawn))
    expected = brute_force(drawn)
    actual = solve(drawn, timeout_seconds=PROOF_SECONDS)
    if expected is None:
        assert actual.status is Status.INFEASIBLE
        return
    assert actual.objective is not None
    assert actual.lower_bound is not None
    assert is_feasible(drawn, actual.orders)
    best = score(drawn, expected)[0]
    assert actual.lower_bound <= best <= actual.objective
    if actual.status is Status.PROVEN_OPTIMAL:
        assert best == actual.objective


def constrained(drawn: Problem, seed: int) -> Problem:
    """A market portfolio with a mix of strategy, constraints and limits."""
    random = Random(seed)  # noqa: S311 - test data, not secrets
    constraints: list[Constraint] = []
    for one in drawn.positions:
        kind = random.random()
        if kind < 0.1:
            constraints.append(Restriction(one.security_id, random.choice(list(Side))))
        elif kind < 0.2:
            constraints.append(LotSize(one.security_id, random.choice([2, 5, 10]), bool(seed % 2)))
    if seed % 5 < 2:
        constraints.append(OneSided(list(Sides)[seed % 5]))
    if seed % 2:
        constraints.append(MinimumTradeValue(Decimal(500)))
    if seed % 3 == 1:
        constraints.append(MaximumTurnover(Decimal("0.1") + Decimal(random.randint(0, 20)) / 100))
    if seed % 3 == 2:
        constraints.append(MaximumTradeCount(max(1, len(drawn.positions) * random.randint(5, 9) // 10)))
    strategy = Strategy.TO_BAND if seed % 4 == 0 else Strategy.TO_TARGET
    return replace(drawn, strategy=strategy, constraints=tuple(constraints))


@pytest.mark.by_oracle
@pytest.mark.parametrize("count", [3, 10, 30, 100])
@pytest.mark.parametrize("seed", range(12) if LONG else (0, 2, 3, 4, 5, 8))
def test_constrained_portfolios_agree_with_cp_sat(count: int, seed: int) -> None:
    drawn = constrained(market_problem(seed, count), seed)
    answer = solve(drawn, timeout_seconds=2)
    bounds = cp_sat(drawn)
    if answer.status is Status.INFEASIBLE:
        assert bounds is None or bounds[1] == NOTHING_FOUND
    elif answer.objective is not None and answer.lower_bound is not None:  # else it had no time
        assert bounds is not None
        assert is_feasible(drawn, answer.orders)
        assert answer.lower_bound <= bounds[1]
        assert bounds[0] <= answer.objective
