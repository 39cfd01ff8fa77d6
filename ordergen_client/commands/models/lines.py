"""Positions of models as people write them, whatever the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ordergen_client.commands.shared.decimals import exact

WEIGHTS: Final = "target", "low_drift", "high_drift"
#: What the security may be called.
SECURITY: Final = "security", "security_id", "ticker"


@dataclass(frozen=True, slots=True)
class Line:
    """A position as it is written: a security by id or ticker, and its weights."""

    security: str
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal


def line_of(given: Mapping[str, Any], where: str, mistakes: list[str]) -> Line | None:
    """The position that fields say; where it is none, its mistakes are noted.

    Args:
        given: texts by field.
        where: it stands, for people.
        mistakes: take what is wrong.
    """
    taken = {*SECURITY, *WEIGHTS}
    before = len(mistakes)
    fields = "security, target, low_drift, high_drift"
    mistakes += [f"{where}: {key} is no field of a position: {fields}" for key in given if key not in taken]
    security = next((given[key] for key in SECURITY if given.get(key)), "")
    if not isinstance(security, str) or not security.strip():
        mistakes.append(f"{where}: security is missing: an id or a ticker")
    weights = [_weight(given.get(key), f"{where}: {key}", key == "target", mistakes) for key in WEIGHTS]
    return Line(str(security).strip(), *weights) if len(mistakes) == before else None


def _weight(given: object, where: str, needed: bool, mistakes: list[str]) -> Decimal:
    text = given.strip() if isinstance(given, str) else ""
    if not text:
        if needed or given:
            mistakes.append(f"{where} must be a number, such as 0.05 or 5%")
        return Decimal(0)
    number = exact(text, is_weight=True)
    if number is None:
        mistakes.append(f"{where} must be a number, such as 0.05 or 5%, not {text!r}")
    return number or Decimal(0)
