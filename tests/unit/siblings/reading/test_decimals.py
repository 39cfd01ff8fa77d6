"""Numbers are exactly what was written, or a flaw that names field and value."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.siblings.calling.failures import Flaw
from ordergen_server.siblings.reading import decimals
from ordergen_server.siblings.reading.documents import number

Read = Callable[[str, str], Decimal | Flaw]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("-0.5", "-0.5"),
        ("40.33", "40.33"),
        ("40.330", "40.330"),
        ("1E+3", "1E+3"),
        ("0E-20", "0E-20"),
        ("0.12345678", "0.12345678"),
        ("1.500000000000", "1.500000000000"),
        ("999999999999999999.99999999", "999999999999999999.99999999"),
        ("9007199254740993", "9007199254740993"),
    ],
)
def test_amounts_are_what_is_written(text: str, expected: str) -> None:
    """Down to the exponent: 40.330 does not become 40.33."""
    value = decimals.amount(text, "field")
    assert str(Decimal(expected)) == str(value)


NO_NUMBERS = ["NaN", "sNaN", "Infinity", "-Infinity", "true", "null", "[]", "", "1e4000", "1" * 65]
ALMOST_NUMBERS = [" 1", "1 ", "1_0", "\u0661", "0x1", "+1", "01", ".5", "5.", "--1", "1,5"]


@pytest.mark.parametrize("text", [*NO_NUMBERS, *ALMOST_NUMBERS])
def test_what_is_no_number_is_a_flaw(text: str) -> None:
    flaw = decimals.amount(text, "cashBalance")
    assert isinstance(flaw, Flaw)
    assert (flaw.path, flaw.rule[:20]) == ("cashBalance", "must be a number, no")


@pytest.mark.parametrize(
    ("read", "text", "rule"),
    [
        (decimals.amount, "1e400", "must be below 1E+18, not 1E+400"),
        (decimals.amount, "1000000000000000000", "must be below 1E+18, not 1000000000000000000"),
        (decimals.amount, "-1E+18", "must be below 1E+18, not -1E+18"),
        (decimals.amount, "0.123456789", "must have at most 8 decimals, not 0.123456789"),
        (decimals.amount, "1E-400", "must have at most 8 decimals, not 1E-400"),
        (decimals.price, "0", "must be above 0, not 0"),
        (decimals.price, "-0.01", "must be above 0, not -0.01"),
        (decimals.price, "10000000000", "must be below 1E+10, not 10000000000"),
        (decimals.price, "1e999", "must be below 1E+18, not 1E+999"),
        (decimals.price, "abc", "must be a number, not 'abc'"),
    ],
)
def test_what_cannot_be_is_a_flaw_with_its_value(read: Read, text: str, rule: str) -> None:
    assert Flaw("close", rule) == read(text, "close")


def test_a_long_value_is_cut_in_the_message() -> None:
    flaw = decimals.amount("9" * 500, "close")
    assert isinstance(flaw, Flaw)
    assert len(flaw.rule) < 120


@given(st.decimals(min_value=Decimal("1e-8"), max_value=Decimal(9999999999), places=8))
def test_every_price_survives_as_number_and_as_string(value: Decimal) -> None:
    """The property behind it all: JSON to Decimal loses nothing."""
    for sent in (f"{value:f}", f'"{value:f}"', f"{value:E}"):
        assert value == number(msgspec.Raw(sent.encode()), "close", decimals.price)
