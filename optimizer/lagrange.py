"""A lower bound under several limits, exact for whatever multipliers a float solver suggests.

    sum_i cost_i(n_i) >= sum_i min over n of [cost_i(n) + sum_l m_l use_li(n)] - sum_l m_l capacity_l

for all multipliers m >= 0 (Fisher, "The Lagrangian Relaxation Method", Management Science 27, 1981).
"""

from collections.abc import Sequence

from optimizer.allowed import Choices, costs_of
from optimizer.constraints import Shares
from optimizer.limits import Limit
from optimizer.line import Line
from optimizer.problem import Problem

BITS = 48
"""Binary places to which multipliers are taken."""


def lagrangian_bound(
    problem: Problem, found: Choices, limits: Sequence[Limit], multipliers: Sequence[float]
) -> int:
    """The bound in units of the objective, rounded up, as objectives are whole.

    Args:
        problem: the portfolio.
        found: what is allowed position by position.
        limits: all limits.
        multipliers: one a limit, in units of the objective per unit of the limit; negative ones count as 0.
    """
    scale = 1 << BITS
    weights = [max(0, round(multiplier * scale)) for multiplier in multipliers]
    _, aim = costs_of(problem, found).coarser()
    total = -sum(weight * limit.capacity for weight, limit in zip(weights, limits, strict=True))
    for line, allowed in zip(problem.lines, found.allowed, strict=True):
        total += min(
            scale * aim.of(line, shares)
            + sum(weight * limit.use(line, shares) for weight, limit in zip(weights, limits, strict=True))
            for shares in _corners(line, allowed)
        )
    return -(-total // scale)


def _corners(line: Line, allowed: Shares) -> set[int]:
    """Allowed shares between which cost and uses are linear: one of them is the least of any such sum."""
    corners: set[int] = set()
    for part in allowed:
        for pivot in (line.held, (line.target - line.residual) // line.price):
            place = (pivot - part.start) // part.step
            corners |= {part[min(max(place + step, 0), len(part) - 1)] for step in (-1, 0, 1, 2)}
        corners |= {part[0], part[-1]}
    return corners
