"""Numbers as a sentence has them: rounded to the side on which they stay true, without an exponent."""

from decimal import Context, Decimal
from fractions import Fraction

_WIDE = Context(prec=200)
_CENT, _WEIGHT = Fraction(1, 100), Fraction(1, 10_000)

_FINEST = Fraction(1, 10**12)
"""The finest step of an edge that no step tells exactly."""


def weight_up(value: Fraction, most: Fraction | None = None) -> str:
    """A weight in ten-thousandths, rounded up; finer where that would lose it or exceed the most."""
    step = _step(value, _WEIGHT)
    while most is not None and _up(value, step) > most:
        step /= 10
    return f"{_decimal(_up(value, step), step):f}"


def weight_down(value: Fraction) -> str:
    """A weight of 0 or more in ten-thousandths, rounded down; finer where that would lose it."""
    step = _step(value, _WEIGHT)
    return f"{_decimal(_down(value, step), step):f}"


def money_up(value: Fraction, most: Fraction | None = None) -> str:
    """Money in cents, rounded up; finer where that would lose it or exceed the most."""
    step = _step(value, _CENT)
    while most is not None and _up(value, step) > most:
        step /= 10
    return f"{_decimal(_up(value, step), step):,f}"


def money_down(value: Fraction, least: Fraction | None = None) -> str:
    """Money in cents, rounded down; finer where that would lose it or fall below the least."""
    step = _step(value, _CENT)
    while least is not None and _down(value, step) < least:
        step /= 10
    return f"{_decimal(_down(value, step), step):,f}"


def edges(low: Fraction, high: Fraction) -> tuple[str, str]:
    """The edges of a band, both rounded inward, in cents or as fine as keeps them in order."""
    step = min(_step(low, _CENT), _step(high, _CENT))
    while _up(low, step) > _down(high, step) and step > _FINEST:
        step /= 10
    bottom = _up(low, step)
    return tuple(f"{_decimal(each, step):,f}" for each in (bottom, max(bottom, _down(high, step))))  # type: ignore[return-value] # two of two


def plain(value: Decimal) -> str:
    """All digits of a price, and at least its cents."""
    exact = Fraction(value)
    step = _CENT
    while (exact / step).denominator != 1:
        step /= 10
    return f"{_decimal(exact, step):,f}"


def _step(value: Fraction, step: Fraction) -> Fraction:
    """The step, or finer: two digits of a number are told in any case."""
    while 0 < abs(value) < 10 * step:
        step /= 10
    return step


def _up(value: Fraction, step: Fraction) -> Fraction:
    return -(-value // step) * step


def _down(value: Fraction, step: Fraction) -> Fraction:
    return value // step * step


def _decimal(value: Fraction, step: Fraction) -> Decimal:
    """A multiple of a step 10^-k, with k decimals."""
    return _WIDE.multiply(Decimal(int(value / step)), _WIDE.divide(Decimal(1), Decimal(step.denominator)))
