"""The core of a cover: few ladders whose every combination is met in the middle.

Once a good cover is known, the gap between it and the bound of the relaxation leaves only few ladders any
choice: a deviation whose penalty exceeds the gap occurs in no better cover (reduced-cost fixing; Balas and
Zemel, "An Algorithm for Large Zero-One Knapsack Problems", Operations Research 28, 1980). The sets of the
others are listed in two halves, each without the sets whose penalty alone exceeds the gap. For every set of
one half, the cheapest of the other that frees what is still missing is looked up in the order of what they
free, from the least cost there on (Horowitz and Sahni, J. ACM 21, 1974):

    min cost_a + cost_b   subject to   gain_a + gain_b >= missing

Where a half grows too long, the ladders of least penalties alone are combined: that proves nothing, but it
finds better covers, which narrow the gap. Costs and gains are int64, of numbers divided by their greatest
common divisor within bounds that are checked; penalties are rounded down, so no set is lost.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby, islice
from math import gcd
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.cover.branch_and_bound import Deviation
from optimizer.cover.ladder import Ladder

Integers: TypeAlias = NDArray[np.int64]

SIZES = (1 << 9, 1 << 12, 1 << 15, 1 << 18)
"""Sets in a half, at most: from a first look to the last attempt."""

LONG, SHORT = 2, 2
"""Of many moves: ladders taken in full length, and rungs taken of each other ladder."""

MAX_GROWTH = 8
"""How many times as many sets may be looked at in one step as a half may have."""

MAX_MOVES = 10_000
"""Deviations listed."""

MANY_MOVES = 200
"""Deviations from which a better cover is first looked for near the best one."""

FINE = 10**12
"""Prices are decimals: the less of this a price contains, the finer the amounts it reaches."""

MAX_TIES = 100
"""Covers of equal cost before a tie stays undecided."""

MAX_SUM = 1 << 60
"""Costs and gains stay below this, so that int64 holds their sums."""

PENALTY_BITS = 40
"""Binary places of the gap to which penalties are told apart."""


class Relaxed(Protocol):
    """What a core needs of a relaxation."""

    ladders: Sequence[Ladder]
    required: int
    rungs: list[int]
    p: int
    q: int
    surplus: int
    bound: int

    def deviations(self, gap: int, most: int, expired: Callable[[], bool]) -> tuple[list[Deviation], bool]:
        """Deviations of penalty <= gap in ascending order; whether these are all."""

    def deviation(self, index: int, rung: int) -> Deviation:
        """Leaving the rung of least bracket for another."""


class Outcome(NamedTuple):
    """The best covers found, of equal cost; whether these are all of that cost, and none costs less."""

    covers: list[list[int]]
    complete: bool


class Option(NamedTuple):
    """A rung of a ladder against that of the relaxation, in scaled numbers."""

    penalty: int
    gain: int
    cost: int
    rung: int


class Half(NamedTuple):
    """All sets of options of some ladders: penalties, gains and costs, and how each set was made."""

    penalties: Integers
    gains: Integers
    costs: Integers
    steps: list[tuple[int, Integers, Integers]]


def best_covers(
    relaxation: Relaxed, start: list[int], enough: Callable[[int], bool], expired: Callable[[], bool]
) -> Outcome:
    """The covers of least cost; not complete where there are too many sets, or too little time.

    Args:
        relaxation: of the problem.
        start: a cover.
        enough: whether a cost is low enough to stop.
        expired: whether time is up.
    """
    best, value = [start], _cost(relaxation, start)
    moves, listed = relaxation.deviations(_gap(relaxation, value), MAX_MOVES, expired)
    for size in SIZES:
        moves = _useful(relaxation, moves, _gap(relaxation, value))
        if not listed or len(moves) > MANY_MOVES:
            near = _Core(relaxation, best[0], _near(relaxation, best[0]), None, expired)
            best, value = _better(relaxation, best, value, near.best(size).covers)
            far = _Core(relaxation, relaxation.rungs, _far(moves), _gap(relaxation, value), expired)
            best, value = _better(relaxation, best, value, far.best(size).covers)
        if listed:
            moves = _useful(relaxation, moves, _gap(relaxation, value))
            core = _Core(relaxation, relaxation.rungs, moves, _gap(relaxation, value), expired)
            covers, complete = core.best(size)
            best, value = _better(relaxation, best, value, covers)
            if complete:
                return Outcome(best, complete=True)
        if enough(value) or expired():
            break
    return Outcome(best, complete=False)


def _cost(relaxation: Relaxed, rungs: Sequence[int]) -> int:
    return sum(ladder.option(rung).cost for ladder, rung in zip(relaxation.ladders, rungs, strict=True))


def _gap(relaxation: Relaxed, cost: int) -> int:
    return cost * relaxation.q - relaxation.bound


def _better(
    relaxation: Relaxed, best: list[list[int]], value: int, covers: list[list[int]]
) -> tuple[list[list[int]], int]:
    """Covers that cost no more than the best so far, and their cost; else those."""
    cost = _cost(relaxation, covers[0]) if covers else value + 1
    return (covers, cost) if cost <= value else (best, value)


def _useful(relaxation: Relaxed, moves: Sequence[Deviation], gap: int) -> list[Deviation]:
    """Moves within the gap, without those that leave more surplus than others can give back within it."""
    moves = [move for move in moves if move.penalty <= gap]
    most = _most(relaxation, moves, gap)
    return [move for move in moves if move.gain <= most]


def _most(relaxation: Relaxed, moves: Sequence[Deviation], gap: int) -> int:
    """The most that moves may free: what is missing, what the gap pays as surplus, what can be given back.

    A ladder gives back at most what its greatest move does, and that at its least penalty (Dantzig's bound).
    """
    if relaxation.p == 0:  # surplus is free
        return sum(max(0, move.gain) for move in moves)
    giving: dict[int, list[Deviation]] = {}
    for move in moves:
        if move.gain < 0:
            giving.setdefault(move.ladder, []).append(move)
    given, left = 0, gap
    ways = [(min(one.penalty for one in many), -min(one.gain for one in many)) for many in giving.values()]
    places = 2 * max((amount for _, amount in ways), default=1).bit_length() + 1  # tells all rates apart
    for penalty, amount in sorted(ways, key=lambda way: (way[0] << places) // way[1]):
        if penalty > left:
            given += -(-amount * left // penalty)
            break
        given, left = given + amount, left - penalty
    return -relaxation.surplus + gap // relaxation.p + given


def _near(relaxation: Relaxed, rungs: Sequence[int]) -> list[Deviation]:
    """One rung up or down from each of the given, by change of penalty, then the finest amounts first."""
    found: list[Deviation] = []
    for index, (ladder, rung) in enumerate(zip(relaxation.ladders, rungs, strict=True)):
        here = relaxation.deviation(index, rung)
        for other in (rung - 1, rung + 1):
            if 0 <= other < len(ladder.rungs):
                penalty, gain, _, _ = relaxation.deviation(index, other)
                found.append(Deviation(penalty - here.penalty, gain - here.gain, index, other))
    return sorted(found, key=lambda move: (move.penalty, gcd(move.gain, FINE), abs(move.gain), move))


def _far(moves: Sequence[Deviation]) -> list[Deviation]:
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
    return [move for move in moves if move.ladder in long] + few


class _Core:
    """Combinations of moves from given rungs.

    Args:
        relaxation: of the problem.
        rungs: where the moves start.
        moves: in the order in which their ladders are combined.
        gap: the most that penalties may add up to; None: whatever they do.
        expired: whether time is up.
    """

    def __init__(
        self,
        relaxation: Relaxed,
        rungs: Sequence[int],
        moves: Sequence[Deviation],
        gap: int | None,
        expired: Callable[[], bool],
    ) -> None:
        self._expired = expired
        self._rungs = rungs
        base = [ladder.option(rung) for ladder, rung in zip(relaxation.ladders, rungs, strict=True)]
        missing = relaxation.required - sum(option.freed for option in base)
        costs = [
            relaxation.ladders[move.ladder].option(move.rung).cost - base[move.ladder].cost for move in moves
        ]
        cost_unit = gcd(*costs) or 1
        gain_unit = gcd(*(move.gain for move in moves)) or 1
        self._missing = -(-missing // gain_unit)
        most = MAX_SUM if gap is None else -(-_most(relaxation, moves, gap) // gain_unit)
        self._most = min(MAX_SUM, most)  # drops nothing: no sum of gains is as great, or nothing fits
        shift = 0 if gap is None else max(0, gap.bit_length() - PENALTY_BITS)
        self._gap = 0 if gap is None else gap >> shift
        self._ladders: dict[int, list[Option]] = {}
        for move, cost in zip(moves, costs, strict=True):
            penalty = 0 if gap is None else move.penalty >> shift
            option = Option(penalty, move.gain // gain_unit, cost // cost_unit, move.rung)
            self._ladders.setdefault(move.ladder, [Option(0, 0, 0, rungs[move.ladder])]).append(option)

    def best(self, size: int) -> Outcome:
        """The covers of least cost among the sets of at most `size` a half; none if none covers."""
        if not self._fits():
            return Outcome([], complete=False)
        halves, whole = self._halves(size)
        if halves is None:
            return Outcome([], complete=False)
        pairs, all_ties = _pairs(halves, self._missing)
        return Outcome([self._cover(halves, pair) for pair in pairs], whole and all_ties)

    def _fits(self) -> bool:
        largest: list[int] = [
            sum(max(abs(getattr(one, part)) for one in options) for options in self._ladders.values())
            for part in ("gain", "cost")
        ]
        return max(abs(self._missing), *largest) < MAX_SUM

    def _halves(self, size: int) -> tuple[tuple[Half, Half] | None, bool]:
        """Two halves, ladders of least penalty first; whether all ladders are in them. None: out of time."""
        halves = [_nothing(), _nothing()]
        for ladder, options in self._ladders.items():
            if self._expired():
                return None, False
            shorter = int(len(halves[0].gains) > len(halves[1].gains))
            if len(halves[shorter].gains) * len(options) > MAX_GROWTH * size:
                return (halves[0], halves[1]), False
            grown = _grown(halves[shorter], ladder, options, self._gap, self._most)
            if len(grown.gains) > size:
                return (halves[0], halves[1]), False
            halves[shorter] = grown
        return (halves[0], halves[1]), True

    def _cover(self, halves: tuple[Half, Half], pair: tuple[int, int]) -> list[int]:
        rungs = list(self._rungs)
        for half, place in zip(halves, pair, strict=True):
            at = place
            for ladder, parents, options in reversed(half.steps):
                rungs[ladder] = self._ladders[ladder][int(options[at])].rung
                at = int(parents[at])
        return rungs


def _nothing() -> Half:
    zero = np.zeros(1, dtype=np.int64)
    return Half(zero, zero, zero, [])


def _grown(half: Half, ladder: int, options: Sequence[Option], gap: int, most: int) -> Half:
    """Every set with every option, without those whose penalty exceeds the gap or that free too much."""
    table = np.array([option[:3] for option in options], dtype=np.int64)
    penalties = np.add.outer(half.penalties, table[:, 0])
    parents, chosen = np.nonzero((penalties <= gap) & (np.add.outer(half.gains, table[:, 1]) <= most))
    return Half(
        penalties[parents, chosen],
        half.gains[parents] + table[chosen, 1],
        half.costs[parents] + table[chosen, 2],
        [*half.steps, (ladder, parents, chosen)],
    )


def _pairs(halves: tuple[Half, Half], missing: int) -> tuple[list[tuple[int, int]], bool]:
    """Places in both halves of the sets that together cost least and free what is missing; whether all."""
    one, other = halves
    order = np.argsort(other.gains, kind="stable")
    gains, costs = other.gains[order], other.costs[order]
    least_after = np.minimum.accumulate(costs[::-1])[::-1]
    start = np.searchsorted(gains, missing - one.gains)
    within = np.flatnonzero(start < len(gains))
    if not len(within):
        return [], True
    totals = one.costs[within] + least_after[start[within]]
    best = totals.min()
    pairs: list[tuple[int, int]] = []
    for row in within[totals == best]:
        equal = np.flatnonzero(costs[start[row] :] == best - one.costs[row]) + start[row]
        pairs += [(int(row), int(place)) for place in order[equal]]
        if len(pairs) > MAX_TIES:
            return pairs[:1], False
    return pairs, True
