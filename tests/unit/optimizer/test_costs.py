"""Orders that cost more than their value, against brute force and CP-SAT."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given, settings

from optimizer import (
    ConflictKind,
    MaximumTurnover,
    OptimizerError,
    Problem,
    Reason,
    Status,
    Strategy,
    TradingCosts,
    solve,
)
from tests.limits import LONG, PROOF_SECONDS
from tests.unit.optimizer.oracle import (
    NOTHING_FOUND,
    brute_force,
    cash_after,
    cp_sat,
    is_enumerable,
    is_feasible,
    score,
)
from tests.unit.optimizer.problems import costly_problems, market_problem, position, problem


def costly(drawn: Problem, rate: str = "0", fee: str = "0") -> Problem:
    """The problem where orders cost as much."""
    return replace(drawn, constraints=(*drawn.constraints, TradingCosts(Decimal(rate), Decimal(fee))))


@settings(max_examples=1_000, deadline=None)
@given(costly_problems())
def test_problems_with_costs_agree_with_brute_force(drawn: Problem) -> None:
    """Proven answers are optimal, to the last tie where that is proven; all keep their bounds."""
    assume(is_enumerable(drawn))
    expected = brute_force(drawn)
    actual = solve(drawn, timeout_seconds=PROOF_SECONDS)
    if expected is None:
        assert actual.status is Status.INFEASIBLE
        assert actual.conflicts
        return
    assert actual.objective is not None
    assert actual.lower_bound is not None
    assert is_feasible(drawn, actual.orders)
    best = score(drawn, expected)[0]
    assert actual.lower_bound <= best <= actual.objective
    if actual.status is Status.PROVEN_OPTIMAL:
        assert best == actual.objective
    if actual.tie_broken:
        assert expected == actual.orders
    assert cash_after(drawn, actual.orders) == actual.cash_after
    assert len(actual.reasons) == len(actual.orders)


@pytest.mark.by_oracle
@pytest.mark.parametrize("count", [3, 10, 30, 100])
@pytest.mark.parametrize("seed", range(12) if LONG else (0, 2, 5))
def test_portfolios_with_costs_agree_with_cp_sat(count: int, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - test data, not secrets
    drawn = market_problem(seed, count)
    drawn = replace(drawn, cash_floor=drawn.cash_floor or Decimal(0))
    if seed % 2:
        drawn = replace(drawn, constraints=(MaximumTurnover(Decimal("0.2")),))
    drawn = costly(drawn, random.choice(["0", "0.001", "0.02"]), random.choice(["0", "1", "9.95"]))
    answer = solve(drawn, timeout_seconds=2)
    bounds = cp_sat(drawn)
    if answer.status is Status.INFEASIBLE:
        assert bounds is None or bounds[1] == NOTHING_FOUND
    elif answer.objective is not None and answer.lower_bound is not None:  # else it had no time
        assert bounds is not None
        assert is_feasible(drawn, answer.orders)
        assert answer.lower_bound <= bounds[1]
        assert bounds[0] <= answer.objective


def test_a_commission_that_would_overdraw_takes_a_share_less() -> None:
    line = position("A", price="10", target="1", low="0.2")
    assert solve(problem(line, cash="100")).orders == (10,)
    answer = solve(costly(problem(line, cash="100"), fee="0.01"))
    assert answer.orders == (9,)
    assert answer.reasons == (Reason.REDUCED_FOR_CASH,)
    assert answer.costs == Fraction("0.01")
    assert answer.cash_after == Fraction("9.99")


def test_a_sale_that_costs_more_than_it_frees_is_not_made() -> None:
    """The buy needs all cash; selling one share to its target would take more of it."""
    lines = (
        position("A", price="1", quantity="11", target="0.1", low="0.05", high="0.05"),
        position("B", price="89", target="0.89", low="0.02", high="0.02"),
    )
    drawn = problem(*lines, cash="89")
    assert solve(drawn).orders == (-1, 1)
    answer = solve(costly(replace(drawn, cash=Decimal("90.5")), fee="1.5"))
    assert answer.orders == (0, 1)
    assert answer.reasons == (Reason.COSTS, Reason.ROUNDED_TO_NEAREST_SHARE)


def test_costs_that_leave_too_little_for_the_bands_are_a_conflict_of_cash() -> None:
    line = position("A", price="10", target="1", low="0.05")
    (conflict,) = solve(costly(problem(line, cash="100"), rate="0.01")).conflicts
    assert conflict.kind is ConflictKind.CASH_FLOOR
    assert conflict.needed_cash_floor == -1
    assert str(conflict) == (
        "cash floor 0.00 leaves 100.00 for positions whose bands, with the costs of trading into them, need"
        " at least 101.00; needs an overdraft of 1.00"
    )


def test_without_a_floor_costs_bind_nothing_and_are_told() -> None:
    line = position("A", price="10", target="1")
    answer = solve(costly(problem(line, cash="100", floor=None), rate="0.01", fee="2"))
    assert answer.orders == (10,)
    assert answer.costs == 3
    assert answer.cash_after == -3


def test_the_turnover_of_a_repair_is_not_raised_by_its_costs() -> None:
    line = position("A", price="10", quantity="8", target="0.5", low="0.1", high="0.1")
    drawn = replace(problem(line, cash="20"), strategy=Strategy.TO_BAND)
    answer = solve(costly(drawn, rate="0.5"))
    assert answer.orders == (-2,)
    assert answer.objective == 20


@pytest.mark.parametrize(("rate", "fee"), [("1", "0"), ("-0.1", "0"), ("0", "-1"), ("NaN", "0")])
def test_costs_out_of_bounds_are_refused(rate: str, fee: str) -> None:
    with pytest.raises(OptimizerError):
        TradingCosts(Decimal(rate), Decimal(fee))
