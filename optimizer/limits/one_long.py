"""Decides problems of one long range: all combinations of the other positions, the long one in closed form.

What the others leave of each limit clips the range of the long position, and the best of what remains lies
next to its target or its holding. Costs are all aims, so ties are decided too.
"""

from collections.abc import Sequence
from itertools import product
from math import prod

from optimizer.enumeration.enumeration import Clock, watched
from optimizer.limits.lagrange import Searched
from optimizer.limits.limits import Limit
from optimizer.problem.constraints import length
from optimizer.problem.problem import Problem
from optimizer.separable.choices import Choices, cheapest, costs_of

MAX_COMBINATIONS = 20_000
"""Combinations of the other positions."""


def all_but_the_longest(
    problem: Problem, found: Choices, limits: Sequence[Limit], expired: Clock
) -> Searched | None:
    """The best answer by all aims, or that there is none; None where there are too many combinations.

    Raises:
        TimeUpError: before all were looked at.
    """
    lines, counts = problem.lines, [sum(map(length, shares)) for shares in found.allowed]
    longest = max(range(len(counts)), key=counts.__getitem__)
    if prod(counts) // counts[longest] > MAX_COMBINATIONS:
        return None
    costs = costs_of(problem, found)
    order = sorted(range(len(counts)), key=lambda index: problem.positions[index].security_id)
    ways = [
        [0] if index == longest else [count for part in shares for count in part]
        for index, shares in enumerate(found.allowed)
    ]
    best: tuple[int, list[int], list[int]] | None = None
    for picked in watched(product(*ways), expired):
        chosen = list(picked)
        shares = found.allowed[longest]
        for limit in limits:
            used = sum(map(limit.use, lines, chosen)) - limit.use(lines[longest], 0)
            shares = limit.fitting(lines[longest], shares, limit.capacity - used)
        if shares:
            chosen[longest] = cheapest(lines[longest], shares, costs)
            judged = sum(map(costs.of, lines, chosen)), [chosen[index] for index in order], chosen
            best = judged if best is None else min(best, judged)
    return Searched(None if best is None else best[2], exhaustive=True, settled=True)
