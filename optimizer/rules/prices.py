"""The price of a rule: how much drift it costs, found by solving again without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import add
from time import monotonic

from optimizer.answer.solution import Solution, Status
from optimizer.problem.problem import Problem, Strategy
from optimizer.rules.rule import Rule, Stopped, never, without
from optimizer.separable.closed_form import drift
from optimizer.solver import solve

MOST_PART = 0.25
"""Part of the time left that one rule may take: the others need some, too."""


@dataclass(frozen=True, slots=True)
class RulePrice:
    """What a rule costs.

    Attributes:
        rule: the rule.
        drift_saved: how much less the drift is without it, in money, exact; above 0. None where time ended
            before it was known.
        is_proven: both answers are proven to have the least drift (TO_BAND: of the least turnover).
    """

    rule: Rule
    drift_saved: Fraction | None
    is_proven: bool


def rule_prices(
    problem: Problem,
    orders: Sequence[int],
    rules: Sequence[Rule],
    *,
    is_proven: bool,
    timeout_seconds: float = 30.0,
    stopped: Stopped = never,
) -> tuple[RulePrice, ...]:
    """The prices of those rules that cost drift, or of which it is not known, in their order.

    Rules together may cost more than the sum of their prices: where either of two forbids the same, neither
    has a price.

    Args:
        problem: with all of its rules.
        orders: its answer, whole shares in order of the positions.
        rules: of the problem.
        is_proven: the answer is proven to have the least drift (TO_BAND: of the least turnover).
        timeout_seconds: for all rules together.
        stopped: ends it early, as time does.
    """
    deadline = monotonic() + timeout_seconds
    shares = list(map(add, (line.held for line in problem.lines), orders))
    known = Fraction(drift(problem.lines, shares), problem.unit)
    prices: list[RulePrice | None] = []
    for rule in rules:
        until = monotonic() if stopped() else deadline
        prices.append(_price(problem, rule, known, until, is_proven=is_proven))
    return tuple(price for price in prices if price)


def _price(
    problem: Problem, rule: Rule, known: Fraction, deadline: float, *, is_proven: bool
) -> RulePrice | None:
    left = deadline - monotonic()
    if left <= 0:
        return RulePrice(rule, None, is_proven=False)
    found = solve(without(problem, [rule]), timeout_seconds=MOST_PART * left)
    if found.status is Status.INFEASIBLE:  # a restriction excused a band
        return None
    if found.objective is None:
        return RulePrice(rule, None, is_proven=False)
    both = is_proven and is_least(found)
    saved = known - found.drift
    if saved > 0:
        return RulePrice(rule, saved, both)
    return None if both else RulePrice(rule, None, is_proven=False)


def is_least(solution: Solution) -> bool:
    """Whether the drift of an answer is proven to be the least (TO_BAND: of the least turnover)."""
    if solution.problem.strategy is Strategy.TO_BAND and not solution.tie_broken:
        return False
    return solution.status is Status.PROVEN_OPTIMAL
