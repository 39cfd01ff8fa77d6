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
from contextlib import suppress
from itertools import accumulate
from typing import NamedTuple

from optimizer.cover.branch_and_bound import Deviation, State, branch_and_bound
from optimizer.cover.core import AimsOf, Covers, best_covers, tied_covers
from optimizer.cover.dense import densest_cover
from optimizer.cover.dense import work as work_of
from optimizer.cover.exact_fill import exact_fill, least_level_cover
from optimizer.cover.ladder import Ladder, Measure
from optimizer.cover.meet_in_the_middle import meet_in_the_middle
from optimizer.cover.relaxation import Relaxation, coarsened, freed_unit, relaxed
from optimizer.enumeration.enumeration import Clock, Enumeration, TimeUpError, never

Proof = Callable[[int, int], bool]
"""Whether a cost and a lower bound of it settle the matter."""

FIRST_DEVIATIONS, MAX_DEVIATIONS = 400, 10_000
"""Deviations listed before a search gives up on completeness: at first, and when nothing else helped."""

FIRST_STEPS, FEW_STEPS = 2_500, 200
"""Search steps before an exact fill is tried: where ties matter, and where they do not."""

QUICK, LONG = 1 << 27, 1 << 30
"""Steps of a table of all amounts that are taken before the core, and after it."""


class Cover(NamedTuple):
    """An answer: one rung a ladder, its cost, and a bound that no answer beats.

    Attributes:
        rungs: rung per ladder.
        cost: of these rungs.
        bound: no cover costs less.
        settled: no other cover is as good in all aims but by the order of positions, which is kept.
    """

    rungs: list[int]
    cost: int
    bound: int
    settled: bool


def least_cost_cover(
    ladders: Sequence[Ladder],
    coarser: Sequence[Measure],
    required: int,
    proves: Proof,
    expired: Clock,
    *,
    aims: AimsOf,
    lift: Callable[[int], int],
    ties: bool = True,
    give_up: Clock = never,
) -> Cover:
    """Cover `required` > 0, which the last rungs together do free.

    The search runs to completion where it can, which decides ties too. Where thousands of covers cost the
    same it would not: then an exact fill by rungs of equal cost ratio is tried, which proves the first aim
    if it meets the bound, then the core of the first aim, then whatever time allows.

    Args:
        ladders: at costs of all aims.
        coarser: costs that leave out later aims, the first aim alone last: only those have rungs of equal
            cost ratio.
        required: what to free.
        proves: whether a cost and a bound end the search.
        expired: whether time is up.
        aims: of a ladder at a rung.
        lift: from a cost of the first aim alone to the least cost of all aims that goes with it.
        ties: whether later aims, and long searches, are worth it; not where many covers are asked for.
        give_up: whether it is too late for any cover.

    Raises:
        TimeUpError: it is time to give up, and there is no cover yet.
    """
    required += -required % freed_unit(ladders)
    relaxation = relaxed(ladders, required, give_up)
    search = Search(relaxation, trimmed(relaxation, first_cover(relaxation)), proves, expired)
    search.run(FIRST_DEVIATIONS, FIRST_STEPS if ties else FEW_STEPS)
    for place, cost in enumerate(coarser):
        if search.is_proven() or expired():
            break
        coarse = coarsened(relaxation, cost)
        filled = exact_fill(coarse, expired, apart=ties)
        if filled is not None:
            search.improve(filled)
        if place == len(coarser) - 1:
            search.raise_bound(lift(-(-coarse.bound // coarse.q)))
            _try_dense(search, aims, QUICK, expired)
            if ties and not search.is_proven() and not expired():
                search.take_level(coarse, lift)
            if not search.is_proven() and not expired():
                search.take(best_covers(coarse, search.rungs, aims, _lifted(search, lift), expired), lift)
    if ties and search.is_open() and not expired():
        _try_dense(search, aims, QUICK, expired)
        coarse = coarsened(relaxation, coarser[-1])
        search.take(tied_covers(coarse, search.rungs, aims, expired), lift)
    for step in (_try_long_table, _try_middle, _try_on):
        if not search.is_proven() and not expired():
            step(search, aims, expired)
    return search.cover()


def _try_long_table(search: "Search", aims: AimsOf, expired: Clock) -> None:
    _try_dense(search, aims, LONG, expired)


def _try_middle(search: "Search", _aims: AimsOf, expired: Clock) -> None:
    with suppress(TimeUpError):
        met = meet_in_the_middle(search.relaxation.ladders, search.relaxation.required, expired)
        if met is not None:
            search.settle(met)


def _try_on(search: "Search", _aims: AimsOf, _expired: Clock) -> None:
    search.run(MAX_DEVIATIONS, None)


def _try_dense(search: "Search", aims: AimsOf, most_work: int, expired: Clock) -> None:
    """Settle the matter by a table of all amounts, where they are few."""
    relaxation = search.relaxation
    work = work_of(relaxation.ladders, relaxation.required)
    if search.is_settled or expired() or work is None or work > most_work:
        return
    rungs = densest_cover(relaxation.ladders, relaxation.required, aims, expired)
    if rungs is not None:
        search.settle(rungs)


def _lifted(search: "Search", lift: Callable[[int], int]) -> Callable[[int], bool]:
    """Whether a cost of the first aim alone is low enough."""
    return lambda cost: search.is_enough(lift(cost))


def total_cost(ladders: Sequence[Ladder], rungs: Sequence[int]) -> int:
    """Cost of one rung a ladder."""
    return sum(ladder.option(rung).cost for ladder, rung in zip(ladders, rungs, strict=True))


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
    """Any good cover: descend ladder by ladder where that adds the least penalty for the cash still short.

    Ladders that alone do not suffice are descended to their ends, those of the least penalty first, until
    one of those left suffices: the one that adds the least in all.
    """
    ladders, rungs, short = relaxation.ladders, list(relaxation.rungs), -relaxation.surplus
    if short <= 0:
        return rungs
    freed = relaxation.freed
    ends = [
        relaxation.deviation(index, ladder.rungs.count - 1)
        for index, ladder in enumerate(ladders)
        if rungs[index] < ladder.rungs.count - 1
    ]
    ends.sort(key=lambda step: (step.penalty, -step.gain))
    most = list(accumulate((step.gain for step in reversed(ends)), max))[::-1]
    place = 0
    while most[place] < short:
        rungs[ends[place].ladder] = ends[place].rung
        short -= ends[place].gain
        place += 1
    enough = [
        relaxation.deviation(step.ladder, ladders[step.ladder].first_freeing(freed[step.ladder] + short))
        for step in ends[place:]
        if step.gain >= short
    ]
    last = min(enough, key=lambda step: (step.penalty + relaxation.p * (step.gain - short), -step.gain))
    rungs[last.ladder] = last.rung
    return rungs


class Search:
    """Depth-first over sets of deviations, in ascending order of penalty.

    Attributes:
        relaxation: what is searched.
        rungs: of the best cover so far.
        is_settled: whether no other cover is as good in all aims but by the order of positions.
    """

    def __init__(self, relaxation: Relaxation, start: list[int], proves: Proof, expired: Clock) -> None:
        self.relaxation = relaxation
        self._proves = proves
        self._expired = expired
        self.rungs = start
        self._value = self._cost(start) * relaxation.q
        self._content = False
        self.is_settled = False
        self._bound = -(-relaxation.bound // relaxation.q)
        self._moves: Enumeration[Deviation] = Enumeration.some(())

    def run(self, most_deviations: int, step_limit: int | None) -> None:
        """Search until exhaustive, out of steps or out of time; a short search needs all deviations."""
        relaxation = self.relaxation
        # A short search goes on to decide ties; a long one is content with a proof.
        self._content = step_limit is None
        self._moves = relaxation.deviations(self._value - relaxation.bound, most_deviations, self._expired)
        if not self._moves.exhaustive and step_limit is not None:
            return
        best = self._consider(relaxation.bound, relaxation.surplus, [])
        if best is None:
            return
        state = State(relaxation.bound, relaxation.surplus, best)
        if branch_and_bound(
            self._moves,
            relaxation.p,
            state,
            self._consider,
            most_steps=step_limit,
            expired=self._expired,
        ):
            self.is_settled = True
            self.raise_bound(self._value // relaxation.q)

    def improve(self, rungs: list[int]) -> None:
        """Take another cover where it is better than the best so far."""
        value = self._cost(rungs) * self.relaxation.q
        if value < self._value or (value == self._value and self._shares(rungs) < self._shares(self.rungs)):
            self.rungs, self._value = rungs, value

    def settle(self, rungs: list[int]) -> None:
        """Take the cover that is known to be the best."""
        cost = self._cost(rungs)
        self.rungs, self._value = rungs, cost * self.relaxation.q
        self.raise_bound(cost)
        self.is_settled = True

    def raise_bound(self, bound: int) -> None:
        """Take another lower bound where it is greater."""
        self._bound = max(self._bound, bound)

    def take(self, found: Covers, lift: Callable[[int], int]) -> None:
        """Take what a core of the first aim found, and what it says of all covers."""
        for rungs in found.covers:
            self.improve(rungs)
        if found.exhaustive:
            self.raise_bound(lift(found.cost))
        self.is_settled = self.is_settled or found.settled

    def take_level(self, coarse: Relaxation, lift: Callable[[int], int]) -> None:
        """Take what is known of covers of least brackets of the first aim."""
        found = least_level_cover(coarse, total_cost(coarse.ladders, self.rungs), self._expired)
        if found is not None:
            self.raise_bound(lift(found.bound))
            if found.rungs is not None:
                self.improve(found.rungs)

    def is_proven(self) -> bool:
        """Whether the best cover and the bound settle the first aim."""
        return self.is_enough(self._value // self.relaxation.q)

    def is_open(self) -> bool:
        """Whether the first aim is settled while ties may be open."""
        return not self.is_settled and self.is_proven()

    def is_enough(self, cost: int) -> bool:
        """Whether the bound would settle the first aim for a cost."""
        return self._proves(cost, min(cost, self._bound))

    def cover(self) -> Cover:
        """The best cover found, and what is proven of it."""
        cost = self._value // self.relaxation.q
        return Cover(self.rungs, cost, min(self._bound, cost), self.is_settled)

    def _consider(self, value: int, surplus: int, chosen: list[int]) -> int | None:
        total = value + self.relaxation.p * surplus
        if surplus >= 0 and total <= self._value:
            rungs = list(self.relaxation.rungs)
            for position in chosen:
                rungs[self._moves.items[position].ladder] = self._moves.items[position].rung
            if total < self._value or self._shares(rungs) < self._shares(self.rungs):
                self.rungs, self._value = rungs, total
                if self._content and self.is_proven():
                    return None
        return self._value

    def _shares(self, rungs: list[int]) -> list[int]:
        """Of equal covers the one of fewest shares is taken, position by position."""
        pairs = zip(self.relaxation.ladders, rungs, strict=True)
        return [ladder.rungs[rung] for ladder, rung in pairs]

    def _cost(self, rungs: list[int]) -> int:
        return total_cost(self.relaxation.ladders, rungs)
