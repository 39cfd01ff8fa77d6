"""Weights of lines against fractions."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.weights import LineWeights

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, places=8)
TARGETS = st.decimals(min_value=0, max_value=1, allow_nan=False, places=4)


def rounded(value: Fraction) -> Decimal:
    """Half to even, by the standard library's rounding of fractions."""
    return Context(prec=100, rounding=ROUND_HALF_EVEN).scaleb(Decimal(round(value * 10_000)), -4)


@given(AMOUNTS.filter(bool), AMOUNTS, TARGETS)
def test_weight_and_drift_are_rounded_from_what_they_are(
    worth: Decimal, value: Decimal, target: Decimal
) -> None:
    weight = Fraction(value) / Fraction(worth)
    drift = 1 - weight / Fraction(target) if target else None
    found = LineWeights(worth).of(value, target)
    assert found == (rounded(weight), None if drift is None else rounded(drift))
    assert [one.as_tuple().exponent for one in found if one is not None] == [-4] * (2 if target else 1)
