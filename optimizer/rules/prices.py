"""The price of a rule: how much drift it costs, found by solving again without it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from math import ceil
from operator import add
from time import monotonic

from optimizer.answer.solution import Solution, Status
from optimizer.problem.constraints import MaximumTurnover
from optimizer.problem.exact import MAX_DIGITS
from optimizer.problem.problem import Problem, Strategy
from optimizer.rules.rule import Rule, Stopped, never, without
from optimizer.separable.closed_form import drift, turnover
from optimizer.solver import solve

MOST_PART = 0.25
"""Part of the time left that one problem may take: the others need some, too."""

_EXACT = Context(prec=4 * MAX_DIGITS, traps=[Inexact])


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
        is_proven: the answer is proven to be optimal.
        timeout_seconds: for all rules together.
        stopped: ends it early, as time does.
    """
    deadline = monotonic() + timeout_seconds
    shares = list(map(add, (line.held for line in problem.lines), orders))
    known = Fraction(drift(problem.lines, shares), problem.unit)
    if is_proven and problem.strategy is Strategy.TO_BAND:
        traded = Fraction(turnover(problem.lines, shares), problem.unit)
        is_proven = _least_drift(problem, traded, MOST_PART * timeout_seconds) == known
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
    least, is_least = _least(found, MOST_PART * (deadline - monotonic()))
    both = is_proven and is_least
    saved = known - least
    if saved > 0:
        return RulePrice(rule, saved, both)
    return None if both else RulePrice(rule, None, is_proven=False)


def _least(solution: Solution, timeout_seconds: float) -> tuple[Fraction, bool]:
    """The least drift that is known of the least objective, and whether it is proven to be that."""
    is_proven = solution.status is Status.PROVEN_OPTIMAL
    if not is_proven or solution.tie_broken or solution.problem.strategy is Strategy.TO_TARGET:
        return solution.drift, is_proven
    least = _least_drift(solution.problem, solution.turnover, timeout_seconds)
    return (solution.drift, False) if least is None else (least, True)


def _least_drift(problem: Problem, traded: Fraction, timeout_seconds: float) -> Fraction | None:
    """The least drift with no more turnover than that, in money; None where it is not proven in time.

    TO_BAND breaks its ties by drift, and need not have proven that: this is a problem of its own.
    """
    value = Fraction(problem.market_value, problem.unit)
    weight = Decimal(ceil(traded / value * 10**MAX_DIGITS)).scaleb(-MAX_DIGITS, _EXACT)
    others = (one for one in problem.constraints if not isinstance(one, MaximumTurnover))
    drawn = replace(problem, strategy=Strategy.TO_TARGET, constraints=(*others, MaximumTurnover(weight)))
    found = solve(drawn, timeout_seconds=max(0.0, timeout_seconds))
    return found.drift if found.status is Status.PROVEN_OPTIMAL else None
