"""Arithmetic that never rounds unless it says so."""

from decimal import Decimal, DivisionByZero, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.numbers import EXACT, difference, money, product, raised, ratio, total
from tests.verification import half_even

numbers = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**26), 10**26),
    st.integers(-20, 20),
)


@given(numbers, numbers)
def test_products_and_differences_are_exact(left: Decimal, right: Decimal) -> None:
    assert Fraction(product(left, right)) == Fraction(left) * Fraction(right)
    assert Fraction(difference(left, right)) == Fraction(left) - Fraction(right)


@given(st.lists(numbers, max_size=20))
def test_sums_are_exact(values: list[Decimal]) -> None:
    assert Fraction(total(values)) == sum(map(Fraction, values))


def test_the_sum_of_nothing_is_zero() -> None:
    assert total([]) == 0


def test_what_does_not_fit_raises_instead_of_rounding() -> None:
    with pytest.raises(Inexact):
        total([Decimal("1E+400"), Decimal(1)])
    with pytest.raises(Inexact):
        EXACT.divide(Decimal(1), Decimal(3))
    with pytest.raises(DivisionByZero):
        EXACT.divide(Decimal(1), Decimal(0))


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (Fraction(1, 2), 0, "0"),
        (Fraction(3, 2), 0, "2"),
        (Fraction(5, 2), 0, "2"),
        (Fraction(-1, 2), 0, "0"),
        (Fraction(-3, 2), 0, "-2"),
        (Fraction(5, 100000), 4, "0.0000"),
        (Fraction(15, 100000), 4, "0.0002"),
        (Fraction(1, 3), 4, "0.3333"),
        (Fraction(2, 3), 4, "0.6667"),
        (Fraction(1), 12, "1.000000000000"),
    ],
)
def test_rounding_is_half_to_even(value: Fraction, places: int, expected: str) -> None:
    over, under = Decimal(value.numerator), Decimal(value.denominator)
    assert f"{ratio(over, under, places):f}" == expected
    assert f"{ratio(-over, -under, places):f}" == expected


@given(numbers, numbers.filter(bool), st.integers(0, 12))
def test_a_ratio_is_rounded_once(numerator: Decimal, denominator: Decimal, places: int) -> None:
    expected = half_even(Fraction(numerator) / Fraction(denominator), places)
    assert Fraction(ratio(numerator, denominator, places)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.20", "1.20"), ("1.201", "1.21"), ("-1.209", "-1.20"), ("1e5", "1E+5"), ("0", "0")],
)
def test_raised_to_so_many_decimals(value: str, expected: str) -> None:
    assert raised(Decimal(value), 2).as_tuple() == Decimal(expected).as_tuple()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("-540.38000000", "-540.38"),
        ("1E12", "1,000,000,000,000.00"),
        ("0E-8", "0.00"),
        ("-0.00100", "-0.00100"),
        ("1E-12", "0.000000000001"),
        ("9" * 34 + "E6", "9" + ",999" * 11 + ",000,000.00"),
    ],
)
def test_money_of_a_sentence_has_two_decimals_unless_they_are_nothing(value: str, expected: str) -> None:
    assert money(Decimal(value)) == expected
