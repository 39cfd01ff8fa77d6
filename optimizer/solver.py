"""Solve one problem: closed form first, a cover of the missing cash where the floor binds."""

from dataclasses import replace
from fractions import Fraction
from operator import sub
from time import monotonic

from optimizer.conflict import Conflict, band_conflict, cash_conflict
from optimizer.cover import least_cost_cover
from optimizer.ladder import Costs, Ladder
from optimizer.problem import Problem
from optimizer.separable import ClosedForm, closed_form, drift, values
from optimizer.solution import Solution, Status
from optimizer.verify import verify


def solve(problem: Problem, *, timeout_seconds: float = 30.0) -> Solution:
    """Whole-share orders of least drift inside every band and above the cash floor.

    Of equally good answers the one of least turnover is taken, then of fewest trades, then the one whose
    orders, listed by security id, are lexicographically least.

    Args:
        problem: the portfolio.
        timeout_seconds: when to stop looking for a proof; an answer found by then is `FEASIBLE`.

    Returns:
        Orders that were checked exactly, or the conflicts that leave none.
    """
    deadline = monotonic() + timeout_seconds
    form = closed_form(problem.lines)
    if form.infeasible:
        return _infeasible(problem, form)
    excess = 0 if problem.spendable is None else sum(values(problem.lines, form.best)) - problem.spendable
    if excess <= 0:
        return _solution(problem, form.best, None)
    least_value = sum(values(problem.lines, form.least))
    if problem.spendable is not None and least_value > problem.spendable:
        return Solution(problem, Status.INFEASIBLE, conflicts=(cash_conflict(problem, least_value),))
    return _covered(problem, form, excess, deadline)


def _infeasible(problem: Problem, form: ClosedForm) -> Solution:
    conflicts: list[Conflict] = [band_conflict(problem, index) for index in form.infeasible]
    broken = set(form.infeasible)
    least_value = sum(
        value for index, value in enumerate(values(problem.lines, form.least)) if index not in broken
    )
    if problem.spendable is not None and least_value > problem.spendable:
        conflicts.append(cash_conflict(problem, least_value))
    return Solution(problem, Status.INFEASIBLE, conflicts=tuple(conflicts))


def _covered(problem: Problem, form: ClosedForm, excess: int, deadline: float) -> Solution:
    costs = _costs(problem, form)
    order = sorted(
        (index for index, best in enumerate(form.best) if best > form.least[index]),
        key=lambda index: problem.positions[index].security_id,
    )
    ladders, coarse = (
        [
            Ladder(problem.lines[index], range(form.best[index], form.least[index] - 1, -1), level.of)
            for index in order
        ]
        for level in (costs, replace(costs, trade_bits=0))
    )
    base = sum(map(costs.of, problem.lines, form.best))

    def proves(cost: int, bound: int) -> bool:
        return costs.primary(base + cost) == costs.primary(base + bound)

    cover = least_cost_cover(ladders, coarse, excess, proves, lambda: monotonic() > deadline)
    shares = list(form.best)
    for index, rung in zip(order, cover.rungs, strict=True):
        shares[index] -= rung
    return _solution(problem, shares, costs.primary(base + cover.bound))


def _costs(problem: Problem, form: ClosedForm) -> Costs:
    widest = sum(
        line.price * max(abs(best - line.held), abs(least - line.held))
        for line, best, least in zip(problem.lines, form.best, form.least, strict=True)
    )
    return Costs(widest.bit_length() + 1, len(problem.lines).bit_length() + 1)


def _solution(problem: Problem, shares: list[int], bound: int | None) -> Solution:
    """The verified answer; without a bound it is the closed form, optimal by convexity."""
    verify(problem, shares)
    lines = problem.lines
    objective = drift(lines, shares)
    bound = objective if bound is None else bound
    return Solution(
        problem,
        Status.PROVEN_OPTIMAL if bound >= objective else Status.FEASIBLE,
        tuple(map(sub, shares, [line[5] for line in lines])),
        Fraction(objective, problem.unit),
        Fraction(bound, problem.unit),
    )
