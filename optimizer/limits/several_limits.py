"""Several limits at once: exact covers one after the other, and the general solver where they do not prove.

Every limit alone gives an exact lower bound. Meeting the limits one by one, each by an exact cover that
takes nothing back from those before, gives an answer that often attains it. Otherwise the general solver
proposes, and a Lagrangian bound in integers says how good the best answer is.
"""

from collections.abc import Sequence
from itertools import permutations
from time import monotonic
from typing import NamedTuple

from optimizer.limits.general import propose
from optimizer.limits.lagrange import Lagrangian, Searched, good_multipliers
from optimizer.limits.limits import Limit
from optimizer.limits.single_limit import Answer, objective_of, single_limit
from optimizer.problem.problem import Problem
from optimizer.separable.choices import Choices

GENERAL_PART = 0.93
"""Part of the time left that the general solver may take: the rest is for repair and proof."""

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
    """

    bound: int
    deadline: float
    tolerance: int = 0
    start: list[int] | None = None


def solve_coupled(problem: Problem, found: Choices, limits: Sequence[Limit], task: Task) -> Answer | NoAnswer:
    """Shares that meet all limits, with a proven bound, or that none were found.

    Args:
        problem: the portfolio.
        found: what is allowed position by position; feasible under each limit alone.
        limits: all of them.
        task: where to start and when to end.
    """
    bound, deadline, tolerance, best = task

    def expired() -> bool:
        return monotonic() > deadline

    broken = [limit for limit in limits if not limit.is_met(problem.lines, found.best)]
    kept = [limit for limit in limits if limit not in broken]
    for order in permutations(broken):
        shares = one_by_one(problem, found, [*order, *kept], deadline)
        best = _better(problem, best, shares)
        if best is not None and (objective_of(problem, best) <= bound + tolerance or expired()):
            return Answer(best, bound, settled=False)
    relaxation = Lagrangian(problem, found, limits, good_multipliers(problem, found, limits, expired))
    bound = max(bound, relaxation.bound())
    searched = Searched(best, exhaustive=False, settled=False)
    if not _is_enough(problem, best, bound + tolerance):
        searched = relaxation.search(best, expired)
        best = searched.shares
    if not searched.exhaustive and not _is_enough(problem, best, bound + tolerance):
        proposal = propose(problem, found, limits, part_of(deadline, GENERAL_PART))
        if proposal.shares is not None:
            repaired = repair(problem, found, limits, proposal.shares, deadline)
            best = _better(problem, best, repaired)
        relaxation = Lagrangian(problem, found, limits, proposal.multipliers)
        bound = max(bound, relaxation.bound())
        if not _is_enough(problem, best, bound + tolerance):
            searched = relaxation.search(best, expired)
            best = searched.shares
    if best is None:
        return NoAnswer(bound, searched.exhaustive)
    return Answer(best, objective_of(problem, best) if searched.exhaustive else bound, searched.settled)


def _is_enough(problem: Problem, best: list[int] | None, value: int) -> bool:
    return best is not None and objective_of(problem, best) <= value


def one_by_one(problem: Problem, found: Choices, order: Sequence[Limit], deadline: float) -> list[int] | None:
    """Meet the limits in the given order, never using more of an earlier one; None if that fails."""
    for limit in order:
        least = sum(map(limit.least_use, problem.lines, found.allowed, found.best))
        if least > limit.capacity:
            return None
        shares = found.best
        if not limit.is_met(problem.lines, shares):
            part = part_of(deadline, COVER_PART)
            shares = single_limit(problem, found, limit, part, ties=False).shares
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
