"""The least sum of at least an amount, of one number a position: four lists, met by value.

    minimise   sum_i x_i   subject to   sum_i x_i >= amount,     x_i one of the numbers of position i

All sums of two lists of positions, n numbers each, are n^2, and so are those of the two others; they are met a
stretch of values at a time, so that only stretches are ever in memory (Schroeppel and Shamir, "A T = O(2^(n/2)),
S = O(2^(n/4)) Algorithm for Certain NP-Complete Problems", SIAM J. Computing 10, 1981). A sum that is the amount
itself ends the search: there is none less. All of it is int64 within bounds that are checked first.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from math import gcd, log2, prod
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.enumeration.enumeration import Clock

Integers: TypeAlias = NDArray[np.int64]

PIECE = 1 << 17
"""Sums of two lists that are met at a time, about; twice as many are split."""

MOST_BITS = 53
"""Binary places of the number of all sums, at most: the square root of it is the work."""

MAX_SUM = 1 << 61
"""Sums stay below this, so that int64 holds them and their differences."""

SAMPLE = 128
"""Numbers of a list from which it is guessed how sums of two lists are spread."""


class Least(NamedTuple):
    """What was found.

    Attributes:
        sum: the least known, if any is below what was asked for.
        options: the place of the number that each position takes.
        exhaustive: whether no sum from the amount on is less, or, if none is known, none is below what was asked.
    """

    sum: int | None
    options: list[int]
    exhaustive: bool


NOT_TRIED = Least(None, [], exhaustive=False)


def bits(groups: Sequence[Sequence[int]]) -> float:
    """Binary places of the number of all sums."""
    return sum(log2(len(group)) for group in groups)


def least_sum(groups: Sequence[Sequence[int]], amount: int, below: int, expired: Clock) -> Least:
    """The least sum in [amount, below).

    Args:
        groups: the numbers of each position, none negative.
        amount: what must be reached.
        below: what a sum must stay below to matter.
        expired: whether time is up.
    """
    unit = gcd(*(number for group in groups for number in group)) or 1
    if sum(max(group) for group in groups) // unit >= MAX_SUM or bits(groups) > MOST_BITS:
        return NOT_TRIED
    places = _dealt(groups)
    lists = [_List([groups[place] for place in part], unit) for part in places]
    found = _Meeting(lists, -(-amount // unit), -(-below // unit), expired)
    exhaustive = found.run()
    if found.best is None:
        return Least(None, [], exhaustive)
    options = [0] * len(groups)
    for part, one, value in zip(places, lists, found.values, strict=True):
        for place, option in zip(part, one.options(value), strict=True):
            options[place] = option
    return Least(found.best * unit, options, exhaustive)


def _dealt(groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """The positions of each list: those of most numbers first, each to the list that is shortest so far."""
    parts: list[list[int]] = [[] for _ in range(4)]
    for place in sorted(range(len(groups)), key=lambda place: (-len(groups[place]), place)):
        min(parts, key=lambda part: prod(len(groups[one]) for one in part)).append(place)
    parts.sort(key=lambda part: prod(len(groups[one]) for one in part))
    return [parts[0], parts[3], parts[1], parts[2]]  # so that both sides have about as many sums


class _List:
    """All sums of some positions, in ascending order."""

    def __init__(self, groups: Sequence[Sequence[int]], unit: int) -> None:
        self._shape = tuple(len(group) for group in groups)
        columns = [np.array([number // unit for number in group], dtype=np.int64) for group in groups]
        nothing = np.zeros(1, dtype=np.int64)
        self._sums: Integers = reduce(lambda sums, one: np.add.outer(sums, one).ravel(), columns, nothing)
        self.sums = np.sort(self._sums)

    def options(self, value: int) -> list[int]:
        """The place of the number that each position takes for a sum."""
        place = int(np.flatnonzero(self._sums == value)[0])
        return [int(one) for one in np.unravel_index(place, self._shape)] if self._shape else []


class _Meeting:
    """Sums of the first two lists, met with those of the two others.

    Attributes:
        best: the least sum found.
        values: the part of each list in it.
    """

    def __init__(self, lists: Sequence[_List], amount: int, below: int, expired: Clock) -> None:
        self._one, self._other = (lists[0].sums, lists[1].sums), (lists[2].sums, lists[3].sums)
        self._amount, self._below, self._expired = amount, below, expired
        self.best: int | None = None
        self.values: tuple[int, ...] = ()

    def run(self) -> bool:
        """Look at all stretches; whether none was left out that may hold a lesser sum."""
        stretches = self._stretches()
        while stretches:
            if self._below <= self._amount:
                return True
            if self._expired():
                return False
            low, high = stretches.pop()
            # Of what the other lists add, only the least that is enough for all of [low, high) matters beyond it.
            windows = (
                _windows(*self._one, low, high),
                _windows(*self._other, self._amount - high + 1, self._amount - low),
            )
            most = max(int((ends - starts).sum()) for starts, ends in windows)
            if most > 2 * PIECE and high - low > 1:
                middle = (low + high) // 2
                stretches += [(middle, high), (low, middle)]
            else:
                enough = _least_from(*self._other, self._amount - low)
                self._meet(
                    _sums(*self._one, *windows[0]), np.append(_sums(*self._other, *windows[1]), enough)
                )
        return True

    def _meet(self, one: Integers, other: Integers) -> None:
        one.sort()
        other.sort()
        place = np.searchsorted(other, self._amount - one)
        kept = place < len(other)
        sums = one[kept] + other[place[kept]]
        if not len(sums):
            return
        least = int(np.argmin(sums))
        if sums[least] < self._below:
            self.best = self._below = int(sums[least])
            first, second = int(one[kept][least]), int(other[place[kept]][least])
            self.values = *_parts(*self._one, first), *_parts(*self._other, second)

    def _stretches(self) -> list[tuple[int, int]]:
        """Stretches of about as many sums of the first two lists, those in the middle last."""
        first, second = self._one
        low = max(int(first[0] + second[0]), self._amount - int(self._other[0][-1] + self._other[1][-1]))
        high = min(int(first[-1] + second[-1]), self._below - int(self._other[0][0] + self._other[1][0])) + 1
        if low >= high:
            return []
        sample = np.sort(np.add.outer(_picked(first), _picked(second)).ravel())
        sample = sample[(sample > low) & (sample < high)]
        pieces = max(1, len(first) * len(second) // PIECE)
        inner = sample[np.linspace(0, len(sample) - 1, min(pieces + 1, len(sample))).astype(int)]
        edges = sorted({low, *inner.tolist(), high})
        found = list(zip(edges, edges[1:], strict=False))
        return sorted(found, key=lambda one: -abs(one[0] + one[1] - low - high))


def _picked(numbers: Integers) -> Integers:
    return numbers[np.linspace(0, len(numbers) - 1, min(SAMPLE, len(numbers))).astype(int)]


def _windows(
    first: Integers, second: Integers, low: int, high: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The part of the second list that makes sums of [low, high) with each number of the first."""
    return np.searchsorted(second, low - first), np.searchsorted(second, high - first)


def _sums(first: Integers, second: Integers, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> Integers:
    counts = ends - starts
    places = np.arange(int(counts.sum())) + np.repeat(starts - np.cumsum(counts) + counts, counts)
    found: Integers = np.repeat(first, counts) + second[places]
    return found


def _least_from(first: Integers, second: Integers, value: int) -> Integers:
    """The least sum of two lists from a value on; empty if there is none."""
    place = np.searchsorted(second, value - first)
    kept = place < len(second)
    sums: Integers = first[kept] + second[place[kept]]
    return sums.min(keepdims=True) if len(sums) else sums


def _parts(first: Integers, second: Integers, value: int) -> Iterator[int]:
    """A number of each list that add up to a value."""
    place = np.minimum(np.searchsorted(second, value - first), len(second) - 1)
    one = int(np.flatnonzero(second[place] == value - first)[0])
    yield int(first[one])
    yield int(second[place[one]])
