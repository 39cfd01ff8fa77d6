"""Free the missing cash at least cost: an exact minimum-cost cover over ladders of rungs.

    minimise   sum_i cost_i(k_i)
    subject to sum_i freed_i(k_i) >= required,     k_i a rung of ladder i

This is a multiple-choice min-knapsack (Kellerer, Pferschy, Pisinger, "Knapsack Problems", 2004, ch. 11).
With any multiplier p / q >= 0 every answer obeys

    q * cost = p * required + sum_i [q cost_i(k_i) - p freed_i(k_i)] + p * surplus

so the sum of the least brackets bounds all answers from below, and a ladder that leaves its least bracket
adds a known `penalty`. The search walks sets of such deviations in order of penalty and cuts where they
alone cost more than the best answer known. All of it is integer arithmetic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import gcd
from typing import NamedTuple

from optimizer.cover.branch_and_bound import Deviation, State, branch_and_bound
from optimizer.cover.core import best_covers
from optimizer.cover.diophantine import TRIES, Wheel, fill, tries_needed
from optimizer.cover.generalized_birthday import hit
from optimizer.cover.ladder import Ladder
from optimizer.cover.meet_in_the_middle import meet_in_the_middle

Clock = Callable[[], bool]
"""True once the time is up."""

Proof = Callable[[int, int], bool]
"""Whether a cost and a lower bound of it settle the matter."""

FIRST_DEVIATIONS, MAX_DEVIATIONS = 400, 10_000
"""Deviations listed before a search gives up on completeness: at first, and when nothing else helped."""

FIRST_STEPS = 2_500
"""Search steps before an exact fill is tried."""

FEW_TRIES = 1_000
"""Rests up to which two securities are expected to be quicker than lists of sums."""

ENOUGH = 16
"""How many times as many rests as are expected to be needed are tried at first."""

RATE_BITS = 64
"""Binary places to which cost ratios are told apart where they only propose an order."""


class Cover(NamedTuple):
    """An answer: one rung a ladder, its cost, and a bound that no answer beats.

    Attributes:
        rungs: rung per ladder.
        cost: of these rungs.
        bound: no cover costs less.
        complete: every better or equal cover was looked at, so ties are decided too.
    """

    rungs: list[int]
    cost: int
    bound: int
    complete: bool


def never() -> bool:
    """The clock of work without a time limit."""
    return False


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
        chosen = [
            min((self.bracket(index, rung), rung) for rung in ladder.corners())
            for index, ladder in enumerate(self.ladders)
        ]
        self.least = [bracket for bracket, _ in chosen]
        self.rungs = [rung for _, rung in chosen]
        pairs = zip(self.ladders, self.rungs, strict=True)
        self.freed = [ladder.option(rung).freed for ladder, rung in pairs]
        self.surplus = sum(self.freed) - self.required
        self.bound = self.p * self.required + sum(self.least)

    def bracket(self, index: int, rung: int) -> int:
        """Q cost - p freed of one rung."""
        freed, cost = self.ladders[index].option(rung)
        return self.q * cost - self.p * freed

    def deviation(self, index: int, rung: int) -> Deviation:
        """Leaving the rung of least bracket for another."""
        freed, cost = self.ladders[index].option(rung)
        penalty = self.q * cost - self.p * freed - self.least[index]
        return Deviation(penalty, freed - self.freed[index], index, rung)

    def deviations(self, gap: int, most: int, expired: Clock = never) -> tuple[list[Deviation], bool]:
        """Deviations of penalty <= gap in ascending order; whether these are all that there are."""
        found: list[Deviation] = []
        for index, ladder in enumerate(self.ladders):
            if expired() or not self._collect(index, ladder.corners(), gap, most, found):
                return sorted(found), False
        return sorted(found), True

    def _collect(self, index: int, corners: list[int], gap: int, most: int, found: list[Deviation]) -> bool:
        # Between corners the bracket is linear, so it can be walked from either end until it exceeds the gap.
        seen = {self.rungs[index]}
        for low, high in zip([0, *corners], [*corners, corners[-1]], strict=True):
            for walk in (range(low, high + 1), range(high, low - 1, -1)):
                for rung in walk:
                    deviation = self.deviation(index, rung)
                    if deviation.penalty > gap:
                        break
                    if rung not in seen:
                        seen.add(rung)
                        found.append(deviation)
                        if len(found) > most:
                            return False
        return True


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
        options = [ladder.option(rung) for rung in ladder.corners()]
        found += [
            (max(0, after.cost - before.cost), after.freed - before.freed)
            for before, after in pairwise(options)
        ]
    return found


def freed_unit(ladders: Sequence[Ladder]) -> int:
    """A common divisor of all that the ladders can free."""
    return gcd(
        *(
            ladder.option(rung).freed
            for ladder in ladders
            for start in ladder.rungs.starts[:-1]
            for rung in (start, min(start + 1, len(ladder.rungs) - 1))
        )
    )


def least_cost_cover(
    ladders: Sequence[Ladder],
    coarser: Sequence[Callable[[], Sequence[Ladder]]],
    required: int,
    proves: Proof,
    expired: Clock,
    *,
    lift: Callable[[int], int],
    tie_steps: int = FIRST_STEPS,
) -> Cover:
    """Cover `required` > 0, which the last rungs together do free.

    The search runs to completion where it can. Where thousands of covers cost the same it would not: then
    an exact fill by rungs of equal cost ratio is tried, which ends the work if it meets the bound, and then
    the core of the first aim. `tie_steps` are spent on a complete search first, which alone decides ties.

    Args:
        ladders: at costs of all aims.
        coarser: the same at costs that leave out later aims, the first aim alone last: only those have
            rungs of equal cost ratio.
        required: what to free.
        proves: whether a cost and a bound end the search.
        expired: whether time is up.
        lift: from a cost of the first aim alone to the least cost of all aims that goes with it.
        tie_steps: steps of the complete search.
    """
    required += -required % freed_unit(ladders)
    ladders = [ladder.up_to(required) for ladder in ladders]
    relaxation = Relaxation(ladders, required, *break_multiplier(ladders, required))
    search = Search(relaxation, trimmed(relaxation, first_cover(relaxation)), proves, expired)
    search.run(FIRST_DEVIATIONS, tie_steps)
    for number, make in enumerate(coarser):
        if search.is_proven() or expired():
            return search.cover()
        short = [ladder.up_to(required) for ladder in make()]
        coarse = Relaxation(short, required, *break_multiplier(short, required))
        filled = exact_fill(coarse, expired)
        if filled is not None:
            search.improve(filled)
        if number == len(coarser) - 1:
            search.raise_bound(lift(-(-coarse.bound // coarse.q)))
            _try_core(search, coarse, lift, expired)
    if not search.is_proven() and not expired():
        met = meet_in_the_middle(ladders, required, expired)
        if met is not None:
            return Cover(met, total_cost(ladders, met), total_cost(ladders, met), complete=True)
        search.run(MAX_DEVIATIONS, None)
    return search.cover()


def _try_core(search: "Search", relaxation: Relaxation, lift: Callable[[int], int], expired: Clock) -> None:
    """Improve the cover and its bound by the core of the first aim; decides ties where it is complete."""
    if search.is_proven() or expired():
        return
    covers, complete = best_covers(
        relaxation, search.cover().rungs, lambda cost: search.is_enough(lift(cost)), expired
    )
    for rungs in covers:
        search.improve(rungs)
    if complete:
        search.raise_bound(lift(total_cost(relaxation.ladders, covers[0])))


def total_cost(ladders: Sequence[Ladder], rungs: Sequence[int]) -> int:
    """Cost of one rung a ladder."""
    return sum(ladder.option(rung).cost for ladder, rung in zip(ladders, rungs, strict=True))


def _enough(ladder: Ladder, start: int, short: int) -> int:
    """The first rung below `start` that frees `short` more, or the last."""
    return min(ladder.first_freeing(ladder.option(start).freed + short), len(ladder.rungs) - 1)


def trimmed(relaxation: Relaxation, rungs: list[int]) -> list[int]:
    """Climb back, ladder by ladder, as far as the surplus allows and the cost falls."""
    ladders = relaxation.ladders
    options = [ladder.option(rung) for ladder, rung in zip(ladders, rungs, strict=True)]
    surplus = sum(option.freed for option in options) - relaxation.required
    for index, (ladder, option) in enumerate(zip(ladders, options, strict=True)):
        rung = ladder.first_freeing(option.freed - surplus)
        higher = ladder.option(rung)
        if higher.cost < option.cost:
            surplus -= option.freed - higher.freed
            rungs[index] = rung
    return rungs


def first_cover(relaxation: Relaxation) -> list[int]:
    """Any good cover: descend ladder by ladder where that adds the least penalty for the cash still short."""
    rungs, short = list(relaxation.rungs), -relaxation.surplus
    while short > 0:
        steps = [
            relaxation.deviation(index, _enough(ladder, rungs[index], short))
            for index, ladder in enumerate(relaxation.ladders)
            if rungs[index] < len(ladder.rungs) - 1
        ]
        freed = [relaxation.ladders[index].option(rung).freed for index, rung in enumerate(rungs)]

        def gain(step: Deviation, freed: list[int] = freed) -> int:
            return relaxation.ladders[step.ladder].option(step.rung).freed - freed[step.ladder]

        whole = [step for step in steps if gain(step) >= short]
        step = min(
            whole or steps,
            key=lambda step: (step.penalty + relaxation.p * max(0, gain(step) - short), -gain(step)),
        )
        short -= gain(step)
        rungs[step.ladder] = step.rung
    return rungs


def exact_fill(relaxation: Relaxation, expired: Clock) -> list[int] | None:
    """Rungs of least bracket that free `required` exactly, which no cover undercuts; None if not found."""
    wheels = [_wheel(relaxation, index) for index in range(len(relaxation.ladders))]
    tries = tries_needed(wheels)
    turns = None
    if tries <= FEW_TRIES:
        turns = fill(wheels, -relaxation.surplus, expired, most_tries=ENOUGH * (1 + tries))
    if turns is None and not expired():
        turns = hit(wheels, -relaxation.surplus, expired)
    if turns is None and tries <= TRIES and not expired():
        turns = fill(wheels, -relaxation.surplus, expired)
    if turns is None:
        return None
    return [rung + count for rung, count in zip(relaxation.rungs, turns, strict=True)]


def _wheel(relaxation: Relaxation, index: int) -> Wheel:
    """The rungs below the chosen one that have the same, least bracket, as far as they free equal amounts."""
    ladder, rung = relaxation.ladders[index], relaxation.rungs[index]
    if rung == len(ladder.rungs) - 1:
        return Wheel(1, 0)
    step = relaxation.deviation(index, rung + 1).gain
    last = rung
    for corner in ladder.corners():
        if corner > rung:
            penalty, gain, _, _ = relaxation.deviation(index, corner)
            if penalty > 0 or gain != (corner - rung) * step:
                break
            last = corner
    return Wheel(max(step, 1), last - rung if step > 0 else 0)


class Search:
    """Depth-first over sets of deviations, in ascending order of penalty."""

    def __init__(self, relaxation: Relaxation, start: list[int], proves: Proof, expired: Clock) -> None:
        self._relaxation = relaxation
        self._proves = proves
        self._expired = expired
        self._best = start
        self._value = self._cost(start) * relaxation.q
        self._settles = False
        self._complete = False
        self._bound = -(-relaxation.bound // relaxation.q)
        self._moves: list[Deviation] = []

    def run(self, most_deviations: int, step_limit: int | None) -> None:
        """Search until complete, out of steps or out of time; a short search needs a complete list."""
        relaxation = self._relaxation
        # A short search goes on to decide ties; a long one is content with a proof.
        self._settles = step_limit is None
        self._moves, listed = relaxation.deviations(
            self._value - relaxation.bound, most_deviations, self._expired
        )
        if listed or step_limit is None:
            best = self._consider(relaxation.bound, relaxation.surplus, [])
            state = State(relaxation.bound, relaxation.surplus, best)
            walked = branch_and_bound(
                self._moves,
                relaxation.p,
                state,
                self._consider,
                most_steps=step_limit,
                expired=self._expired,
            )
            self._complete = walked and listed and not self._is_settled()

    def improve(self, rungs: list[int]) -> None:
        """Take another cover where it costs less than the best so far."""
        value = self._cost(rungs) * self._relaxation.q
        if value < self._value or (value == self._value and rungs > self._best):
            self._best, self._value = rungs, value

    def raise_bound(self, bound: int) -> None:
        """Take another lower bound where it is greater."""
        self._bound = max(self._bound, bound)

    def is_proven(self) -> bool:
        """Whether the best cover and the bound settle the matter."""
        return self._complete or self.is_enough(self._cost(self._best))

    def is_enough(self, cost: int) -> bool:
        """Whether the bound would settle the matter for a cost."""
        return self._proves(cost, min(cost, self._bound))

    def cover(self) -> Cover:
        """The best cover found, and what is proven of it."""
        cost = self._cost(self._best)
        return Cover(self._best, cost, cost if self._complete else min(self._bound, cost), self._complete)

    def _is_settled(self) -> bool:
        return self._settles and self.is_enough(self._cost(self._best))

    def _consider(self, value: int, surplus: int, chosen: list[int]) -> int:
        total = value + self._relaxation.p * surplus
        if surplus >= 0 and total <= self._value:
            rungs = list(self._relaxation.rungs)
            for position in chosen:
                rungs[self._moves[position].ladder] = self._moves[position].rung
            if total < self._value or rungs > self._best:
                self._best, self._value = rungs, total
                if self._is_settled():
                    return self._relaxation.bound - 1  # leaves nothing to walk
        return self._value

    def _cost(self, rungs: list[int]) -> int:
        return total_cost(self._relaxation.ladders, rungs)
