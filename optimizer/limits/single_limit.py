"""Keep to one limit at least cost: a cover of what the positions' own best shares use too much."""

from collections.abc import Sequence
from functools import partial
from math import inf
from time import monotonic
from typing import NamedTuple

from optimizer.cover.cover import least_cost_cover
from optimizer.cover.ladder import Ladder
from optimizer.enumeration.enumeration import watched
from optimizer.limits.limits import Limit
from optimizer.problem.problem import Problem, Strategy
from optimizer.separable.choices import Choices, costs_of
from optimizer.separable.closed_form import drift, turnover


class Answer(NamedTuple):
    """Whole shares per position.

    Attributes:
        shares: after trading.
        bound: a lower bound of the objective, in units; None: there is nothing better.
        settled: whether no other answer is as good in all aims but by the order of positions, which is kept.
    """

    shares: list[int]
    bound: int | None
    settled: bool


def objective_of(problem: Problem, shares: Sequence[int]) -> int:
    """The first aim of the strategy, in units."""
    measure = turnover if problem.strategy is Strategy.TO_BAND else drift
    return measure(problem.lines, shares)


def _is_after(deadline: float) -> bool:
    return monotonic() > deadline


def single_limit(
    problem: Problem,
    found: Choices,
    limit: Limit,
    deadline: float,
    *,
    ties: bool = True,
    tolerance: int = 0,
    give_up: float = inf,
) -> Answer:
    """The best shares under one limit alone, which they can meet; later aims matter where ties do.

    The search ends once the answer is within the tolerance, in units, of its bound.

    Raises:
        TimeUpError: there is no answer at all when it is time to give up.
    """
    late = partial(_is_after, give_up)
    lines, costs = problem.lines, costs_of(problem, found)
    base = sum(map(costs.of, lines, found.best))
    rungs = [limit.rungs(*each) for each in zip(lines, found.allowed, found.best, strict=True)]
    order = sorted(
        (index for index, ways in enumerate(rungs) if ways.count > 1),
        key=lambda index: problem.positions[index].security_id,
    )

    def proves(cost: int, bound: int) -> bool:
        return costs.first(base + cost) - costs.first(base + bound) <= tolerance

    missing = limit.total(lines, found.best) - limit.capacity
    cover = least_cost_cover(
        [Ladder(lines[index], rungs[index], costs.of, limit.use) for index in watched(order, late)],
        [level.of for level in costs.coarser()],
        missing,
        proves,
        partial(_is_after, deadline),
        give_up=late,
        lift=lambda cost: ((costs.first(base) + cost) << costs.later_bits) - base,
        aims=lambda ladder, rung: costs.aims(ladder.line, ladder.rungs[rung]),
        ties=ties,
    )
    shares = list(found.best)
    for index, rung in zip(order, cover.rungs, strict=True):
        shares[index] = rungs[index][rung]
    return Answer(shares, costs.first(base + cover.bound), cover.settled)
