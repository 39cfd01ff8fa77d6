"""Weights of lines against fractions."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ordergen_server.domain.weights import line_weights, weight

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, places=8)
TARGETS = st.decimals(min_value=0, max_value=1, allow_nan=False, places=4)


def rounded(value: Fraction) -> int:
    """Half to even, by the standard library's rounding of fractions."""
    return round(value * 10_000)


@given(AMOUNTS.filter(bool), st.lists(st.tuples(AMOUNTS, TARGETS)))
@example(Decimal(20000), [(Decimal(value), Decimal(1)) for value in range(-6, 7)])
@example(Decimal(-20000), [(Decimal(value), Decimal(3)) for value in range(-6, 7)])
@example(Decimal(3), [(Decimal("1E-50"), Decimal(0)), (Decimal("2E+50"), Decimal("0.00000000001"))])
def test_weights_and_drifts_are_rounded_from_what_they_are(
    worth: Decimal, lines: list[tuple[Decimal, Decimal]]
) -> None:
    weights = [(Fraction(value) / Fraction(worth), Fraction(target)) for value, target in lines]
    expected = [(rounded(one), rounded(1 - one / target) if target else None) for one, target in weights]
    assert line_weights(worth, lines) == expected


@pytest.mark.parametrize(
    ("steps", "text"), [(5106, "0.5106"), (0, "0.0000"), (-213, "-0.0213"), (10_000, "1.0000")]
)
def test_a_weight_has_four_decimals(steps: int, text: str) -> None:
    assert str(weight(steps)) == text
