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

from optimizer.cover.four_lists import MAX_LIST, MAX_SUM, MAX_WORK, Meeting, dealt
from optimizer.enumeration.enumeration import Clock
from optimizer.problem.constraints import length

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
    counts = [length(group) if isinstance(group, range) else len(group) for group in groups]
    options = [0] * len(groups)
    longest = max(range(len(counts)), key=counts.__getitem__)
    steps = groups[longest]
    if isinstance(steps, range) and prod(counts) // counts[longest] <= MAX_COMPLETED:
        others = [index for index in range(len(groups)) if index != longest]
        scaled = range(steps[0] // unit, steps[-1] // unit + 1, steps.step // unit or 1)
        rest = _sums([groups[index] for index in others], unit)
        completed = _completed(rest, scaled, (first, last), expired)
        if completed.best is None:
            return Least(None, [], completed.exhaustive)
        total, place, taken = completed.best
        _set(options, others, [counts[index] for index in others], place)
        options[longest] = taken
        return Least(total * unit, options, completed.exhaustive)
    places = dealt(counts)
    sizes = [prod(counts[place] for place in part) for part in places]
    if max(sizes) > MAX_LIST or max(sizes[0] * sizes[1], sizes[2] * sizes[3]) > MAX_WORK:
        return NOT_TRIED
    sums = [_sums([groups[place] for place in part], unit) for part in places]
    meeting = Meeting([np.sort(one) for one in sums], first, last, expired)
    exhaustive = meeting.run()
    if meeting.best is None:
        return Least(None, [], exhaustive)
    for part, one, value in zip(places, sums, meeting.values, strict=True):
        shape = [counts[place] for place in part]
        _set(options, part, shape, int(np.flatnonzero(one == value)[0]))
    return Least(meeting.best * unit, options, exhaustive)


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


def _set(options: list[int], places: Sequence[int], shape: Sequence[int], place: int) -> None:
    for position, option in zip(places, np.unravel_index(place, shape) if shape else (), strict=True):
        options[position] = int(option)


def _sums(groups: Sequence[Sequence[int]], unit: int) -> Integers:
    """All sums of some positions, in the order of `unravel_index`."""
    columns = (_column(group, unit) for group in groups)
    return reduce(lambda sums, one: np.add.outer(sums, one).ravel(), columns, np.zeros(1, dtype=np.int64))


def _column(group: Sequence[int], unit: int) -> Integers:
    if isinstance(group, range):
        return np.arange(len(group), dtype=np.int64) * (group.step // unit) + group.start // unit
    return np.array([number // unit for number in group], dtype=np.int64)
