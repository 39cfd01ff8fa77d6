"""Decides which covers are best where few deviations from a relaxation can matter: the core.

Once a good cover is known, the gap between it and the bound of the relaxation leaves only few ladders any
choice: a deviation whose penalty exceeds the gap occurs in no better cover (reduced-cost fixing; Balas and
Zemel, "An Algorithm for Large Zero-One Knapsack Problems", Operations Research 28, 1980). All sets of the
others are met in the middle, see `sets`. Where there are too many, those near the best cover and those of few
fine steps are combined first: that proves nothing, but it finds better covers, which narrow the gap.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, islice
from math import gcd, log2
from typing import NamedTuple, Protocol

from optimizer.cover.branch_and_bound import Deviation
from optimizer.cover.ladder import Ladder
from optimizer.enumeration.enumeration import Clock, Enumeration
from optimizer.enumeration.moves import Aims, Move, Outcome, Task, Weights
from optimizer.enumeration.sets import best_sets

SIZES = (1 << 9, 1 << 12, 1 << 15, 1 << 18)
"""Sets in a half, at most: from a first look to the last attempt."""

LONG, SHORT = 2, 2
"""Of many moves: ladders taken in full length, and rungs taken of each other ladder."""

MAX_MOVES = 10_000
"""Deviations listed."""

TIED_MOVES, TIED_BITS = 400, 36
"""Deviations, and binary places of the number of their sets, up to which ties are looked at."""

MANY_MOVES = 200
"""Deviations from which a better cover is first looked for near the best one."""

FINE = 10**12
"""Prices are decimals: the less of this a price contains, the finer the amounts it reaches."""

AimsOf = Callable[[Ladder, int], Aims]
"""The aims of a ladder at a rung."""


class Relaxed(Protocol):
    """What a core needs of a relaxation."""

    ladders: Sequence[Ladder]
    required: int
    rungs: list[int]
    p: int
    q: int
    bound: int

    def deviations(self, gap: int, most: int, expired: Clock) -> Enumeration[Deviation]:
        """Deviations of penalty <= gap in ascending order."""

    def deviation(self, index: int, rung: int) -> Deviation:
        """Leaving the rung of least bracket for another."""


class Covers(NamedTuple):
    """The best covers found.

    Attributes:
        covers: of equal aims.
        cost: of each, in the first aim.
        exhaustive: whether none has a lesser first aim.
        settled: whether no other is as good in all aims.
    """

    covers: list[list[int]]
    cost: int
    exhaustive: bool
    settled: bool


def best_covers(
    relaxation: Relaxed, start: list[int], aims: AimsOf, enough: Callable[[int], bool], expired: Clock
) -> Covers:
    """The covers of least cost, and of those the best by all aims.

    Args:
        relaxation: at costs of the first aim.
        start: a cover.
        aims: of a ladder.
        enough: whether a cost is low enough to stop.
        expired: whether time is up.
    """
    best = [start]
    moves = relaxation.deviations(_gap(relaxation, _cost(relaxation, start)), MAX_MOVES, expired)
    for size in SIZES:
        core = _Core(relaxation, aims, best, expired)
        moves = core.useful(moves)
        if not moves.exhaustive or len(moves) > MANY_MOVES:
            core.look(best[0], _near(relaxation, best[0]), size, ties=False)
            core.look(relaxation.rungs, _far(moves), size, ties=False)
            moves = core.useful(moves)
        best = core.best
        if moves.exhaustive:
            outcome = core.look(relaxation.rungs, moves, size)
            best = core.best
            if not outcome.exhaustive:  # too many sets: those around the best cover find a better one
                core.look(best[0], _around(relaxation, best[0], moves), size, ties=False)
                best = core.best
            else:
                return Covers(best, _cost(relaxation, best[0]), exhaustive=True, settled=outcome.settled)
        if enough(_cost(relaxation, best[0])) or expired():
            break
    return Covers(best, _cost(relaxation, best[0]), exhaustive=False, settled=False)


def tied_covers(relaxation: Relaxed, start: list[int], aims: AimsOf, expired: Clock) -> Covers:
    """The best by all aims of the covers that cost as little as the start, where they are not too many."""
    core = _Core(relaxation, aims, [start], expired)
    cost = _cost(relaxation, start)
    moves = relaxation.deviations(_gap(relaxation, cost), TIED_MOVES, expired)
    ways = Counter(move.ladder for move in moves)
    if not moves.exhaustive or sum(log2(count + 1) for count in ways.values()) > TIED_BITS:
        return Covers([start], cost, exhaustive=False, settled=False)
    outcome = core.look(relaxation.rungs, moves, SIZES[-1])
    return Covers(core.best, _cost(relaxation, core.best[0]), outcome.exhaustive, outcome.settled)


def _cost(relaxation: Relaxed, rungs: Sequence[int]) -> int:
    return sum(ladder.option(rung).cost for ladder, rung in zip(relaxation.ladders, rungs, strict=True))


def _gap(relaxation: Relaxed, cost: int) -> int:
    return cost * relaxation.q - relaxation.bound


class _Core:
    """Covers around those known.

    Attributes:
        best: the best covers so far, of equal aims as far as one look saw them.
    """

    def __init__(self, relaxation: Relaxed, aims: AimsOf, best: list[list[int]], expired: Clock) -> None:
        self._relaxation, self._aims, self._expired = relaxation, aims, expired
        self.best = best

    def useful(self, moves: Enumeration[Deviation]) -> Enumeration[Deviation]:
        """Moves within the gap."""
        gap = _gap(self._relaxation, _cost(self._relaxation, self.best[0]))
        return moves.where(lambda move: move.penalty <= gap)

    def look(
        self, rungs: Sequence[int], deviations: Enumeration[Deviation], size: int, *, ties: bool = True
    ) -> Outcome:
        """Combine deviations from some rungs, and take what is no worse than the best."""
        relaxation = self._relaxation
        moves = deviations.map(lambda one: self._move(rungs, one))
        options = [ladder.option(rung) for ladder, rung in zip(relaxation.ladders, rungs, strict=True)]
        value = _cost(relaxation, self.best[0]) - sum(option.cost for option in options)
        spare = sum(option.freed for option in options) - relaxation.required
        task = Task((spare,), (Weights(relaxation.q, (relaxation.p,)),), value)
        outcome = best_sets(moves, task, size, self._expired, ties=ties)
        if outcome.sets:
            self.best = [_moved(rungs, one) for one in outcome.sets]
        return outcome

    def _move(self, rungs: Sequence[int], deviation: Deviation) -> Move:
        index, rung = deviation.ladder, deviation.rung
        ladder, here = self._relaxation.ladders[index], rungs[index]
        first, second, trades = (
            after - before
            for after, before in zip(self._aims(ladder, rung), self._aims(ladder, here), strict=True)
        )
        freed = ladder.option(rung).freed - ladder.option(here).freed
        return Move(index, rung, (first, second, trades), (-freed,))


def _moved(rungs: Sequence[int], moves: Iterable[Move]) -> list[int]:
    changed = list(rungs)
    for move in moves:
        changed[move.place] = move.key
    return changed


def _near(relaxation: Relaxed, rungs: Sequence[int]) -> Enumeration[Deviation]:
    """One rung up or down from each of the given, by change of penalty, then the finest amounts first."""
    found: list[Deviation] = []
    for index, (ladder, rung) in enumerate(zip(relaxation.ladders, rungs, strict=True)):
        here = relaxation.deviation(index, rung)
        for other in (rung - 1, rung + 1):
            if 0 <= other < ladder.rungs.count:
                penalty, gain, _, _ = relaxation.deviation(index, other)
                found.append(Deviation(penalty - here.penalty, gain - here.gain, index, other))
    found.sort(key=lambda move: (move.penalty, gcd(move.gain, FINE), abs(move.gain), move))
    return Enumeration.some(found)


def _around(
    relaxation: Relaxed, rungs: Sequence[int], moves: Enumeration[Deviation]
) -> Enumeration[Deviation]:
    """All that may matter, from the given rungs on: those of the most rungs first."""
    ways = Counter(move.ladder for move in moves)
    others = [
        relaxation.deviation(move.ladder, move.rung)
        for move in (
            *moves,
            *(relaxation.deviation(index, rung) for index, rung in enumerate(relaxation.rungs)),
        )
        if move.rung != rungs[move.ladder]
    ]
    others.sort(key=lambda move: (-ways[move.ladder], move.ladder, move.rung))
    return Enumeration.some(others)


def _far(moves: Enumeration[Deviation]) -> Enumeration[Deviation]:
    """All rungs of the longest ladders, which take up the bulk, and a few of the others, the finest first."""
    lengths = Counter(move.ladder for move in moves)
    long = [ladder for ladder, _ in lengths.most_common(LONG)]
    ways: list[list[Deviation]] = []
    by_ladder = sorted(moves, key=lambda move: (move.ladder, move.penalty, abs(move.gain), move.rung))
    for ladder, group in groupby(by_ladder, key=lambda move: move.ladder):
        if ladder not in long:
            ways.append(list(islice(group, SHORT)))
    ways.sort(key=lambda way: (gcd(way[0].gain, FINE), abs(way[0].gain), way[0]))
    few = [move for way in ways for move in way]
    return Enumeration.some([move for move in moves if move.ladder in long] + few)
