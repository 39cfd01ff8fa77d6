"""Decides groups that have no security in common each by itself: what one costs is no matter to others.

The costs of such groups add up, and so do their bounds and proofs: of all answers that keep them together the
best takes of each group what is best of it alone, to the last tie.
"""

from collections.abc import Sequence

from optimizer.limits.group_limits import GroupSide
from optimizer.limits.limits import Limit
from optimizer.limits.single_limit import Answer, objective_of, single_limit
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem
from optimizer.separable.choices import Choices


def are_apart(lines: Sequence[Line], limits: Sequence[Limit]) -> bool:
    """Whether limits are of groups, and no position is in two of them."""
    groups = [limit.group for limit in limits if isinstance(limit, GroupSide)]
    return len(groups) == len(limits) and all(sum(map(line.is_in, groups)) <= 1 for line in lines)


def meet_apart(
    problem: Problem, found: Choices, limits: Sequence[Limit], deadlines: Sequence[float], tolerance: int
) -> Answer:
    """The best shares under limits that are apart, each of which they can meet, and a bound of them together.

    Args:
        problem: the portfolio.
        found: what is allowed position by position.
        limits: of groups that have no position in common.
        deadlines: when to stop looking for a proof of each.
        tolerance: how far above the bound the answer may be, in units.
    """
    base = bound = objective_of(problem, found.best)
    shares, settled = list(found.best), True
    for limit, deadline in zip(limits, deadlines, strict=True):
        one = single_limit(problem, found, limit, deadline, tolerance=tolerance // len(limits))
        bound += (base if one.bound is None else one.bound) - base
        settled = settled and one.settled
        for index, (own, count) in enumerate(zip(found.best, one.shares, strict=True)):
            if count != own:
                shares[index] = count
    return Answer(shares, bound, settled)
