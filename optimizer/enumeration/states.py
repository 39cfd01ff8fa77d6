"""Decides which sets of moves may still be part of a better answer, for some positions at a time.

A number of a set (its cost, what it uses of a limit, its penalty in a relaxation) is the sum of those of its
moves, so sets are int64 columns, grown position by position (Bellman, "Dynamic Programming", 1957). Numbers
that int64 would not hold are rounded down: sums of numbers rounded down never exceed the number rounded down,
so nothing that may be possible is excluded, and exact integers judge what is left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.enumeration.enumeration import Clock

Integers: TypeAlias = NDArray[np.int64]

SUM_BITS = 60
"""Sums of columns stay below 2^60, so that int64 holds a sum of two."""

BEYOND = 1 << 61
"""No sum is as great: a bound of this excludes nothing."""

CELLS = 1 << 19
"""Sets looked at in one piece: 4 MiB a column."""

MERGED_FROM = 1_024
"""Sets from which those that others dominate are looked for."""


class Scale:
    """Numbers in units of their greatest common divisor, rounded down to what int64 can add up.

    Attributes:
        is_exact: whether nothing was rounded.
        slack: how far a sum may lie below the number it stands for, in units.
    """

    def __init__(self, numbers: Sequence[Sequence[int]]) -> None:
        self._unit = gcd(*(number for group in numbers for number in group)) or 1
        most = sum(max(map(abs, group), default=0) for group in numbers) // self._unit
        self._shift = max(0, most.bit_length() - SUM_BITS)
        self.is_exact = self._shift == 0
        self.slack = 0 if self.is_exact else len(numbers) + 2

    def down(self, number: int) -> int:
        """The number in units, rounded down; beyond all sums it is no further than `BEYOND`."""
        return max(-BEYOND, min(BEYOND, (number // self._unit) >> self._shift))

    def column(self, numbers: Iterable[int]) -> Integers:
        """The same of several numbers."""
        return np.array([self.down(number) for number in numbers], dtype=np.int64)


class Bounds(NamedTuple):
    """What the rows of all sets of one part must lie between; the rest of the positions is allowed for."""

    least: Sequence[int]
    most: Sequence[int]


class Step(NamedTuple):
    """How sets were made: of which position, from which sets before, by which of its options."""

    place: int
    parents: NDArray[np.int32]
    options: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class States:
    """Sets of moves of some positions.

    Attributes:
        rows: (R, S), what is bounded.
        aims: (3, S): first aim, second aim, trades.
        steps: how each set was made.
        exhaustive: whether every set that may matter is here.
        distinct: whether no two sets of equal rows and aims were merged.
    """

    rows: Integers
    aims: Integers
    steps: tuple[Step, ...]
    exhaustive: bool = True
    distinct: bool = True

    def __len__(self) -> int:
        return int(self.aims.shape[1])

    def cut(self) -> "States":
        """The same, of which no more may be said than that they are some."""
        return replace(self, exhaustive=False)

    def part(self, start: int, stop: int) -> "States":
        """Some of the sets; who looks at all parts looks at all of them."""
        steps = self.steps
        if steps:
            last = steps[-1]
            steps = (*steps[:-1], Step(last.place, last.parents[start:stop], last.options[start:stop]))
        return replace(self, rows=self.rows[:, start:stop], aims=self.aims[:, start:stop], steps=steps)

    def options_of(self, state: int) -> dict[int, int]:
        """The option of each position that makes up a set."""
        chosen: dict[int, int] = {}
        for step in reversed(self.steps):
            chosen[step.place] = int(step.options[state])
            state = int(step.parents[state])
        return chosen


def nothing(rows: int) -> States:
    """The one set of no position."""
    return States(np.zeros((rows, 1), dtype=np.int64), np.zeros((3, 1), dtype=np.int64), ())


def grown(
    states: States,
    place: int,
    options: tuple[Integers, Integers],
    bounds: Bounds,
    *,
    most: int,
    expired: Clock,
) -> States | None:
    """Every set with every option of one more position, within the bounds; None if too many, or too late."""
    rows, aims = options
    width = rows.shape[1]
    piece = max(1, CELLS // width)
    parents: list[NDArray[np.int32]] = []
    chosen: list[NDArray[np.int32]] = []
    count = 0
    for start in range(0, max(1, len(states)), piece):
        possible = np.ones((min(piece, len(states) - start), width), dtype=bool)
        for row, least, greatest in zip(range(len(rows)), bounds.least, bounds.most, strict=True):
            sums = np.add.outer(states.rows[row, start : start + piece], rows[row])
            possible &= sums <= greatest
            if least > -BEYOND:
                possible &= sums >= least
        one, other = np.nonzero(possible)
        count += len(one)
        if count > most or expired():
            return None
        parents.append((one + start).astype(np.int32))
        chosen.append(other.astype(np.int32))
    by, way = np.concatenate(parents), np.concatenate(chosen)
    return replace(
        states,
        rows=states.rows[:, by] + rows[:, way],
        aims=states.aims[:, by] + aims[:, way],
        steps=(*states.steps, Step(place, by, way)),
    )


def undominated(states: States) -> States:
    """Without sets that use more and cost more than another: for one row that alone decides what is possible.

    Of sets of equal use and cost the one of the better later aims is kept.
    """
    if len(states) < MERGED_FROM:
        return states
    use, (first, second, trades) = states.rows[0], states.aims
    order = np.lexsort((trades, second, first, use))
    costs = first[order]
    before = np.minimum.accumulate(costs)
    keep = costs <= before
    same = (np.diff(use[order]) == 0) & (np.diff(costs) == 0)
    keep[1:] &= ~same
    equal = same & (np.diff(second[order]) == 0) & (np.diff(trades[order]) == 0)
    kept = np.sort(order[keep])
    steps = (*states.steps[:-1], _picked(states.steps[-1], kept))
    return States(
        states.rows[:, kept],
        states.aims[:, kept],
        steps,
        states.exhaustive,
        states.distinct and not bool(equal.any()),
    )


def _picked(step: Step, kept: NDArray[np.intp]) -> Step:
    return Step(step.place, step.parents[kept], step.options[kept])
