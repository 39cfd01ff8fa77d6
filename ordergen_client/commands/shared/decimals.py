"""Numbers of options and files, read digit for digit."""

import re
from decimal import Decimal
from typing import Final

import click

_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
#: More than any money, price or weight has; what has more is a slip.
_DIGITS: Final = 60
_DAY: Final = 86_400


def exact(text: str, *, is_weight: bool) -> Decimal | None:
    """The number that a text is, with all its digits; of a weight `5%` is 0.05. None where it is none."""
    text = text.strip()
    percent = is_weight and text.endswith("%")
    digits = text.removesuffix("%").strip() if percent else text
    if len(digits) > _DIGITS or not _NUMBER.fullmatch(digits):
        return None
    number = Decimal(digits)
    if abs(number.adjusted()) > _DIGITS:
        return None
    if not percent:
        return number
    sign, figures, exponent = number.as_tuple()
    return Decimal((sign, figures, int(exponent) - 2))


def seconds(text: str) -> float:
    """A time of an option, of at most a day."""
    number = exact(text, is_weight=False)
    if number is None or not 0 < number <= _DAY:
        raise click.BadParameter(f"{text!r} is no number of seconds: above 0, at most {_DAY}.")
    return float(number)


def weight(text: str) -> Decimal:
    """A weight of an option."""
    return _given(text, exact(text, is_weight=True), "0.05 or 5%")


def money(text: str) -> Decimal:
    """Money of an option."""
    return _given(text, exact(text, is_weight=False), "1000.50")


def shares(text: str) -> int:
    """A number of whole shares of an option, at least 0; commas may part its thousands."""
    number = exact(text.replace(",", ""), is_weight=False)
    if number is None or number < 0 or number != int(number):
        raise click.BadParameter(f"{text!r} is no number of whole shares, such as 1000.")
    return int(number)


def _given(text: str, number: Decimal | None, like: str) -> Decimal:
    if number is None:
        raise click.BadParameter(f"{text!r} is no number, such as {like}.")
    return number
