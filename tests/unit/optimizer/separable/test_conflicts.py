"""A conflict's numbers are sufficient, and least."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings

from optimizer import Conflict, ConflictKind, Position, Problem, Status, solve
from tests.unit.optimizer.problems import position, problem, tiny_problems

TINY = Fraction(1, 10**12)


def decimal(value: Fraction, *, up: bool) -> Decimal:
    """To 12 places in the given direction."""
    count = value / TINY
    return Decimal(-(-count.numerator // count.denominator) if up else count // 1).scaleb(-12)


def has(conflicts: tuple[Conflict, ...], conflict: Conflict) -> bool:
    """Whether the security (or the floor) still conflicts."""
    return conflict.security_id in {other.security_id for other in conflicts}


def changed(drawn: Problem, security_id: str | None, **changes: Decimal) -> Problem:
    """The problem with one position changed."""
    positions: list[Position] = [
        replace(line, **changes) if line.security_id == security_id else line  # type: ignore[arg-type]
        for line in drawn.positions
    ]
    return replace(drawn, positions=tuple(positions))


def test_the_sentence_and_its_numbers() -> None:
    drawn = problem(
        position("GOOG", price="11200", target="0.01", low="0.0005", high="0.0005"), cash="1000000"
    )
    answer = solve(drawn)
    assert answer.status is Status.INFEASIBLE
    (conflict,) = answer.conflicts
    assert str(conflict) == (
        "security GOOG: band [9,500.00, 10,500.00] holds no multiple of 11,200.00;"
        " needs high drift >= 0.0012 or low drift >= 0.0100 or a market value >= 1,066,666.67"
    )
    assert conflict.needed_high_drift == Fraction(12, 10_000)


def test_the_cash_floor_and_its_numbers() -> None:
    drawn = problem(position(target="0.5"), cash="1000", floor="500.01")
    (conflict,) = solve(drawn).conflicts
    assert conflict.kind is ConflictKind.CASH_FLOOR
    assert conflict.security_id is None
    assert conflict.needed_cash_floor == Fraction(500)
    assert str(conflict) == (
        "cash floor 500.01 leaves 499.99 for positions whose bands need at least 500.00;"
        " needs a cash floor <= 500.00"
    )


@settings(max_examples=600, deadline=None)
@given(tiny_problems())
def test_suggestions_are_sufficient_and_least(drawn: Problem) -> None:
    for conflict in solve(drawn).conflicts:
        if conflict.kind is ConflictKind.CASH_FLOOR:
            assert conflict.needed_cash_floor is not None
            floor = decimal(conflict.needed_cash_floor, up=False)
            assert not has(solve(replace(drawn, cash_floor=floor)).conflicts, conflict)
            assert has(solve(replace(drawn, cash_floor=floor + Decimal("1E-12"))).conflicts, conflict)
            continue
        assert conflict.needed_high_drift is not None
        drifts = {"high_drift": conflict.needed_high_drift, "low_drift": conflict.needed_low_drift}
        for name, needed in drifts.items():
            if needed is not None:
                enough = decimal(needed, up=True)
                wide = changed(drawn, conflict.security_id, **{name: enough})
                narrow = changed(drawn, conflict.security_id, **{name: enough - Decimal("1E-12")})
                assert not has(solve(wide).conflicts, conflict)
                assert has(solve(narrow).conflicts, conflict)


@settings(max_examples=600, deadline=None)
@given(tiny_problems())
def test_a_market_value_that_is_enough_is_the_least(drawn: Problem) -> None:
    answer = solve(drawn)
    for conflict in answer.conflicts:
        if conflict.needed_market_value is not None:
            more = decimal(conflict.needed_market_value - answer.market_value, up=True)
            enough = replace(drawn, cash=drawn.cash + more)
            if conflict.needed_market_value == answer.market_value + Fraction(more):
                assert not has(solve(enough).conflicts, conflict)
            less = replace(drawn, cash=drawn.cash + more - Decimal("1E-12"))
            assert has(solve(less).conflicts, conflict)
