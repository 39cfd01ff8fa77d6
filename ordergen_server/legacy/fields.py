"""Fields of a document of MongoDB as exact values: a number is what is written, or it is a flaw.

The service before writes numbers as Decimal128. What people wrote by hand may be doubles, integers or text: a
double is taken as the shortest literal that gives it, which is what was typed, as 0.015 is.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

from bson import ObjectId

from ordergen_server.domain.numbers import EXACT, ZERO
from ordergen_server.domain.requests.ids import check_entity_id, check_object_id
from ordergen_server.legacy.flaws import Flaws
from ordergen_server.siblings.reading.decimals import (
    MAXIMUM_DECIMALS,
    MAXIMUM_PRICE_DIGITS,
    MAXIMUM_WHOLE_DIGITS,
)

#: As callers of the API may write numbers, and as the database keeps them.
MAXIMUM_DIGITS, MAXIMUM_PLACES = 34, 40
MAXIMUM_INT64 = 2**63 - 1
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_LONGEST_TEXT = 80
_MILLISECOND = 1000
NUMBER_RULE = (
    f"must be a number of at most {MAXIMUM_DIGITS} digits"
    f" and {MAXIMUM_PLACES} places on each side of the point"
)
_EPOCH = datetime.fromtimestamp(0, UTC)


class Fields:
    """The fields of a document, or of one inside it.

    Each is read by what it must be. One that is not gives a flaw, and some value in its place, so that all
    flaws of a document are found; who reads looks at the flaws before using any value.

    Args:
        value: the document; anything else is a flaw.
        path: where it stands; empty for a whole document.
        flaws: what is wrong.
    """

    def __init__(self, value: object, path: str, flaws: Flaws) -> None:
        self._path = path
        self._flaws = flaws
        self._values: Mapping[str, object] = value if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            flaws.add(path, "must be a document", value)

    def path(self, name: str = "") -> str:
        """Where a field stands; without a name where all of this does."""
        return ".".join(filter(None, (self._path, name)))

    def value(self, name: str) -> object:
        """What stands in a field, whatever it is."""
        return self._values.get(name)

    def has(self, name: str) -> bool:
        """Whether there is more than nothing."""
        return self._values.get(name) is not None

    def text(self, name: str) -> str:
        """A text."""
        value = self._values.get(name)
        if isinstance(value, str):
            return value
        self._wrong(name, "must be text")
        return ""

    def object_id(self, name: str) -> str:
        """An id that the service before gave: an ObjectId, or its 24 lower-case hexadecimal characters."""
        value = self._values.get(name)
        text = str(value) if isinstance(value, ObjectId) else self.text(name)
        if isinstance(value, str):
            check_object_id(text, self.path(name), self._flaws)
        return text

    def entity_id(self, name: str) -> str:
        """An id that a sibling gave: 24 alphanumeric characters."""
        value = self.text(name)
        if self.has(name):
            check_entity_id(value, self.path(name), self._flaws)
        return value

    def number(self, name: str, places: int = MAXIMUM_PLACES) -> Decimal:
        """A number, digit for digit, of so many places behind the point at most."""
        number = exact(self._values.get(name), places)
        if number is None:
            self._wrong(name, NUMBER_RULE)
        return ZERO if number is None else number

    def amount(self, name: str) -> Decimal:
        """Money or shares: at most 8 decimals, and below 10 ** 18."""
        return self._within(name, MAXIMUM_WHOLE_DIGITS)

    def price(self, name: str) -> Decimal:
        """A price: above 0, at most 8 decimals, and below 10 ** 10."""
        number = self._within(name, MAXIMUM_PRICE_DIGITS)
        if number <= 0 and self.has(name):
            self._wrong(name, "must be above 0")
        return number

    def whole(self, name: str, *, least: int = 1, most: int = MAXIMUM_INT64) -> int:
        """A whole number, of whatever type."""
        number = exact(self._values.get(name))
        if number is None or number != number.to_integral_value() or not least <= number <= most:
            self._wrong(name, f"must be a whole number from {least} to {most}")
            return least
        return int(number)

    def time(self, name: str) -> datetime | None:
        """A time, UTC where it has no zone, to the millisecond; None where there is none."""
        value = self._values.get(name)
        if value is None:
            return None
        found = _time(value)
        if found is None:
            self._wrong(name, "must be a time of whole milliseconds")
        return found or _EPOCH

    def needed_time(self, name: str) -> datetime:
        """A time that must be there."""
        if not self.has(name):
            self._wrong(name, "must be given")
        return self.time(name) or _EPOCH

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; none where there is no list."""
        values = self._list(name)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self._flaws.add(f"{self.path(name)}[{index}]", "must be text", value)
        return tuple(one for one in values if isinstance(one, str))

    def each(self, name: str) -> list["Fields"]:
        """A list of documents; none where there is no list."""
        path = self.path(name)
        return [Fields(one, f"{path}[{index}]", self._flaws) for index, one in enumerate(self._list(name))]

    def needed_each(self, name: str) -> list["Fields"]:
        """A list of documents that must be there, be it empty."""
        if not self.has(name):
            self._wrong(name, "must be given")
        return self.each(name)

    def flaw(self, name: str, rule: str, value: object = None) -> None:
        """Note that a field breaks a rule."""
        self._flaws.add(self.path(name), rule, value)

    def left_out(self, name: str, rule: str, value: object = None) -> None:
        """Note that a field is not taken."""
        self._flaws.leave_out(self.path(name), rule, value)

    def _list(self, name: str) -> list[object]:
        value = self._values.get(name)
        if isinstance(value, list):
            return cast("list[object]", value)
        if value is not None:
            self._wrong(name, "must be a list")
        return []

    def _within(self, name: str, whole_digits: int) -> Decimal:
        number = self.number(name)
        if number and number.adjusted() >= whole_digits:  # 0E+30 is nothing
            self._wrong(name, f"must be below 1E+{whole_digits}")
        elif EXACT.scaleb(number, MAXIMUM_DECIMALS) % 1:
            self._wrong(name, f"must have at most {MAXIMUM_DECIMALS} decimals")
        return number

    def _wrong(self, name: str, rule: str) -> None:
        value = self._values.get(name)
        self._flaws.add(self.path(name), rule, "nothing" if value is None else value)


def exact(value: object, places: int = MAXIMUM_PLACES) -> Decimal | None:
    """The number that is written, exactly; None of what is none, or has more digits or places than that."""
    match value:
        case bool():
            return None
        case Decimal():
            number = value
        case int():
            number = Decimal(value)
        case float():
            number = Decimal(repr(value))
        case str() if len(value) <= _LONGEST_TEXT and _NUMBER.fullmatch(value):
            number = Decimal(value)
        case _:
            return None
    if not number.is_finite() or not _fits(number, places):
        return None
    return number or number.copy_abs()  # -0 is 0


def _fits(number: Decimal, places: int) -> bool:
    _, digits, exponent = number.as_tuple()
    return len(digits) <= MAXIMUM_DIGITS and -int(exponent) <= places and number.adjusted() < MAXIMUM_PLACES


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(found, datetime) or found.microsecond % _MILLISECOND:
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or before the first year
        return None
