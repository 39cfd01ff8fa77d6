"""Four lists of numbers, one of each of which add up to the least that is enough: met by value.

All sums of two lists of n numbers are n^2, and so are those of the two others; they are met a stretch of
values at a time, so that only stretches are ever in memory (Schroeppel and Shamir, "A T = O(2^(n/2)),
S = O(2^(n/4)) Algorithm for Certain NP-Complete Problems", SIAM J. Computing 10, 1981). A sum that is the
amount itself ends the search: there is none less. All of it is int64 within bounds that are checked first.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.enumeration.enumeration import Clock

Integers: TypeAlias = NDArray[np.int64]
Places: TypeAlias = NDArray[np.intp]

PIECE = 1 << 17
"""Sums of two lists that are met at a time, about; twice as many are split."""

MAX_WORK = 1 << 27
"""Sums of two lists that are met, at most."""

MAX_SUM = 1 << 61
"""Sums stay below this, so that int64 holds them and their differences."""

SAMPLE = 128
"""Numbers of a list from which it is guessed how sums of two lists are spread."""


def dealt(counts: Sequence[int]) -> list[list[int]]:
    """Which positions make up each list: those of most numbers first, each to the list that is shortest."""
    parts: list[list[int]] = [[] for _ in range(4)]
    for place in sorted(range(len(counts)), key=lambda place: (-counts[place], place)):
        min(parts, key=lambda part: prod(counts[one] for one in part)).append(place)
    parts.sort(key=lambda part: prod(counts[one] for one in part))
    return [parts[0], parts[3], parts[1], parts[2]]  # so that both sides have about as many sums


class Meeting:
    """Sums of the first two lists, met with those of the two others.

    Args:
        lists: four, in ascending order.
        amount: what must be reached.
        below: what a sum must stay below to matter.
        expired: whether time is up.

    Attributes:
        best: the least sum found.
        values: the part of each list in it.
    """

    def __init__(self, lists: Sequence[Integers], amount: int, below: int, expired: Clock) -> None:
        self._one, self._other = (lists[0], lists[1]), (lists[2], lists[3])
        self._amount, self._below, self._expired = amount, below, expired
        self.best: int | None = None
        self.values: tuple[int, ...] = ()

    def work(self) -> int:
        """How many sums of two lists there are to meet."""
        low, high = self._ends()
        one = _windows(*self._one, low, high)
        other = _windows(*self._other, self._amount - high + 1, self._amount - low)
        return max(int((ends - starts).sum()) for starts, ends in (one, other))

    def _ends(self) -> tuple[int, int]:
        """From the least sum of the first two lists that may matter to beyond the greatest."""
        low = max(_least(*self._one), self._amount - _most(*self._other))
        return low, max(low, min(_most(*self._one), self._below - _least(*self._other)) + 1)

    def run(self) -> bool:
        """Look at all stretches; whether none was left out that may hold a lesser sum."""
        stretches = self._stretches()
        while stretches:
            if self._below <= self._amount:
                return True
            if self._expired():
                return False
            low, high = stretches.pop()
            # Beyond what completes a sum of [low, high), only the least that completes all of them matters.
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
        low, high = self._ends()
        if low >= high:
            return []
        sample = np.sort(np.add.outer(_picked(first), _picked(second)).ravel())
        sample = sample[(sample > low) & (sample < high)]
        pieces = max(1, len(first) * len(second) // PIECE)
        inner = sample[np.linspace(0, len(sample) - 1, min(pieces + 1, len(sample))).astype(int)]
        edges = sorted({low, *inner.tolist(), high})
        return sorted(pairwise(edges), key=lambda one: -abs(one[0] + one[1] - low - high))


def _least(first: Integers, second: Integers) -> int:
    return int(first[0] + second[0])


def _most(first: Integers, second: Integers) -> int:
    return int(first[-1] + second[-1])


def _picked(numbers: Integers) -> Integers:
    picked: Integers = numbers[np.linspace(0, len(numbers) - 1, min(SAMPLE, len(numbers))).astype(int)]
    return picked


def _windows(
    first: Integers, second: Integers, low: int, high: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The part of the second list that makes sums of [low, high) with each number of the first."""
    starts, ends = np.searchsorted(second, low - first), np.searchsorted(second, high - first)
    return starts, ends


def _sums(first: Integers, second: Integers, starts: Places, ends: Places) -> Integers:
    counts = ends - starts
    places = np.arange(int(counts.sum())) + np.repeat(starts - np.cumsum(counts) + counts, counts)
    found: Integers = np.repeat(first, counts) + second[places]
    return found


def _least_from(first: Integers, second: Integers, value: int) -> Integers:
    """The least sum of two lists from a value on; empty if there is none."""
    place = np.searchsorted(second, value - first)
    kept = place < len(second)
    sums: Integers = first[kept] + second[place[kept]]
    return np.array([sums.min()], dtype=np.int64) if len(sums) else sums


def _parts(first: Integers, second: Integers, value: int) -> Iterator[int]:
    """A number of each list that add up to a value."""
    place = np.minimum(np.searchsorted(second, value - first), len(second) - 1)
    one = int(np.flatnonzero(second[place] == value - first)[0])
    yield int(first[one])
    yield int(second[place[one]])
