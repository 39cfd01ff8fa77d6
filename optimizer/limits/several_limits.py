"""Several limits at once: exact covers one after the other, and the general solver where they do not prove.

Every limit alone gives an exact lower bound. Meeting the limits one by one, each by an exact cover that
takes nothing back from those before, gives an answer that often attains it. Otherwise the general solver
proposes, and a Lagrangian bound in integers says how good the best answer is.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import permutations
from time import monotonic
from typing import NamedTuple

from optimizer.enumeration.enumeration import TimeUpError
from optimizer.limits.general import propose
from optimizer.limits.group_limits import GroupSide
from optimizer.limits.lagrange import (
    LARGE,
    SMALL,
    Lagrangian,
    Searched,
    good_multipliers,
    is_refuted,
    refutes,
)
from optimizer.limits.limits import Limit, TradeCountLimit
from optimizer.limits.one_long import all_but_the_longest
from optimizer.limits.single_limit import Answer, objective_of, single_limit
from optimizer.limits.trade_sets import Leaf, TradeSets, best_trade_set, restricted
from optimizer.problem.constraints import Shares, length
from optimizer.problem.problem import Problem
from optimizer.separable.choices import Choices

GENERAL_PART = 0.7
"""Part of the time left that the general solver may take: the rest is for repair and proof."""

BRANCH_PART, LEAF_PART = 0.6, 0.3
"""Part of the time left that sets of trading positions may take, and of that one leaf of their tree."""

STEPS = 2
"""Steps from its best shares that a position which should stay may take."""

FEW = 3
"""Limits that are met one by one in all orders; of more, groups come first, as they leave others the most."""

COVER_PART = 0.2
"""Part of the time left that one of several covers may take."""


def part_of(deadline: float, part: float) -> float:
    """The moment at which a part of the time left has passed."""
    now = monotonic()
    return now + part * (deadline - now)


class NoAnswer(NamedTuple):
    """No orders were found.

    Attributes:
        bound: a lower bound of the objective, in units.
        is_proven: whether there are none.
    """

    bound: int
    is_proven: bool


class Task(NamedTuple):
    """What is known of limits before they are met together, and what is asked.

    Attributes:
        bound: a lower bound of the objective, in units.
        deadline: on the monotonic clock.
        tolerance: how far above its bound an answer may be, in units.
        start: shares that meet all limits, if any are known.
        is_part: of a greater search, which asks for many: no long step is taken.
    """

    bound: int
    deadline: float
    tolerance: int = 0
    start: list[int] | None = None
    is_part: bool = False


def solve_coupled(problem: Problem, found: Choices, limits: Sequence[Limit], task: Task) -> Answer | NoAnswer:
    """Shares that meet all limits, with a proven bound, or that none were found.

    Args:
        problem: the portfolio.
        found: what is allowed position by position; feasible under each limit alone.
        limits: all of them.
        task: where to start and when to end.
    """
    bound, deadline, tolerance, best, _ = task
    broken = [limit for limit in limits if not limit.is_met(problem.lines, found.best)]
    kept = [limit for limit in limits if limit not in broken]
    ways = [(frugal(problem, found, limits), broken)]
    ways += [(found, order) for order in _orders(broken)]
    for choice, order in ways:
        shares = one_by_one(problem, choice, [*order, *kept], deadline)
        best = _better(problem, best, shares)
        if best is not None and (objective_of(problem, best) <= bound + tolerance or monotonic() > deadline):
            return Answer(best, bound, settled=False)
    joint = _Joint(problem, found, limits, task._replace(start=best))
    # Answers of equal rates differ in trades: where those are counted, sets of trades say more.
    counts = any(isinstance(limit, TradeCountLimit) for limit in limits)
    short = (joint.refute, joint.relax, joint.combine, joint.near, joint.look)
    level = () if counts else (joint.fill, joint.settle)
    long = (joint.branch, joint.propose, joint.near, joint.search)
    for step in short if task.is_part else (*short[:2], *level[:1], *short[2:], *level[1:], *long):
        if joint.is_open():
            with suppress(TimeUpError):  # a step that did not end says nothing
                step()
    return joint.answer()


class _Joint:
    """What is known of all limits together; every step adds to it."""

    def __init__(self, problem: Problem, found: Choices, limits: Sequence[Limit], task: Task) -> None:
        self._problem, self._found, self._limits = problem, found, limits
        self._bound, self._deadline, self._tolerance, self._best, _ = task
        self._is_empty = self._is_settled = False
        self._relaxation: Lagrangian | None = None

    def is_open(self) -> bool:
        """Whether more may be found, and there is time for it."""
        return not (self._expired() or self._is_empty or self._is_enough())

    def answer(self) -> Answer | NoAnswer:
        """What came of it."""
        if self._best is None:
            return NoAnswer(self._bound, self._is_empty)
        return Answer(self._best, self._bound, self._is_settled)

    def refute(self) -> None:
        """That there is no answer, where that is plain."""
        if self._best is None:
            self._is_empty = is_refuted(self._problem, self._found, self._limits, self._expired)

    def relax(self) -> None:
        """The bound at multipliers of our own, of capacities that can be used up."""
        lines, allowed, best = self._problem.lines, self._found.allowed, self._found.best
        self._limits = [limit.tightened(lines, allowed, best) for limit in self._limits]
        self._relax(good_multipliers(self._problem, self._found, self._limits, self._expired))

    def fill(self) -> None:
        """What meets the bound, of shares that are equally good under it."""
        if self._relaxation is not None:
            self._best = _better(self._problem, self._best, self._relaxation.level(self._expired))

    def settle(self) -> None:
        """What is best of shares that are equally good under the bound, decided over all of them."""
        if self._relaxation is not None:
            shares, bound = self._relaxation.settle(self._best, self._expired)
            self._best = _better(self._problem, self._best, shares)
            self._raise(bound)

    def combine(self) -> None:
        """All combinations, where all positions but one have few."""
        searched = all_but_the_longest(self._problem, self._found, self._limits, self._expired)
        if searched is not None:
            self._take(searched)

    def near(self) -> None:
        """What is better by a few shares than the best answer so far."""
        if self._best is not None and self._relaxation is not None:
            self._best = self._relaxation.near(self._best, self._expired)

    def look(self) -> None:
        """All sets of deviations, where they are few."""
        self._search(SMALL)

    def search(self) -> None:
        """All sets of deviations."""
        self._search(LARGE)

    def branch(self) -> None:
        """All sets of positions that may trade, where their number is limited."""
        most = next((limit for limit in self._limits if isinstance(limit, TradeCountLimit)), None)
        others = [limit for limit in self._limits if limit is not most]
        if most is None or not others:
            return
        until = part_of(self._deadline, BRANCH_PART)
        branched = best_trade_set(
            TradeSets(self._problem, self._found, others, most.capacity, self._expired),
            partial(self._leaf, others, until),
            partial(objective_of, self._problem),
            self._best,
            lambda: monotonic() > until,
        )
        self._best = branched.shares
        if branched.bound is not None:
            self._raise(branched.bound)
        elif self._best is None:
            self._is_empty = True
        else:
            self._raise(objective_of(self._problem, self._best))

    def propose(self) -> None:
        """What the general solver proposes, repaired, and what its multipliers prove."""
        problem, found, limits = self._problem, self._found, self._limits
        proposal = propose(problem, found, limits, part_of(self._deadline, GENERAL_PART))
        if proposal.shares is not None:
            repaired = repair(problem, found, limits, proposal.shares, self._deadline)
            self._best = _better(problem, self._best, repaired)
        elif self._best is None:
            self._is_empty = refutes(problem, found, limits, proposal.multipliers, self._expired)
        if self.is_open():
            self._relax(proposal.multipliers)

    def _leaf(
        self, others: Sequence[Limit], until: float, holding: frozenset[int], value: int | None
    ) -> Leaf:
        """The best answer where the given positions hold, under all limits but the number of trades."""
        problem, found = self._problem, restricted(self._problem, self._found, holding)
        lines = problem.lines
        for limit in others:
            if sum(map(limit.least_use, lines, found.allowed, found.best)) > limit.capacity:
                return Leaf(None, None)
        broken = [limit for limit in others if not limit.is_met(lines, found.best)]
        if not broken:
            return Leaf(found.best, objective_of(problem, found.best))
        bound = 0
        for limit in broken:
            one = single_limit(problem, found, limit, part_of(until, LEAF_PART), ties=False)
            bound = max(bound, objective_of(problem, one.shares) if one.bound is None else one.bound)
            if all(other.is_met(lines, one.shares) for other in others):
                return Leaf(one.shares, bound)
            if value is not None and bound >= value:
                return Leaf(None, bound)
        joint = solve_coupled(problem, found, others, Task(bound, part_of(until, LEAF_PART), is_part=True))
        if isinstance(joint, Answer):
            return Leaf(joint.shares, joint.bound)
        return Leaf(None, None if joint.is_proven else joint.bound)

    def _relax(self, multipliers: Sequence[float]) -> None:
        self._relaxation = Lagrangian(self._problem, self._found, self._limits, multipliers, self._expired)
        self._raise(self._relaxation.bound())

    def _search(self, sizes: Sequence[int]) -> None:
        if self._relaxation is None:
            return
        self._take(self._relaxation.search(self._best, self._expired, sizes))

    def _take(self, searched: Searched) -> None:
        self._best = searched.shares
        if searched.exhaustive:
            self._is_settled = searched.settled
            if self._best is None:
                self._is_empty = True
            else:
                self._raise(objective_of(self._problem, self._best))

    def _raise(self, bound: int) -> None:
        self._bound = max(self._bound, bound)

    def _is_enough(self) -> bool:
        return (
            self._best is not None
            and objective_of(self._problem, self._best) <= self._bound + self._tolerance
        )

    def _expired(self) -> bool:
        return monotonic() > self._deadline


def frugal(problem: Problem, found: Choices, limits: Sequence[Limit]) -> Choices:
    """Only what uses no more of any limit than the best shares do, or is a step or two from them.

    Who buys, buys less; sales stay, but for the shares that rounding to the target took too many.
    """
    kept: list[Shares] = []
    for line, allowed, best in zip(problem.lines, found.allowed, found.best, strict=True):
        shares = allowed
        for limit in limits:
            shares = limit.within(line, shares, best)
        if sum(map(length, shares)) == 1:
            part = next(part for part in allowed if best in part)
            place = part.index(best)
            shares = (part[max(0, place - STEPS) : place + STEPS + 1],)
        kept.append(shares)
    return found._replace(allowed=kept)


def _orders(broken: Sequence[Limit]) -> Iterator[list[Limit]]:
    """Orders in which broken limits are met one by one."""
    groups = [limit for limit in broken if isinstance(limit, GroupSide)] if len(broken) > FEW else []
    others = [limit for limit in broken if limit not in groups]
    return ([*groups, *order] for order in permutations(others))


def one_by_one(problem: Problem, found: Choices, order: Sequence[Limit], deadline: float) -> list[int] | None:
    """Meet the limits in the given order, never using more of an earlier one; None if that fails."""
    for limit in order:
        if monotonic() > deadline:
            return None
        least = sum(map(limit.least_use, problem.lines, found.allowed, found.best))
        if least > limit.capacity:
            return None
        shares = found.best
        if not limit.is_met(problem.lines, shares):
            part = part_of(deadline, COVER_PART)
            try:
                shares = single_limit(problem, found, limit, part, ties=False, give_up=deadline).shares
            except TimeUpError:
                return None
        kept = [limit.within(*each) for each in zip(problem.lines, found.allowed, shares, strict=True)]
        found = found._replace(best=shares, allowed=kept)
    return found.best


def repair(
    problem: Problem, found: Choices, limits: Sequence[Limit], shares: Sequence[int], deadline: float
) -> list[int] | None:
    """The nearest allowed shares, brought within the limits that rounding broke; None if that fails."""
    nearest = [
        min((min(max(count, part[0]), part[-1]) for part in allowed), key=lambda near: abs(near - count))
        if not any(count in part for part in allowed)
        else count
        for count, allowed in zip(shares, found.allowed, strict=True)
    ]
    return one_by_one(problem, found._replace(best=nearest), limits, deadline)


def _better(problem: Problem, one: list[int] | None, other: list[int] | None) -> list[int] | None:
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda shares: objective_of(problem, shares))
