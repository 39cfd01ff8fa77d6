"""What is the same of every list, whatever the transport."""

from collections.abc import Iterable
from typing import TypeVar

from ordergen_server.siblings.calling.failures import Flaw, shown

Value = TypeVar("Value")


def unique(entries: Iterable[tuple[str, Value | Flaw]]) -> dict[str, Value | Flaw]:
    """Entries by key; a key that is there twice is a flaw: nobody can know which of the two holds."""
    found: dict[str, Value | Flaw] = {}
    for key, entry in entries:
        found[key] = twice(key) if key in found else entry
    return found


def not_blank(value: str, path: str) -> str | Flaw:
    """Text that says something."""
    return value if value.strip() else Flaw(path, f"must not be blank, not {shown(repr(value))}")


def twice(key: str) -> Flaw:
    """The flaw of a list that has a key twice."""
    return Flaw("list", f"must have {shown(repr(key))} once, and has it again")
