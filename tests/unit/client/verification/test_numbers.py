"""Digits and fractions."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_client.verification.reading.numbers import NoNumberError, digits, fraction, seconds, whole

FINITE = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)


@given(FINITE)
def test_digits_and_back(value: Decimal) -> None:
    text = format(value, "f")
    assert fraction(text) == Fraction(value)
    assert fraction(digits(Fraction(value))) == Fraction(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1, 3), "1/3"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(100), "100"),
        (None, "None"),
        ("a", "a"),
    ],
)
def test_as_text(value: object, text: str) -> None:
    assert digits(value) == text


@pytest.mark.parametrize("text", ["", "1e3", " 1", "1_0", "1.", ".5", "٣", "nan", "0x1", "--1", 1, None])
def test_no_decimal(text: object) -> None:
    with pytest.raises(NoNumberError):
        fraction(text)


@pytest.mark.parametrize("value", [True, 1.5, "1.5", "", None, "\uff11"])
def test_no_whole_number(value: object) -> None:
    with pytest.raises(NoNumberError):
        whole(value)


@pytest.mark.parametrize("value", ["1", "-1s", "s", 5, "1e3s"])
def test_no_duration(value: object) -> None:
    with pytest.raises(NoNumberError):
        seconds(value)


def test_numbers() -> None:
    assert (whole("-12"), whole(7), seconds("0.25s")) == (-12, 7, Fraction(1, 4))
