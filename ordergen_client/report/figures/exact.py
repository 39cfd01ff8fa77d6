"""Decimals that are added and multiplied without a digit lost, and shown rounded."""

from collections.abc import Callable
from decimal import Context, Decimal, Inexact
from typing import Final

#: More digits than any sum of a run's numbers has; should one have more, it raises and is not rounded.
_EXACT: Final = Context(prec=1000, traps=[Inexact])
_ROUNDING: Final = Context(prec=60)

ZERO: Final = Decimal(0)
plus: Final[Callable[[Decimal, Decimal], Decimal]] = _EXACT.add
minus: Final[Callable[[Decimal, Decimal], Decimal]] = _EXACT.subtract
times: Final[Callable[[Decimal, Decimal], Decimal]] = _EXACT.multiply


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """A quotient to 60 digits; None where the whole is not above 0."""
    return _ROUNDING.divide(part, whole) if whole > 0 else None


def digits(value: Decimal) -> str:
    """All digits, without an exponent."""
    return format(value, "f")


def money(value: Decimal | None, places: int = 2) -> str:
    """Money with so many decimals; a dash where there is none."""
    return "–" if value is None else f"{value:,.{places}f}".replace("-", "\N{MINUS SIGN}")  # noqa: RUF001 - an en dash


def price(value: Decimal | None) -> str:
    """A price to the cent, or with four decimals where it has more than two; a dash where there is none."""
    return money(value, 2 if value is None or value == round(value, 2) else 4)


def percent(value: Decimal | None, places: int = 2) -> str:
    """A weight as a percentage; a dash where there is none."""
    if value is None:
        return "–"  # noqa: RUF001 - an en dash
    return f"{value:,.{places}%}".replace("-", "\N{MINUS SIGN}").replace("%", "\N{NO-BREAK SPACE}%")
