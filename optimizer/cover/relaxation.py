"""The Lagrangian relaxation of a cover: a bound, and what leaving it costs, at one multiplier.

With any multiplier p / q >= 0 every cover obeys

    q * cost = p * required + sum_i [q cost_i(k_i) - p freed_i(k_i)] + p * surplus

so the sum of the least brackets bounds all covers from below, and a ladder that leaves its least bracket adds
a known `penalty` (Fisher, "The Lagrangian Relaxation Method", Management Science 27, 1981).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import gcd

from optimizer.cover.branch_and_bound import Deviation
from optimizer.cover.ladder import Ladder, Measure
from optimizer.enumeration.enumeration import Clock, Enumeration, never, watched

RATE_BITS = 64
"""Binary places to which cost ratios are told apart where they only propose an order."""


@dataclass(slots=True)
class Relaxation:
    """The Lagrangian relaxation for one multiplier p / q.

    Attributes:
        ladders: of the problem.
        required: cash to free.
        p: cost part of the multiplier.
        q: cash part of the multiplier.
        rungs: rung of least bracket a ladder, of those the one that frees least.
        least: the least bracket a ladder.
        freed: cash freed by its rung.
        surplus: cash freed by `rungs` beyond `required`; negative while short.
        bound: q x the lower bound of every cover.
    """

    ladders: Sequence[Ladder]
    required: int
    p: int
    q: int
    rungs: list[int] = field(init=False)
    least: list[int] = field(init=False)
    freed: list[int] = field(init=False)
    surplus: int = field(init=False)
    bound: int = field(init=False)

    def __post_init__(self) -> None:
        p, q = self.p, self.q
        chosen = [
            min(
                [
                    (q * cost - p * freed, rung, freed)
                    for rung, (freed, cost) in zip(ladder.corners(), ladder.bends(), strict=True)
                ]
            )
            for ladder in self.ladders
        ]
        self.least = [bracket for bracket, _, _ in chosen]
        self.rungs = [rung for _, rung, _ in chosen]
        self.freed = [freed for _, _, freed in chosen]
        self.surplus = sum(self.freed) - self.required
        self.bound = self.p * self.required + sum(self.least)

    def deviation(self, index: int, rung: int) -> Deviation:
        """Leaving the rung of least bracket for another."""
        freed, cost = self.ladders[index].option(rung)
        penalty = self.q * cost - self.p * freed - self.least[index]
        return Deviation(penalty, freed - self.freed[index], index, rung)

    def corners(self, index: int) -> list[tuple[int, int, int]]:
        """The corners of a ladder: rung, penalty and gain."""
        p, q, least, base = self.p, self.q, self.least[index], self.freed[index]
        ladder = self.ladders[index]
        return [
            (rung, q * cost - p * freed - least, freed - base)
            for rung, (freed, cost) in zip(ladder.corners(), ladder.bends(), strict=True)
        ]

    def deviations(self, gap: int, most: int, expired: Clock = never) -> Enumeration[Deviation]:
        """Deviations of penalty <= gap in ascending order."""
        places = range(len(self.ladders))
        found = (one for index in places for one in self._deviations_of(index, gap))
        return Enumeration.of(found, most, expired).sorted()

    def _deviations_of(self, index: int, gap: int) -> Iterator[Deviation]:
        before = 0, gap + 1
        for corner, penalty, gain in self.corners(index):
            if penalty <= gap and corner != self.rungs[index]:
                yield Deviation(penalty, gain, index, corner)
            if corner - before[0] > 1:
                yield from self._between(index, before, (corner, penalty), gap)
            before = corner, penalty

    def _between(
        self, index: int, low: tuple[int, int], high: tuple[int, int], gap: int
    ) -> Iterator[Deviation]:
        """Those between two corners, of which the rungs and penalties are given.

        The bracket is linear there, so it is walked from an end within the gap until it exceeds the gap.
        """
        inner = range(low[0] + 1, high[0])
        for (_, penalty), walk in ((low, inner), (high, reversed(inner))):
            if penalty <= gap:
                for rung in walk:
                    deviation = self.deviation(index, rung)
                    if deviation.penalty > gap:
                        break
                    yield deviation
                else:
                    return


def break_multiplier(ladders: Sequence[Ladder], required: int) -> tuple[int, int]:
    """The cost and cash of the increment at which a greedy fill by cost ratio reaches `required`."""
    increments = sorted(_increments(ladders), key=lambda pair: (pair[0] << RATE_BITS) // pair[1])
    filled = 0
    for cost, freed in increments:
        filled += freed
        if filled >= required:
            return cost, freed
    return increments[-1]


def _increments(ladders: Sequence[Ladder]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for ladder in ladders:
        found += [
            (max(0, after[1] - before[1]), after[0] - before[0]) for before, after in pairwise(ladder.bends())
        ]
    return found


def freed_unit(ladders: Sequence[Ladder]) -> int:
    """A common divisor of all that the ladders can free."""
    return gcd(
        *(
            ladder.option(rung).freed
            for ladder in ladders
            for start in ladder.rungs.starts[:-1]
            for rung in (start, min(start + 1, ladder.rungs.count - 1))
        )
    )


def coarsened(relaxation: Relaxation, cost: Measure) -> Relaxation:
    """The relaxation of the same cover at costs that leave out later aims."""
    ladders = [ladder.at(cost) for ladder in relaxation.ladders]
    return Relaxation(ladders, relaxation.required, *break_multiplier(ladders, relaxation.required))


def relaxed(ladders: Sequence[Ladder], required: int, give_up: Clock = never) -> Relaxation:
    """The relaxation at the break of the greedy fill."""
    short = [ladder.up_to(required) for ladder in watched(ladders, give_up)]
    for ladder in watched(short, give_up):
        ladder.bends()
    return Relaxation(short, required, *break_multiplier(short, required))
