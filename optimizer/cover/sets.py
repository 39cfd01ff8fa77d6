"""Decides which set of moves, at most one a position, is best under all limits: met in the middle.

    minimise   sum aims(move)   subject to   sum use_l(move) <= spare_l   for every limit l

All sets are listed in two halves of the positions (Horowitz and Sahni, "Computing Partitions with
Applications to the Knapsack Problem", J. ACM 21, 1974), each without the sets that no set of the other half
can complete: those that use too much whatever the others do, and those whose penalties exceed the gap of a
relaxation. For multipliers w >= 0 and s >= 0, with V the first aim of the best answer known, a set that is no
worse obeys

    s cost + sum_l w_l use_l <= s V,   and   w_l (spare_l - use_l) <= gap - penalty

so it neither frees too little nor too much. The sets of one half are then looked up in the order of what they
use, and what remains is judged in exact integers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.cover.enumeration import Clock, Enumeration
from optimizer.cover.states import (
    BEYOND,
    Bounds,
    Integers,
    Scale,
    States,
    grown,
    nothing,
    undominated,
)

Aims = tuple[int, int, int]
"""First aim, second aim and number of trades, or changes of them."""

MAX_GROWTH = 16
"""How many times as many sets may be looked at in one step as a half may have."""

MAX_STREAMED = 1 << 25
"""Sets that are looked at piece by piece."""

MAX_PAIRS = 1 << 26
"""Pairs of sets looked at."""

PAIRS = 1 << 19
"""Pairs looked at in one piece."""

PASSES = 2
"""Times that moves which no others complete are looked for: each makes more of them impossible."""

MAX_JUDGED = 20_000
"""Sets judged in exact integers."""

CLOCK_SETS = 256
"""Sets judged between two looks at the clock."""

MAX_TIES = 500
"""Sets that are equal in all aims before a tie stays undecided."""


class Move(NamedTuple):
    """Leaving the base of a position: what that changes, in exact numbers.

    Attributes:
        place: the position.
        key: what the caller knows the move by.
        aims: changes of the aims.
        uses: change of use, one a limit.
    """

    place: int
    key: int
    aims: Aims
    uses: tuple[int, ...]


class Weights(NamedTuple):
    """Multipliers of a relaxation: of the first aim, and of the use of each limit; none negative."""

    aim: int
    uses: tuple[int, ...]


class Task(NamedTuple):
    """What is asked.

    Attributes:
        spare: what the base leaves of each limit; negative where it is broken.
        relaxations: multipliers that exclude; any are right, good ones exclude more.
        value: the first aim of the best answer known, against the base; None: none is known.
    """

    spare: tuple[int, ...]
    relaxations: tuple[Weights, ...]
    value: int | None = None


class Outcome(NamedTuple):
    """What was found.

    Attributes:
        sets: of equal aims, no worse than the value known; () if none.
        exhaustive: whether no set of a lesser first aim exists, nor any at all where none was found.
        settled: whether no other set is as good in all aims.
    """

    sets: tuple[tuple[Move, ...], ...]
    exhaustive: bool
    settled: bool


NONE_KNOWN = Outcome((), exhaustive=False, settled=False)
"""Nothing found, and nothing excluded."""


def best_sets(
    moves: Enumeration[Move], task: Task, size: int, expired: Clock, *, ties: bool = True
) -> Outcome:
    """The best sets of moves, by all aims in turn.

    Args:
        moves: listed; what is said to be exhaustive is so only if they are.
        task: what is asked.
        size: sets in a half, at most; beyond that positions stay at their base, and nothing is exhaustive.
        expired: whether time is up.
        ties: whether sets of an equal first aim matter.
    """
    search = _Search(moves, task, expired)
    halves = search.halves(size)
    if halves is None:
        return NONE_KNOWN
    pairs = _Pairs(search, halves.other, ties=ties)
    for one in search.pieces(halves, size):
        pairs.meet(one)
    return pairs.outcome()


class _Halves(NamedTuple):
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


class _Search:
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

    def halves(self, size: int) -> "_Halves | None":
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
                return _Halves(halves[1 - shorter], halves[shorter], others[1 - shorter], left)
            halves[shorter], others[shorter] = more, rest
        return _Halves(halves[0], halves[1], others[0], [])

    def pieces(self, halves: "_Halves", size: int) -> Iterator[States]:
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


class _Pairs:
    """Sets of both halves that go together."""

    def __init__(self, search: _Search, other: States, *, ties: bool) -> None:
        self._search, self._other, self._ties = search, other, ties
        self._value = search.task.value
        self._aims: Aims | None = None
        self._sets: list[tuple[Move, ...]] = []
        self._judged = self._pairs = 0
        self._exhaustive = search.exhaustive and other.exhaustive
        self._settled = other.distinct

    def outcome(self) -> Outcome:
        """What all that met so far came to."""
        settled = self._settled and self._exhaustive
        return Outcome(tuple(self._sets), self._exhaustive, settled)

    def meet(self, one: States) -> None:
        """Look at all pairs with one half, or a piece of it."""
        self._one = one
        self._settled = self._settled and one.distinct
        self._exhaustive = self._exhaustive and one.exhaustive
        order, low, high = self._windows()
        first = self._other.aims[0][order]
        least = np.minimum.accumulate(first)
        rows = np.flatnonzero(high > low)
        floors = one.aims[0][rows] + least[high[rows] - 1]
        by_floor = np.argsort(floors, kind="stable")
        rows, floors = rows[by_floor], floors[by_floor]
        if not len(rows) or floors[0] > self._limit:
            return
        # Where one limit alone decides and nothing is rounded, the cheapest that uses little enough is best.
        decided = self._search.limits == 1 and self._search.is_exact
        place = np.flatnonzero(first[: high[rows[0]]] == least[high[rows[0]] - 1])[0]
        self._judge(int(rows[0]), int(order[place]))
        walked = (self._ties or not decided) and self._walk(rows, floors, order, low, high)
        self._exhaustive = self._exhaustive and (walked or decided)
        self._settled = self._settled and walked

    def _windows(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """An order of the other half, and the part of it that each set of the one half may go with."""
        search, best = self._search, None
        for row in range(search.limits):
            order = np.argsort(self._other.rows[row], kind="stable")
            uses, own = self._other.rows[row][order], self._one.rows[row]
            high = np.searchsorted(uses, search.most[row] - own, side="right")
            low = np.searchsorted(uses, search.least[row] - own, side="left")
            pairs = int(np.maximum(0, high - low).sum())
            if best is None or pairs < best[0]:
                best = pairs, (order, low, high)
        assert best is not None, "a task has a limit"  # noqa: S101
        return best[1]

    def _walk(
        self,
        rows: NDArray[np.intp],
        floors: Integers,
        order: NDArray[np.intp],
        low: NDArray[np.intp],
        high: NDArray[np.intp],
    ) -> bool:
        """Judge all pairs that may be no worse than the best known; whether none was left out."""
        ends = np.cumsum(high[rows] - low[rows])
        start, looked = 0, 0
        while start < len(rows) and floors[start] <= self._limit:
            if self._pairs > MAX_PAIRS or self._search.expired() or self._judged > MAX_JUDGED:
                return False
            stop = max(start + 1, int(np.searchsorted(ends, looked + PAIRS, side="right")))
            self._pairs += int(ends[stop - 1]) - looked
            looked = int(ends[stop - 1])
            piece = rows[start:stop]
            if not self._look(piece, order, low[piece], high[piece]):
                return False
            start = stop
        return True

    @property
    def _limit(self) -> int:
        """What the first aim of a set may be, in scaled numbers."""
        return BEYOND if self._value is None else self._search.aim_scales[0].down(self._value)

    def _look(
        self, rows: NDArray[np.intp], order: NDArray[np.intp], low: NDArray[np.intp], high: NDArray[np.intp]
    ) -> bool:
        search, counts = self._search, high - low
        one = np.repeat(rows, counts)
        within = np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
        other = order[np.repeat(low, counts) + within]
        near = np.flatnonzero(self._one.aims[0][one] + self._other.aims[0][other] <= self._limit)
        one, other = one[near], other[near]
        possible = np.ones(len(one), dtype=bool)
        for row, most in enumerate(search.most):
            possible &= self._one.rows[row][one] + self._other.rows[row][other] <= most
        one, other = one[possible], other[possible]
        first, second, trades = (
            mine[one] + theirs[other] for mine, theirs in zip(self._one.aims, self._other.aims, strict=True)
        )
        ranked = np.lexsort((trades, second, first))
        for done, place in enumerate(ranked):
            if done % CLOCK_SETS == CLOCK_SETS - 1 and search.expired():
                return False
            if first[place] > self._limit:
                break
            scaled = int(first[place]), int(second[place]), int(trades[place])
            if search.is_exact and self._is_worse(scaled):
                break
            if self._judged > MAX_JUDGED:
                return False
            self._judge(int(one[place]), int(other[place]))
        return True

    def _is_worse(self, scaled: tuple[int, ...]) -> bool:
        """Whether exact, scaled aims are worse than the best ones, or one more of too many equal ones."""
        if self._aims is None:
            return False
        pairs = zip(self._search.aim_scales, self._aims, strict=True)
        best = tuple(scale.down(aim) for scale, aim in pairs)
        if scaled == best and len(self._sets) >= MAX_TIES:
            self._settled = False
            return True
        return scaled > best

    def _judge(self, one: int, other: int) -> None:
        self._judged += 1
        chosen = self._one.options_of(one) | self._other.options_of(other)
        judged = self._search.judged(chosen)
        if judged is None or (self._value is not None and judged[0][0] > self._value):
            return
        aims, moves = judged
        if self._aims is None or aims < self._aims:
            self._aims, self._sets, self._value = aims, [moves], aims[0]
        elif aims == self._aims and moves not in self._sets:
            if len(self._sets) < MAX_TIES:
                self._sets.append(moves)
            else:
                self._settled = False
