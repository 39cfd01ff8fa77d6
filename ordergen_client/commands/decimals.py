"""Numbers of options and files, read digit for digit."""

from decimal import Decimal, InvalidOperation

import click


def exact(text: str, *, is_weight: bool) -> Decimal | None:
    """The number that a text is, with all its digits; of a weight `5%` is 0.05. None where it is none."""
    text = text.strip()
    percent = is_weight and text.endswith("%")
    try:
        number = Decimal(text.removesuffix("%").strip() if percent else text)
    except InvalidOperation:
        return None
    if not (percent and number.is_finite()):
        return number if number.is_finite() else None
    sign, digits, exponent = number.as_tuple()
    return Decimal((sign, digits, int(exponent) - 2))


def weight(text: str) -> Decimal:
    """A weight of an option."""
    return _given(text, exact(text, is_weight=True), "0.05 or 5%")


def money(text: str) -> Decimal:
    """Money of an option."""
    return _given(text, exact(text, is_weight=False), "1000.50")


def _given(text: str, number: Decimal | None, like: str) -> Decimal:
    if number is None:
        raise click.BadParameter(f"{text!r} is no number, such as {like}.")
    return number
