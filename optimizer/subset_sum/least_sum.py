"""The least sum of at least an amount, of one number a position, decided over all sums that there are.

    minimise   sum_i x_i   subject to   sum_i x_i >= amount,     x_i one of the numbers of position i

Where the numbers of one position follow each other in equal steps, and the others have few sums, each of
those is completed in closed form. Otherwise four lists are met, where they are not too long.
"""

from collections.abc import Sequence
from functools import reduce
from math import gcd, prod
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.enumeration.enumeration import Clock
from optimizer.problem.constraints import length
from optimizer.subset_sum.four_lists import MAX_SUM, MAX_WORK, Meeting, dealt
from optimizer.subset_sum.sums import MAX_SUMS, Sums

Integers: TypeAlias = NDArray[np.int64]

MAX_COMPLETED = 1 << 22
"""Sums that are completed in closed form, at most."""

PIECE = 1 << 17
"""Sums that are completed at a time."""


class Least(NamedTuple):
    """What was found.

    Attributes:
        sum: the least known, if any is below what was asked for.
        options: the place of the number that each position takes.
        exhaustive: whether no sum from the amount on is less; if none is known, none is below what was asked.
    """

    sum: int | None
    options: list[int]
    exhaustive: bool


NOT_TRIED = Least(None, [], exhaustive=False)


class _Completed(NamedTuple):
    """The least sum, which of the sums of the others is in it, and how many steps; None if none was found."""

    best: tuple[int, int, int] | None
    exhaustive: bool


def least_sum(groups: Sequence[Sequence[int]], amount: int, below: int, expired: Clock) -> Least:
    """The least sum in [amount, below).

    Args:
        groups: the numbers of each position, none negative; a range may be of any length.
        amount: what must be reached.
        below: what a sum must stay below to matter.
        expired: whether time is up.
    """
    ends = [(*group[:2], group[-1]) if isinstance(group, range) else tuple(group) for group in groups]
    unit = gcd(*(number for each in ends for number in each)) or 1
    most = sum(map(max, ends))
    if most // unit >= MAX_SUM:
        return NOT_TRIED
    if amount > most:
        return Least(None, [], exhaustive=True)
    first, last = (-(-min(max(one, 0), most + 1) // unit) for one in (amount, below))
    search = _Search(groups, unit, (first, last), expired)
    longest = max(range(len(groups)), key=search.counts.__getitem__)
    if isinstance(groups[longest], range) and search.ways_but(longest) <= MAX_COMPLETED:
        return search.by_range(longest)
    return search.by_lists() if search.counts[longest] <= MAX_SUMS else NOT_TRIED


class _Search:
    """Numbers in units, of which the least sum in [amount, below) is asked."""

    def __init__(
        self, groups: Sequence[Sequence[int]], unit: int, window: tuple[int, int], expired: Clock
    ) -> None:
        self._groups, self._unit, self._window, self._expired = groups, unit, window, expired
        self.counts = [length(group) if isinstance(group, range) else len(group) for group in groups]

    def ways_but(self, longest: int) -> int:
        """How many sums of all positions but one there are."""
        return prod(self.counts) // self.counts[longest]

    def by_range(self, longest: int) -> Least:
        """Every sum of the others, completed by steps of one."""
        steps, unit = self._groups[longest], self._unit
        others = [index for index in range(len(self._groups)) if index != longest]
        columns = [_column(self._groups[index], unit) for index in others]
        rest = reduce(lambda sums, one: np.add.outer(sums, one).ravel(), columns, np.zeros(1, dtype=np.int64))
        step = (steps[1] - steps[0]) // unit if self.counts[longest] > 1 else 1
        scaled = range(steps[0] // unit, steps[-1] // unit + 1, step)
        best, exhaustive = _completed(rest, scaled, self._window, self._expired)
        if best is None:
            return Least(None, [], exhaustive)
        total, place, taken = best
        options = [0] * len(self._groups)
        shape = [self.counts[index] for index in others]
        for index, option in zip(others, np.unravel_index(place, shape) if shape else (), strict=True):
            options[index] = int(option)
        options[longest] = taken
        return Least(total * unit, options, exhaustive)

    def by_lists(self) -> Least:
        """Four lists of sums, met on the amount."""
        parts = dealt(self.counts)
        columns = [_column(group, self._unit) for group in self._groups]
        lists = [_possible(columns, part, self._window) for part in parts]
        known = [one.sums for one in lists if one.sums is not None]
        if not all(map(len, known)):
            return Least(None, [], exhaustive=True)
        meeting = Meeting(known, *self._window, self._expired) if len(known) == len(lists) else None
        if meeting is None or meeting.work() > MAX_WORK:
            return NOT_TRIED
        exhaustive = meeting.run()
        if meeting.best is None:
            return Least(None, [], exhaustive)
        options = [0] * len(self._groups)
        for part, one, value in zip(parts, lists, meeting.values, strict=True):
            for index, option in zip(part, one.options(value), strict=True):
                options[index] = option
        return Least(meeting.best * self._unit, options, exhaustive)


def _possible(columns: Sequence[Integers], part: Sequence[int], window: tuple[int, int]) -> Sums:
    """The sums of some positions that all others can complete to be in [amount, below)."""
    amount, below = window
    others = [column for place, column in enumerate(columns) if place not in part]
    return Sums(
        [columns[place] for place in part],
        amount - sum(int(column.max()) for column in others),
        below - 1 - sum(int(column.min()) for column in others),
    )


def _completed(rest: Integers, steps: range, window: tuple[int, int], expired: Clock) -> _Completed:
    """Each of some sums with as many steps as it needs, to be least in [amount, below)."""
    amount, below = window
    step, last = steps.step, length(steps) - 1
    best: tuple[int, int, int] | None = None
    for start in range(0, len(rest), PIECE):
        if expired():
            return _Completed(best, exhaustive=False)
        piece = rest[start : start + PIECE] + steps.start
        taken = np.clip(-((piece - amount) // step), 0, last)
        total = piece + taken * step
        total[total < amount] = MAX_SUM
        place = int(np.argmin(total))
        if total[place] < below:
            below = int(total[place])
            best = below, start + place, int(taken[place])
    return _Completed(best, exhaustive=True)


def _column(group: Sequence[int], unit: int) -> Integers:
    if isinstance(group, range):
        return np.arange(len(group), dtype=np.int64) * (group.step // unit) + group.start // unit
    return np.array([number // unit for number in group], dtype=np.int64)
