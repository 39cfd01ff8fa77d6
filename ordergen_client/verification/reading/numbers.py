"""Numbers of an export: decimal digits and nothing else, as exact fractions."""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from math import lcm

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]+")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)s")
#: Prices, weights and round quantities come again with every portfolio.
_KEPT = 65_536


class NoNumberError(ValueError):
    """What should be a number is none."""


@lru_cache(maxsize=_KEPT)
def fraction(text: object) -> Fraction:
    """The number of its digits. Raises NoNumberError."""
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise NoNumberError(f"{text!r} is no decimal number")
    whole, _, places = text.partition(".")
    return Fraction(int(whole + places), 10 ** len(places))


def whole(value: object) -> int:
    """A whole number: of 64 bits it is text in protojson, of 32 a number. Raises NoNumberError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise NoNumberError(f"{value!r} is no whole number")


def seconds(value: object) -> Fraction:
    """A duration of 0 or more. Raises NoNumberError."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise NoNumberError(f"{value!r} is no duration")
    return fraction(found[1])


def given(message: Mapping[str, object], name: str) -> Fraction | None:
    """A google.type.Decimal of a message; None where it is absent. Raises NoNumberError."""
    value = message.get(name)
    if value is None:
        return None
    return fraction(value["value"])  # type: ignore[index] # what it is not is an error of its line


def digits(value: object) -> str:
    """A number as text: all its decimals, or as a fraction where they have no end; anything else as it is."""
    if not isinstance(value, Fraction):
        return str(value)
    places = 0
    rest = value.denominator
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest //= prime
            count += 1
        places = max(places, count)
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    scaled = abs(value.numerator) * lcm(10**places, value.denominator) // value.denominator
    text = f"{scaled:0{places + 1}}"
    sign = "-" if value < 0 else ""
    return f"{sign}{text[:-places]}.{text[-places:]}" if places else f"{sign}{text}"
