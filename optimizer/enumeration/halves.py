"""Decides which sets of moves are listed: two halves, without what no set of the other half completes.

Bounds of sums exclude: what a limit leaves whatever the others do, and what the gap of a relaxation leaves
(reduced-cost fixing: Balas and Zemel, Operations Research 28, 1980).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from optimizer.enumeration.enumeration import Clock, Enumeration
from optimizer.enumeration.moves import Aims, Move, Task, Weights
from optimizer.enumeration.states import BEYOND, Bounds, Integers, Scale, States, grown, nothing, undominated

MAX_GROWTH = 16
"""How many times as many sets may be looked at in one step as a half may have."""

MAX_STREAMED = 1 << 25
"""Sets that are looked at piece by piece."""

PASSES = 2
"""Times that moves which no others complete are looked for: each makes more of them impossible."""


class Halves(NamedTuple):
    """Sets of two halves of the positions.

    Attributes:
        one: to which those left are added piece by piece.
        other: as it is.
        rest: the least and the most that all positions but those of the one may add to each row.
        left: positions of neither half, with the least and the most that they add.
    """

    one: States
    other: States
    rest: tuple[Integers, Integers]
    left: list[tuple[int, Integers, Integers]]


class SetSearch:
    """The moves as int64 columns and the bounds of their sums."""

    def __init__(self, moves: Enumeration[Move], task: Task, expired: Clock) -> None:
        self.task, self.expired = task, expired
        self.exhaustive = moves.exhaustive
        self.moves: dict[int, list[Move]] = {}
        for move in moves:
            self.moves.setdefault(move.place, []).append(move)
        self.limits = len(task.spare)
        weights = [one for one in task.relaxations if not one.aim or task.value is not None]
        self.gaps = [
            one.aim * (task.value or 0) + sum(w * s for w, s in zip(one.uses, task.spare, strict=True))
            for one in weights
        ]
        self._numbers = {
            place: [self._rows(move, weights) for move in group] for place, group in self.moves.items()
        }
        self.scales = [
            Scale([[row[index] for row in rows] for rows in self._numbers.values()])
            for index in range(self.limits + len(weights))
        ]
        self.aim_scales = [
            Scale([[move.aims[index] for move in group] for group in self.moves.values()])
            for index in range(3)
        ]
        self.most = [
            scale.down(bound) for scale, bound in zip(self.scales, [*task.spare, *self.gaps], strict=True)
        ]
        self._bound_below(weights)
        self.options = {place: self._columns(place) for place in self.moves}
        for _ in range(0 if expired() else PASSES):
            self._drop_impossible()

    @property
    def is_exact(self) -> bool:
        """Whether no column was rounded."""
        return all(scale.is_exact for scale in (*self.scales, *self.aim_scales))

    def halves(self, size: int) -> "Halves | None":
        """Two halves, positions in the order of the moves, and what is too many for them; None: no time."""
        low, high = self._ends()
        halves = [nothing(len(self.scales)), nothing(len(self.scales))]
        others = [(self._sum(low), self._sum(high)) for _ in halves]
        places = list(self.options)
        for done, place in enumerate(places):
            if self.expired():
                return None
            shorter = int(len(halves[0]) > len(halves[1]))
            rest = others[shorter][0] - low[place], others[shorter][1] - high[place]
            more = self._grown(halves[shorter], place, rest, MAX_GROWTH * size)
            if more is None or len(more) > size:
                # What is left is added to one half piece by piece, so the shorter one is kept whole.
                left = [(one, low[one], high[one]) for one in places[done:]]
                return Halves(halves[1 - shorter], halves[shorter], others[1 - shorter], left)
            halves[shorter], others[shorter] = more, rest
        return Halves(halves[0], halves[1], others[0], [])

    def pieces(self, halves: "Halves", size: int) -> Iterator[States]:
        """The first half with what was too many for it, in pieces; cut where those would be too many."""
        one, _, rest, left = halves
        ways = prod(self.options[place][0].shape[1] for place, _, _ in left)
        if not left:
            yield one
            return
        if len(one) * ways > MAX_STREAMED:
            yield one.cut()
            return
        step = max(1, size // ways)
        for start in range(0, len(one), step):
            piece: States | None = one.part(start, start + step)
            around = rest
            for place, low, high in left:
                around = around[0] - low, around[1] - high
                piece = None if piece is None else self._grown(piece, place, around, MAX_GROWTH * size)
            if piece is None:
                yield one.cut()
                return
            yield piece

    def _grown(self, half: States, place: int, rest: tuple[Integers, Integers], most: int) -> States | None:
        if len(half) * self.options[place][0].shape[1] > most:
            return None
        more = grown(half, place, self.options[place], self._bounds(*rest), most=most, expired=self.expired)
        merges = self.limits == 1 and self.is_exact
        return undominated(more) if more is not None and merges else more

    def _bound_below(self, weights: Sequence[Weights]) -> None:
        """The least use of each limit that the gaps leave, and the most that moves can add within them."""
        spare, rows = self.task.spare, len(self.scales)
        self.least, self._caps = [-BEYOND] * rows, [BEYOND] * rows
        for place, (one, gap) in enumerate(zip(weights, self.gaps, strict=True), start=self.limits):
            lowest = sum(min(0, *(row[place] for row in group)) for group in self._numbers.values())
            for limit, weight in enumerate(one.uses):
                if weight > 0:
                    scale = self.scales[limit]
                    least = spare[limit] - (gap - lowest) // weight
                    self.least[limit] = max(self.least[limit], scale.down(least) - scale.slack)
                if lowest == 0 and gap >= 0:
                    cap = self.scales[limit].down(_most_within(self._numbers.values(), limit, place, gap))
                    self._caps[limit] = min(self._caps[limit], cap)

    def _ends(self) -> tuple[dict[int, Integers], dict[int, Integers]]:
        """The least and the most of each row, position by position."""
        low = {place: rows.min(axis=1) for place, (rows, _) in self.options.items()}
        high = {place: rows.max(axis=1) for place, (rows, _) in self.options.items()}
        return low, high

    def _sum(self, ends: Mapping[int, Integers]) -> Integers:
        return sum(ends.values(), np.zeros(len(self.scales), dtype=np.int64))

    def _bounds(self, low: Integers, high: Integers) -> Bounds:
        """What rows may be, where all other positions add between `low` and `high`."""
        given = [min(int(most), cap) for most, cap in zip(high, self._caps, strict=True)]
        least = [
            -BEYOND if least <= -BEYOND else least - most
            for least, most in zip(self.least, given, strict=True)
        ]
        return Bounds(least, [most - int(least) for most, least in zip(self.most, low, strict=True)])

    def _drop_impossible(self) -> None:
        """Drop moves that no others complete."""
        low, high = self._ends()
        all_low, all_high = self._sum(low), self._sum(high)
        for place, (rows, aims) in list(self.options.items()):
            least, most = self._bounds(all_low - low[place], all_high - high[place])
            columns = np.array(least)[:, None], np.array(most)[:, None]
            possible = np.all((rows >= columns[0]) & (rows <= columns[1]), axis=0)
            possible[0] = True
            self.options[place] = rows[:, possible], aims[:, possible]
            kept = possible[1:].tolist()
            self.moves[place] = [move for move, keep in zip(self.moves[place], kept, strict=True) if keep]

    def judged(self, chosen: dict[int, int]) -> tuple[Aims, tuple[Move, ...]] | None:
        """The aims of a set in exact integers; None if it breaks a limit. Option 0 is the base."""
        picked = tuple(self.moves[place][option - 1] for place, option in chosen.items() if option)
        for index, spare in enumerate(self.task.spare):
            if sum(move.uses[index] for move in picked) > spare:
                return None
        first, second, trades = (sum(move.aims[index] for move in picked) for index in range(3))
        return (first, second, trades), picked

    def _rows(self, move: Move, weights: Sequence[Weights]) -> list[int]:
        penalties = [
            one.aim * move.aims[0] + sum(w * use for w, use in zip(one.uses, move.uses, strict=True))
            for one in weights
        ]
        return [*move.uses, *penalties]

    def _columns(self, place: int) -> tuple[Integers, Integers]:
        """Rows and aims of the base, which are 0, and of each move."""
        rows = [
            scale.column([0, *(numbers[index] for numbers in self._numbers[place])])
            for index, scale in enumerate(self.scales)
        ]
        aims = [
            scale.column([0, *(move.aims[index] for move in self.moves[place])])
            for index, scale in enumerate(self.aim_scales)
        ]
        return np.array(rows), np.array(aims)


def _most_within(groups: Iterable[Sequence[Sequence[int]]], row: int, penalty: int, gap: int) -> int:
    """The most that moves may add to a row within the gap (Dantzig, Operations Research 5, 1957).

    A position adds at most what its greatest move does, and that at the least penalty of those that add.
    """
    ways: list[tuple[int, int]] = []
    for group in groups:
        adding = [one for one in group if one[row] > 0]
        if adding:
            ways.append((min(one[penalty] for one in adding), max(one[row] for one in adding)))
    places = 2 * max((amount for _, amount in ways), default=1).bit_length() + 1  # tells all rates apart
    added = 0
    for cost, amount in sorted(ways, key=lambda way: (way[0] << places) // way[1]):
        if cost > gap:
            return added - (-amount * gap // cost)
        added, gap = added + amount, gap - cost
    return added
