"""What callers give is checked at once, by the name it has in the call: what cannot be meant never leaves."""

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

from ordergen_client.records.states import Named

#: What is read as an exact number: a Decimal, its digits as text, or a whole number. A float is none.
Number = Decimal | str | int

#: Digits before or behind the point; the service allows 40. More would be written out, and fill the memory.
MAXIMUM_PLACES = 100
_NUMERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)

Member = TypeVar("Member", bound=Named)
Record = TypeVar("Record")


def decimal(value: object, name: str) -> Decimal:
    """A number, digit for digit.

    Raises:
        TypeError: it is neither a Decimal, nor text, nor whole: a float would be rounded before it is seen.
        ValueError: a text that is no number, one that is not finite, or one of more than 100 places.
    """
    match value:
        case Decimal():
            number = value
        case bool():
            raise _wrong(value, name, "a Decimal")
        case int():
            number = Decimal(value)
        case str() if _NUMERAL.fullmatch(value):
            number = Decimal(value)
        case str():
            raise ValueError(f"{name} must be a number, not {value!r}")
        case float():
            raise TypeError(
                f"{name} must be a Decimal, not a float, which is rounded already: write Decimal('{value}')"
            )
        case _:
            raise _wrong(value, name, "a Decimal")
    if (
        not number.is_finite()
        or max(abs(number.adjusted()), abs(int(number.as_tuple().exponent))) > MAXIMUM_PLACES
    ):
        raise ValueError(f"{name} must be finite, with at most {MAXIMUM_PLACES} places, not {value!r}")
    return number


def optional_decimal(value: object, name: str) -> Decimal | None:
    """The same, or None."""
    return None if value is None else decimal(value, name)


def amounts(values: object, name: str) -> dict[str, Decimal]:
    """Numbers by a text, digit for digit; none of None. Raises as `decimal` does."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise _wrong(values, name, "a mapping by id")
    return {
        text(key, f"a key of {name}"): decimal(value, f"{name}[{key!r}]") for key, value in values.items()
    }


def text(value: object, name: str) -> str:
    """A text. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise _wrong(value, name, "a string")
    return value


def texts(values: object, name: str) -> tuple[str, ...]:
    """Several texts. Raises TypeError for anything else, and for one text, which is not its letters."""
    return tuple(
        text(value, f"{name}[{place}]") for place, value in enumerate(_several(values, name, "strings"))
    )


def records(values: object, name: str, kind: type[Record]) -> tuple[Record, ...]:
    """Several records of a kind. Raises TypeError where there is anything else."""
    found = _several(values, name, f"{kind.__name__} records")
    return tuple(record(value, f"{name}[{place}]", kind) for place, value in enumerate(found))


def record(value: object, name: str, kind: type[Record]) -> Record:
    """A record of a kind. Raises TypeError for anything else."""
    if not isinstance(value, kind):
        raise _wrong(value, name, f"a {kind.__name__}")
    return value


def whole(value: object, name: str) -> int:
    """A whole number. Raises TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(value, name, "a whole number")
    return value


def optional_whole(value: object, name: str) -> int | None:
    """The same, or None."""
    return None if value is None else whole(value, name)


def flag(value: object, name: str) -> bool:
    """True or False. Raises TypeError for anything else."""
    if not isinstance(value, bool):
        raise _wrong(value, name, "True or False")
    return value


def seconds(value: object, name: str) -> float:
    """A time. Raises TypeError where it is no number, ValueError where it is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _wrong(value, name, "a number of seconds")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value!r}")
    return float(value)


def optional_seconds(value: object, name: str) -> float | None:
    """The same, or None."""
    return None if value is None else seconds(value, name)


def chosen(value: object, name: str, among: type[Member]) -> Member:
    """One of the named values. Raises TypeError for what is no text, ValueError for what is no such name."""
    if isinstance(value, among):
        return value
    known = among.__members__
    if text(value, name) not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return known[text(value, name)]


def _several(values: object, name: str, what: str) -> Iterable[object]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise _wrong(values, name, f"several {what}")
    return values


def _wrong(value: object, name: str, wanted: str) -> TypeError:
    return TypeError(f"{name} must be {wanted}, not {type(value).__name__} {value!r}")
