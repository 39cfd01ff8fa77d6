"""Decides whether "all" may be said: a listing that knows whether something of its whole was left out.

Every list of deviations, moves and sets goes through `Enumeration`. What is excluded by proof goes by
`where`, and leaves a listing as exhaustive as it was. Whatever else makes it shorter is a cut, and what is
made from a cut listing is cut itself: no proof can be read off it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")

CLOCK_ITEMS = 64
"""Items listed between two looks at the clock."""

Clock = Callable[[], bool]
"""True once the time is up."""


def never() -> bool:
    """The clock of work without a time limit."""
    return False


class TimeUpError(Exception):
    """Time ended within a step that says nothing unless it ends; what was known before still holds."""


def watched(items: Iterable[T], expired: Clock) -> Iterator[T]:
    """The same items.

    Raises:
        TimeUpError: time is up.
    """
    for place, item in enumerate(items):
        if place % CLOCK_ITEMS == CLOCK_ITEMS - 1 and expired():
            raise TimeUpError
        yield item


@dataclass(frozen=True, slots=True)
class Enumeration(Generic[T]):
    """Items of a whole.

    Attributes:
        items: as listed.
        exhaustive: whether these are all of the whole.
    """

    items: tuple[T, ...]
    exhaustive: bool

    @classmethod
    def of(cls, items: Iterable[T], most: int, expired: Clock = never) -> "Enumeration[T]":
        """List at most so many items, for as long as there is time."""
        kept: list[T] = []
        for item in items:
            if len(kept) == most or (len(kept) % CLOCK_ITEMS == CLOCK_ITEMS - 1 and expired()):
                return cls(tuple(kept), exhaustive=False)
            kept.append(item)
        return cls(tuple(kept), exhaustive=True)

    @classmethod
    def some(cls, items: Iterable[T]) -> "Enumeration[T]":
        """Items picked from a whole that nobody listed."""
        return cls(tuple(items), exhaustive=False)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def where(self, possible: Callable[[T], bool]) -> "Enumeration[T]":
        """Without the items that are proven to be no part of a better answer."""
        return Enumeration(tuple(item for item in self.items if possible(item)), self.exhaustive)

    def map(self, made: Callable[[T], U]) -> "Enumeration[U]":
        """One item made from each."""
        return Enumeration(tuple(map(made, self.items)), self.exhaustive)

    def sorted(self, key: Callable[[T], Any] | None = None) -> "Enumeration[T]":
        """The same in ascending order."""
        return Enumeration(tuple(sorted(self.items, key=key)), self.exhaustive)  # type: ignore[type-var,arg-type] # a key, or items in order
