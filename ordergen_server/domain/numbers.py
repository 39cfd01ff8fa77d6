"""Exact arithmetic on Decimals: nothing is rounded unless it says so."""

import math
from collections.abc import Iterable
from decimal import (
    ROUND_CEILING,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction

ZERO = Decimal(0)
#: Room for the product of the longest numbers we accept; an inexact step raises instead of rounding.
EXACT = Context(
    prec=300, rounding=ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow]
)


def product(left: Decimal, right: Decimal) -> Decimal:
    """`left` times `right`, exactly."""
    return EXACT.multiply(left, right)


def total(values: Iterable[Decimal]) -> Decimal:
    """The sum, exactly; 0 of none."""
    result = Decimal(0)
    for value in values:
        result = EXACT.add(result, value)
    return result


def difference(left: Decimal, right: Decimal) -> Decimal:
    """`left` minus `right`, exactly."""
    return EXACT.subtract(left, right)


def floored(value: Fraction, places: int) -> Decimal:
    """`value` rounded down to `places` decimals."""
    return EXACT.scaleb(Decimal(math.floor(value * 10**places)), -places)


def raised(value: Decimal, places: int) -> Decimal:
    """`value` as it is, or rounded up where it has more than so many decimals."""
    steps = EXACT.scaleb(value, places)
    return (
        EXACT.scaleb(steps.to_integral_value(ROUND_CEILING), -places)
        if EXACT.remainder(steps, Decimal(1))
        else value
    )


def exact(value: Fraction) -> Decimal:
    """`value` as the Decimal it is. Raises Inexact where it has no end, as 1/3."""
    return EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def money(value: Decimal) -> str:
    """Money for a sentence: to the cent, and with all its digits where cents would make nothing of it."""
    cents = f"{value:,.2f}"
    return f"{value:f}" if value and not any(digit in cents for digit in "123456789") else cents


def ratio(numerator: Decimal, denominator: Decimal, places: int) -> Decimal:
    """`numerator / denominator`, rounded half to even to `places` decimals.

    In integers, without a Fraction, whose common divisors cost more than all else for a line of a portfolio.
    """
    over, under = numerator.as_integer_ratio()
    times, by = denominator.as_integer_ratio()
    dividend, divisor = over * by * 10**places, under * times
    if divisor < 0:
        dividend, divisor = -dividend, -divisor
    whole, rest = divmod(dividend, divisor)
    if 2 * rest > divisor or (2 * rest == divisor and whole % 2):
        whole += 1
    return EXACT.scaleb(Decimal(whole), -places)
