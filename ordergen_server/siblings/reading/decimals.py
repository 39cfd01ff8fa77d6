"""Exact numbers out of what siblings write: a number is exactly what stands there, or it is a flaw."""

import re
from decimal import Decimal

from ordergen_server.domain.numbers import EXACT
from ordergen_server.siblings.calling.failures import Flaw, shown

MAXIMUM_DECIMALS = 8
#: Of an amount before its point: with the decimals 26, well within the 34 that the database keeps.
MAXIMUM_WHOLE_DIGITS = 18
#: Prices are decimal(18, 8) where they come from.
MAXIMUM_PRICE_DIGITS = 10
LONGEST_NUMBER = 64

# The grammar of JSON numbers, and nothing of what Decimal() takes beside it: 1_0, NaN, Arabic digits, blanks.
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,8})?")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")


def amount(text: str, path: str) -> Decimal | Flaw:
    """Read money or shares: at most 8 decimals (zeros at the end aside), and below 10 ** 18."""
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return Flaw(path, f"must be a number, not {shown(repr(text))}")
    return _within(Decimal(text), MAXIMUM_WHOLE_DIGITS, path)


def price(text: str, path: str) -> Decimal | Flaw:
    """Read a price: above 0, at most 8 decimals (zeros at the end aside), and below 10 ** 10."""
    value = amount(text, path)
    if isinstance(value, Flaw):
        return value
    if value <= 0:
        return Flaw(path, f"must be above 0, not {value}")
    return _within(value, MAXIMUM_PRICE_DIGITS, path)


def _within(value: Decimal, whole_digits: int, path: str) -> Decimal | Flaw:
    if value and value.adjusted() >= whole_digits:
        return Flaw(path, f"must be below 1E+{whole_digits}, not {value}")
    if EXACT.scaleb(value, MAXIMUM_DECIMALS) % 1:
        return Flaw(path, f"must have at most {MAXIMUM_DECIMALS} decimals, not {value}")
    return value
