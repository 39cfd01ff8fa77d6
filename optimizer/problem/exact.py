"""Decimals to integers and back, without rounding and without the ambient decimal context."""

from decimal import Context, Decimal, Inexact
from math import gcd

from optimizer.problem.errors import OptimizerError

Ratio = tuple[int, int]
"""A rational number in lowest terms: numerator, positive denominator."""

NOTHING: Ratio = (0, 1)
"""Zero, in lowest terms."""

MAX_DIGITS = 40
"""Digits allowed on either side of the decimal point: far beyond money, short of exhausting memory."""

SMALLEST = 10**MAX_DIGITS
"""The denominator of the smallest step that a number may have."""

_EXACT = Context(prec=8 * MAX_DIGITS, traps=[Inexact])


def ratio(value: object, name: str, security_id: str | None = None) -> Ratio:
    """The exact ratio of a finite Decimal; the name and the security go into the error.

    Raises:
        OptimizerError: not a Decimal, not finite, or of more than `MAX_DIGITS` digits on a side.
    """
    if isinstance(value, Decimal) and value.is_finite():
        size = value.adjusted() if value else 0
        if -MAX_DIGITS <= size < MAX_DIGITS:
            numerator, denominator = value.as_integer_ratio()
            if denominator <= SMALLEST:
                return numerator, denominator
    owner = "" if security_id is None else f"security {security_id}: "
    raise OptimizerError(f"{owner}{name} must {_rule(value)}")


def _rule(value: object) -> str:
    if not isinstance(value, Decimal):
        return f"be a Decimal, not {type(value).__name__}"
    if not value.is_finite():
        return f"be finite, not {value}"
    return f"have at most {MAX_DIGITS} digits on each side of the point"


def scaled(value: Ratio, denominator: int) -> int:
    """The numerator of `value` over `denominator`, a multiple of its own."""
    return value[0] * (denominator // value[1])


def product(left: Ratio, right: Ratio) -> Ratio:
    """The product, in lowest terms."""
    numerator, denominator = left[0] * right[0], left[1] * right[1]
    common = gcd(numerator, denominator)
    return numerator // common, denominator // common


def plus_whole(value: Decimal, whole: int) -> Decimal:
    """The sum, exactly."""
    return _EXACT.add(value, Decimal(whole))


def times_whole(value: Decimal, whole: int) -> Decimal:
    """The product, exactly."""
    return _EXACT.multiply(value, Decimal(whole))
