"""Decimals to integers and back, without rounding and without the ambient decimal context."""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from math import lcm

from optimizer.errors import OptimizerError

Ratio = tuple[int, int]
"""A rational number in lowest terms: numerator, positive denominator."""

MAX_DIGITS = 40
"""Digits allowed on either side of the decimal point: far beyond money, short of exhausting memory."""

_EXACT = Context(prec=8 * MAX_DIGITS, traps=[Inexact])


def ratio(value: object, name: str) -> Ratio:
    """The exact ratio of a finite Decimal.

    Raises:
        OptimizerError: not a Decimal, not finite, or of more than `MAX_DIGITS` digits on a side.
    """
    if not isinstance(value, Decimal):
        raise OptimizerError(f"{name} must be a Decimal, not {type(value).__name__}")
    if not value.is_finite():
        raise OptimizerError(f"{name} must be finite, not {value}")
    exponent = value.as_tuple().exponent
    if value.adjusted() >= MAX_DIGITS or (isinstance(exponent, int) and exponent < -MAX_DIGITS):
        raise OptimizerError(f"{name} must have at most {MAX_DIGITS} digits on each side of the point")
    return value.as_integer_ratio()


def common_denominator(ratios: Iterable[Ratio]) -> int:
    """The least common denominator."""
    return lcm(*(denominator for _, denominator in ratios))


def scaled(value: Ratio, denominator: int) -> int:
    """The numerator of `value` over `denominator`, a multiple of its own."""
    return value[0] * (denominator // value[1])


def product(left: Ratio, right: Ratio) -> Ratio:
    """The product, in lowest terms."""
    return Fraction(left[0] * right[0], left[1] * right[1]).as_integer_ratio()


def plus_whole(value: Decimal, whole: int) -> Decimal:
    """The sum, exactly."""
    return _EXACT.add(value, Decimal(whole))


def times_whole(value: Decimal, whole: int) -> Decimal:
    """The product, exactly."""
    return _EXACT.multiply(value, Decimal(whole))
