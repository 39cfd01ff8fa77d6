"""Every answer is optimal, exactly: against recorded optima, brute force and CP-SAT."""

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings

from optimizer import Problem, Status, solve
from tests.limits import PROOF_SECONDS, sized
from tests.unit.optimizer.oracle import (
    NOTHING_FOUND,
    brute_force,
    cash_after,
    cp_sat,
    is_enumerable,
    is_feasible,
    market_value,
    score,
)
from tests.unit.optimizer.problems import (
    market_problem,
    position,
    problem,
    recorded_cases,
    recorded_optimum,
    recorded_problem,
    tiny_problems,
)


def test_recorded_optima_are_met() -> None:
    cases = recorded_cases()
    answers = [solve(recorded_problem(case)) for case in cases]
    assert [recorded_optimum(case) for case in cases] == [answer.objective for answer in answers]
    assert all(answer.status is not Status.FEASIBLE for answer in answers)


@settings(max_examples=1_000, deadline=None)
@given(tiny_problems())
def test_tiny_problems_agree_with_brute_force_to_the_last_tie(drawn: Problem) -> None:
    assume(is_enumerable(drawn))
    expected = brute_force(drawn)
    actual = solve(drawn, timeout_seconds=PROOF_SECONDS)
    if expected is None:
        assert actual.status is Status.INFEASIBLE
        assert actual.orders == ()
        assert actual.conflicts
    else:
        assert expected == actual.orders
        assert actual.status is Status.PROVEN_OPTIMAL
        assert score(drawn, expected)[0] == actual.objective == actual.lower_bound
        assert score(drawn, expected)[1] == actual.turnover


@pytest.mark.by_oracle
@pytest.mark.parametrize("count", [3, 10, 30, 100])
def test_portfolios_agree_with_cp_sat(count: int) -> None:
    for seed in range(sized(10, 30)):
        drawn = market_problem(seed, count)
        answer = solve(drawn, timeout_seconds=PROOF_SECONDS)
        bounds = cp_sat(drawn)
        if answer.objective is None:
            assert bounds is None or bounds[1] == NOTHING_FOUND
        else:
            assert bounds is not None
            assert bounds[0] <= answer.objective <= bounds[1]
            assert is_feasible(drawn, answer.orders)
            assert cash_after(drawn, answer.orders) == answer.cash_after
        assert market_value(drawn) == answer.market_value
        assert answer.status is not Status.FEASIBLE


def test_an_exact_half_goes_to_the_smaller_trade() -> None:
    held_below = problem(position(price="2", target="0.5", low="0.5", high="0.5"), cash="10")
    held_above = problem(position(price="2", quantity="5", target="0.5", low="0.5", high="0.5"), cash="0")
    assert solve(held_below).orders == (2,)
    assert solve(held_above).orders == (-2,)


def test_all_cash_is_solved() -> None:
    answer = solve(problem(cash="100"))
    assert answer.status is Status.PROVEN_OPTIMAL
    assert answer.orders == ()
    assert answer.objective == Fraction(0)
    assert answer.reasons == ()


def test_large_floor_is_filled_exactly() -> None:
    """Thousands of shares give way; the cash left is the floor to the cent."""
    positions = [
        position(f"S{index}", price=price, target="0.1", low="0.05", high="0.05")
        for index, price in enumerate(
            ["101.37", "55.21", "73.19", "20.03", "311.11", "9.97", "88.88", "47.5"]
        )
    ]
    answer = solve(problem(*positions, cash="90000000", floor="25000000"))
    assert answer.status is Status.PROVEN_OPTIMAL
    assert answer.cash_after == Fraction(25_000_000)
    assert answer.objective == Fraction(90_000_000) * Fraction(8, 10) - Fraction(65_000_000)


def test_permuting_positions_permutes_the_orders() -> None:
    for seed in range(20):
        drawn = market_problem(seed, 12)
        backwards = Problem(drawn.positions[::-1], drawn.cash, drawn.cash_floor)
        assert (
            solve(drawn, timeout_seconds=PROOF_SECONDS).orders
            == solve(backwards, timeout_seconds=PROOF_SECONDS).orders[::-1]
        )
