"""A position in another quantity is what a new position would be."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import OptimizerError, Position, Problem
from tests.unit.optimizer.problems import position, tiny_problems

QUANTITIES = st.one_of(
    st.integers(-(10**6), 10**6).map(Decimal),
    st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=4),
    st.sampled_from([Decimal(text) for text in ("0", "-0", "1E+3", "2.50", "-0.25", "1E-40", "7.00")]),
)


def derived(one: Position) -> tuple[object, ...]:
    """Everything a position knows, exactly: equal Decimals may differ in their digits."""
    names = ("security_id", "price", "quantity", "target", "low_drift", "high_drift")
    return (*(str(getattr(one, name)) for name in names), one.terms, one.held_shares, one.residual)


def numbers(drawn: Problem) -> tuple[object, ...]:
    """Everything that a problem derives from its Decimals."""
    return drawn.unit, drawn.market_value, drawn.spendable, drawn.lines


@settings(max_examples=300, deadline=None)
@given(tiny_problems(), QUANTITIES)
def test_a_holding_equals_a_new_position(drawn: Problem, quantity: Decimal) -> None:
    for one in drawn.positions:
        assert derived(replace(one, quantity=quantity)) == derived(one.holding(quantity))
        assert replace(one, quantity=quantity) == one.holding(quantity)


@settings(max_examples=300, deadline=None)
@given(tiny_problems(), st.data())
def test_a_problem_of_holdings_equals_one_of_new_positions(drawn: Problem, data: st.DataObject) -> None:
    quantities = [data.draw(QUANTITIES) for _ in drawn.positions]
    fresh, held = (
        replace(drawn, positions=tuple(positions), cash=Decimal(10) ** 13)
        for positions in (
            [replace(one, quantity=count) for one, count in zip(drawn.positions, quantities, strict=True)],
            [one.holding(count) for one, count in zip(drawn.positions, quantities, strict=True)],
        )
    )
    assert fresh == held
    assert numbers(fresh) == numbers(held)


@settings(max_examples=300, deadline=None)
@given(tiny_problems())
def test_lines_are_the_numbers_that_were_given(drawn: Problem) -> None:
    value = sum((Fraction(one.price) * Fraction(one.quantity) for one in drawn.positions), Fraction(0))
    worth = value + Fraction(drawn.cash)
    assert worth == Fraction(drawn.market_value, drawn.unit)
    for one, line in zip(drawn.positions, drawn.lines, strict=True):
        target = Fraction(one.target)
        assert Fraction(one.price) * drawn.unit == line.price
        assert Fraction(one.price) * Fraction(one.quantity) * drawn.unit == line.value(line.held)
        assert 0 <= line.residual < line.price
        assert worth * target * drawn.unit == line.target
        assert worth * (target - Fraction(one.low_drift)) * drawn.unit == line.low
        assert worth * (target + Fraction(one.high_drift)) * drawn.unit == line.high


@pytest.mark.parametrize(
    ("quantity", "rule"),
    [
        (Decimal("NaN"), "be finite, not NaN"),
        (Decimal("-Infinity"), "be finite, not -Infinity"),
        (Decimal("1E+40"), "have at most 40 digits on each side of the point"),
        (Decimal("1E-41"), "have at most 40 digits on each side of the point"),
        (7, "be a Decimal, not int"),
    ],
)
def test_a_bad_quantity_is_refused_as_in_a_new_position(quantity: Decimal, rule: str) -> None:
    with pytest.raises(OptimizerError) as raised:
        position("A", target="0.5").holding(quantity)
    assert f"security A: quantity must {rule}" == str(raised.value)
