"""Parts that only hard problems reach, each against plain enumeration."""

from decimal import Decimal
from fractions import Fraction
from itertools import product
from time import monotonic

import cvxpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import (
    Breach,
    ConflictKind,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OptimizerError,
    Problem,
    Reason,
    Restriction,
    Side,
    Status,
    Strategy,
    solve,
)
from optimizer.cover.diophantine import Wheel, fill
from optimizer.cover.ladder import Ladder, Rungs
from optimizer.cover.meet_in_the_middle import all_but_the_longest, meet_in_the_middle
from optimizer.enumeration.enumeration import never
from optimizer.limits.general import propose
from optimizer.limits.lagrange import Lagrangian
from optimizer.limits.limits import limits_of
from optimizer.separable.choices import choices, costs_of
from optimizer.separable.conflict import combination_conflict
from tests.limits import PROOF_SECONDS
from tests.unit.optimizer.oracle import is_feasible, score
from tests.unit.optimizer.problems import limited_problems, market_problem, position, problem


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 5)), max_size=5),
    st.integers(-3, 60),
)
def test_a_fill_is_exact_and_found_where_there_is_one(pairs: list[tuple[int, int]], amount: int) -> None:
    wheels = [Wheel(price, shares) for price, shares in pairs]
    sums = {
        sum(count * wheel.price for count, wheel in zip(turns, wheels, strict=True))
        for turns in product(*(range(wheel.shares + 1) for wheel in wheels))
    }
    turns = fill(wheels, amount)
    if turns is None:
        assert amount not in sums or len(wheels) > 3
    else:
        assert amount == sum(count * wheel.price for count, wheel in zip(turns, wheels, strict=True))
        assert all(0 <= count <= wheel.shares for count, wheel in zip(turns, wheels, strict=True))


@pytest.mark.parametrize("seed", range(12))
def test_the_middle_is_met_at_the_least_cost(seed: int) -> None:
    drawn = market_problem(seed, 3)
    found = choices(drawn)
    costs = costs_of(drawn, found)
    limit = limits_of(Problem(drawn.positions, drawn.cash))[0]
    ladders = [
        Ladder(line, Rungs.down(allowed, best).head(9), costs.of, limit.use)
        for line, allowed, best in zip(drawn.lines, found.allowed, found.best, strict=True)
        if allowed
    ]
    required = sum(ladder.option(ladder.rungs.count - 1).freed for ladder in ladders) * 2 // 3
    options = [[(*ladder.option(rung), rung) for rung in range(ladder.rungs.count)] for ladder in ladders]
    costs_that_cover = [
        sum(part[1] for part in parts)
        for parts in product(*options)
        if sum(part[0] for part in parts) >= required
    ]
    for way in (meet_in_the_middle, all_but_the_longest):
        rungs = way(ladders, required) if ladders else None
        if rungs is not None:
            chosen = [ladder.option(rung) for ladder, rung in zip(ladders, rungs, strict=True)]
            assert sum(option.freed for option in chosen) >= required
            assert min(costs_that_cover) == sum(option.cost for option in chosen)


@settings(max_examples=60, deadline=None)
@given(limited_problems(), st.lists(st.floats(0, 2), min_size=3, max_size=3))
def test_a_lagrangian_bound_holds_for_any_multipliers(drawn: Problem, multipliers: list[float]) -> None:
    answer = solve(drawn, timeout_seconds=PROOF_SECONDS)
    if answer.objective is None:
        return
    limits = limits_of(drawn)
    relaxation = Lagrangian(drawn, choices(drawn), limits, multipliers[: len(limits)])
    assert Fraction(relaxation.bound(), drawn.unit) <= answer.objective
    searched = relaxation.search(None, never)
    assert searched.shares is not None
    orders = [count - line.held for count, line in zip(searched.shares, drawn.lines, strict=True)]
    assert is_feasible(drawn, tuple(orders))
    if searched.exhaustive:
        assert score(drawn, tuple(orders))[0] == answer.objective


def test_the_general_solver_proposes_within_holes_and_without_time() -> None:
    lines = [
        position(f"S{index}", price=price, quantity="3", target="0.2", low="0.2", high="0.2")
        for index, price in enumerate(["9", "13.5", "20", "31"])
    ]
    limits = (MaximumTurnover(Decimal("0.2")), MaximumTradeCount(2), MinimumTradeValue(Decimal(20)))
    drawn = Problem(tuple(lines), Decimal(200), constraints=limits)
    proposal = propose(drawn, choices(drawn), limits_of(drawn), monotonic() + 30)
    assert proposal.shares is not None
    best = solve(drawn, timeout_seconds=PROOF_SECONDS)
    assert best.status is Status.PROVEN_OPTIMAL
    assert np.isfinite(proposal.multipliers).all()


def test_exact_quantities_and_sums_come_with_the_answer() -> None:
    line = position(price="10", quantity="2.5", target="0.5", low="0.1", high="0.1")
    answer = solve(problem(line, cash="75"))
    assert answer.quantities == (Decimal("4.5"),)
    assert answer.cash_after == Fraction(55)
    assert answer.turnover == Fraction(20)
    assert answer.drift == answer.objective == Fraction(5)
    assert answer.market_value == Fraction(100)


def test_a_restricted_holding_outside_its_band_is_a_breach() -> None:
    lines = (position("A", price="10", quantity="9", target="0.2"), position("B", price="5"))
    answer = solve(Problem(lines, Decimal(10), constraints=(Restriction("A", Side.HOLD),)))
    (breach,) = answer.breaches
    assert breach == Breach("A", Fraction(90), Fraction(20), Fraction(20))
    assert answer.reasons == (Reason.RESTRICTED, Reason.NOT_IN_MODEL)
    assert answer.orders == (0, 0)


def test_a_lot_that_misses_the_band_is_a_conflict_in_numbers() -> None:
    line = position("A", price="10", target="0.5", low="0.02", high="0.2")
    (conflict,) = solve(Problem((line,), Decimal(1000), constraints=(LotSize("A", 40),))).conflicts
    assert conflict.kind is ConflictKind.LOT_SIZE
    assert conflict.needed_high_drift == Fraction(3, 10)
    assert conflict.needed_low_drift == Fraction(1, 10)
    assert "is not reached by whole lots of 40 shares at 10.00" in str(conflict)


@pytest.mark.parametrize(
    ("limit", "kind", "sentence"),
    [
        (MaximumTurnover(Decimal("0.3")), ConflictKind.TURNOVER, "needs a maximum turnover >= 0.4000"),
        (MaximumTradeCount(0), ConflictKind.TRADE_COUNT, "needs a maximum trade count >= 1"),
    ],
)
def test_limits_that_repairs_exceed_are_conflicts(
    limit: MaximumTurnover | MaximumTradeCount, kind: ConflictKind, sentence: str
) -> None:
    line = position("A", price="10", target="0.5", low="0.1", high="0.1")
    (conflict,) = solve(Problem((line,), Decimal(1000), constraints=(limit,))).conflicts
    assert conflict.kind is kind
    assert str(conflict).endswith(sentence)


def test_limits_that_cannot_be_met_together_say_so() -> None:
    overdrawn = position("A", price="10", quantity="60", target="0.9", low="0.9", high="0.9")
    other = position("B", price="10", quantity="60", target="0.9", low="0.9", high="0.9")
    limits = (MaximumTurnover(Decimal("0.1")), MaximumTradeCount(1))
    answer = solve(Problem((overdrawn, other), Decimal(-200), constraints=limits))
    assert answer.status is Status.INFEASIBLE
    [conflict] = answer.conflicts
    assert conflict.kind is ConflictKind.COMBINATION
    assert conflict.description == (
        "each limit can be met, but no orders meet cash floor, maximum turnover and maximum trade count"
        " together; needs at least one of them looser"
    )


def test_limits_that_cannot_be_met_together_are_named_and_no_others_are() -> None:
    two = combination_conflict([Reason.REDUCED_FOR_CASH, Reason.TURNOVER_LIMIT])
    assert "no orders meet cash floor and maximum turnover together" in str(two)
    groups = combination_conflict([Reason.GROUP_LIMIT, Reason.GROUP_LIMIT])
    assert "no orders meet limits of groups and every band together" in str(groups)


@pytest.mark.parametrize(
    ("line", "constraint", "strategy", "expected"),
    [
        ("20", LotSize("A", 9), Strategy.TO_TARGET, Reason.ROUNDED_TO_LOT),
        ("48", MinimumTradeValue(Decimal(50)), Strategy.TO_TARGET, Reason.BELOW_MINIMUM_TRADE),
        ("20", Restriction("A", Side.DO_NOT_BUY), Strategy.TO_TARGET, Reason.RESTRICTED),
        ("20", MaximumTurnover(Decimal("0.35")), Strategy.TO_TARGET, Reason.TRADED_TO_TARGET),
        ("20", MaximumTurnover(Decimal("0.25")), Strategy.TO_TARGET, Reason.TURNOVER_LIMIT),
        ("48", MaximumTradeCount(0), Strategy.TO_TARGET, Reason.TRADE_COUNT_LIMIT),
        ("30", MaximumTradeCount(9), Strategy.TO_BAND, Reason.TRADED_TO_BAND),
        ("45", MaximumTradeCount(9), Strategy.TO_BAND, Reason.INSIDE_BAND),
    ],
)
def test_the_reason_under_a_constraint(
    line: str,
    constraint: LotSize | MinimumTradeValue | Restriction | MaximumTurnover | MaximumTradeCount,
    strategy: Strategy,
    expected: Reason,
) -> None:
    band = "0.3" if strategy is Strategy.TO_TARGET else "0.1"
    held = position("A", price="10", quantity=line, target="0.5", low=band, high=band)
    cash = Decimal(1000) - held.price * held.quantity
    answer = solve(Problem((held,), cash, Decimal(0), strategy, (constraint,)))
    assert answer.reasons == (expected,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Restriction("A", "HOLD"), "security A: restriction must be a Side, not 'HOLD'"),  # type: ignore[arg-type]
        (lambda: LotSize("A", 0), "security A: lot size must be an int >= 1, not 0"),
        (lambda: MinimumTradeValue(Decimal(-1)), "minimum trade value must be >= 0, not -1"),
        (lambda: MaximumTurnover(Decimal("-0.1")), "maximum turnover must be >= 0, not -0.1"),
        (lambda: MaximumTradeCount(-1), "maximum trade count must be an int >= 0, not -1"),
        (
            lambda: Problem((), Decimal(1), constraints=(MaximumTradeCount(1), MaximumTradeCount(2))),
            "MaximumTradeCount must be given once, not twice",
        ),
        (
            lambda: Problem((), Decimal(1), constraints=(LotSize("A", 1), LotSize("A", 2))),
            "security A: must appear once, not twice",
        ),
    ],
)
def test_bad_constraints_are_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(OptimizerError) as raised:
        make()
    assert message == str(raised.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_values_that_the_general_solver_never_set_are_no_proposal(
    value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off before it has found anything, HiGHS leaves memory as it was."""
    lines = (position("A", price="7", target="0.3", low="0.1", high="0.1"),)
    limited = Problem(lines, Decimal(1000), constraints=(MaximumTradeCount(1),))

    def solved(program: cvxpy.Problem, **_: object) -> None:
        for variable in program.variables():
            variable.save_value(np.full(variable.shape, value))
        for constraint in program.constraints:
            constraint.dual_variables[0].save_value(np.float64(value))

    monkeypatch.setattr(cvxpy.Problem, "solve", solved)
    limits = limits_of(limited)
    proposal = propose(limited, choices(limited), limits, monotonic() + 5)
    assert proposal == (None, [0.0] * len(limits))
