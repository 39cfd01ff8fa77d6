"""Numbers and dates of messages, exactly as they are written."""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from google.type import date_pb2, decimal_pb2

from ordergen_server.domain.requests.violations import Violations

#: google.type.Decimal, within what Decimal128 keeps digit for digit and the optimizer takes.
_DECIMAL_FORM = re.compile(r"[+-]?(\d{1,34}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?", re.ASCII)
MAXIMUM_DIGITS = 34
#: On each side of the point.
MAXIMUM_PLACES = 40
#: Of any text of that form.
_MAXIMUM_LENGTH = 80
_CACHED = 4096
NUMBER_RULE = (
    f"must be a decimal number of at most {MAXIMUM_DIGITS} digits"
    f" and {MAXIMUM_PLACES} places on each side of the point"
)


def decimal_or_none(message: decimal_pb2.Decimal, path: str, violations: Violations) -> Decimal | None:
    """The number, exactly as written; None of an empty one, or of one that is no number (a violation)."""
    text = message.value
    if not text:
        return None
    number = _number(text)
    if number is None:
        violations.add(path, NUMBER_RULE, text)
    return number


# The weights of models are few, and come again in every position.
@lru_cache(maxsize=_CACHED)
def _number(text: str) -> Decimal | None:
    number = Decimal(text) if len(text) <= _MAXIMUM_LENGTH and _DECIMAL_FORM.fullmatch(text) else None
    if number is None or not _fits(number):
        return None
    return number or number.copy_abs()  # -0 is 0


def _fits(number: Decimal) -> bool:
    _, digits, exponent = number.as_tuple()
    places = -int(exponent)
    return len(digits) <= MAXIMUM_DIGITS and places <= MAXIMUM_PLACES and number.adjusted() < MAXIMUM_PLACES


def decimal(message: decimal_pb2.Decimal, path: str, violations: Violations) -> Decimal:
    """The number, or 0 of an empty one."""
    number = decimal_or_none(message, path, violations)
    return Decimal(0) if number is None else number


def plain(value: Decimal) -> str:
    """The digits without an exponent: as `str` has them, three times as fast, but for very small numbers."""
    text = str(value)
    return format(value, "f") if "E" in text else text


def set_decimal(message: decimal_pb2.Decimal, value: Decimal) -> None:
    """Write a number digit for digit, without an exponent."""
    message.value = plain(value)


def set_date(message: date_pb2.Date, value: date) -> None:
    """Write a date."""
    message.year, message.month, message.day = value.year, value.month, value.day
