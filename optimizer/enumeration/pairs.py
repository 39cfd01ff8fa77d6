"""Decides which sets of two halves go together, and judges them in exact integers."""

import numpy as np
from numpy.typing import NDArray

from optimizer.enumeration.halves import SetSearch
from optimizer.enumeration.moves import Aims, Move, Outcome
from optimizer.enumeration.states import BEYOND, Integers, States

MAX_PAIRS = 1 << 25
"""Pairs of sets looked at."""

PAIRS = 1 << 19
"""Pairs looked at in one piece."""

MAX_JUDGED = 20_000
"""Sets judged in exact integers."""

CLOCK_SETS = 256
"""Sets judged between two looks at the clock."""

MAX_TIES = 500
"""Sets that are equal in all aims before a tie stays undecided."""


class Pairs:
    """Sets of both halves that go together."""

    def __init__(self, search: SetSearch, other: States, *, ties: bool) -> None:
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
        assert best is not None, "a task has a limit"  # noqa: S101 - for mypy
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
