"""Solve one problem: every position on its own first, then a cover of what the limits still miss."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from operator import sub
from time import monotonic

from optimizer.answer.solution import Solution, Status, breach
from optimizer.answer.verify import verify
from optimizer.limits.apart import are_apart, meet_apart
from optimizer.limits.group_limits import GroupMinimum, all_limits
from optimizer.limits.limits import Limit, TurnoverLimit
from optimizer.limits.several_limits import Task, part_of, solve_coupled
from optimizer.limits.single_limit import Answer, objective_of, single_limit
from optimizer.problem.errors import OptimizerError
from optimizer.problem.exact import ratio
from optimizer.problem.problem import Problem, Strategy
from optimizer.problem.reason import Reason
from optimizer.separable.choices import Choices, choices, is_plain
from optimizer.separable.conflict import combination_conflict, position_conflict
from optimizer.separable.fast_path import fast_path
from optimizer.separable.weight_conflicts import security_conflict

ZERO = Decimal(0)

ALONE_PART, SINGLE_PART = 0.6, 0.2
"""Part of the time that single limits may take where there are several: if one is broken, and if more are."""

LATER_PART = 0.1
"""Part of the time left that a later aim may take."""


def solve(problem: Problem, *, timeout_seconds: float = 30.0, tolerance: Decimal = ZERO) -> Solution:
    """Whole-share orders that are best by the problem's strategy and meet all of its demands.

    Of equally good answers the one of least turnover (TO_BAND: of least drift) is taken, then of fewest
    trades, then the one whose orders, listed by security id, are lexicographically least; `tie_broken` of
    the solution says whether that is proven.

    Args:
        problem: the portfolio.
        timeout_seconds: when to stop looking for a proof; an answer found by then is `FEASIBLE`.
        tolerance: in money; the search may also stop, `FEASIBLE`, once objective - lower bound is no more.

    Returns:
        Orders that were checked exactly, or the conflicts that leave none, or `UNDECIDED` with a lower bound.

    Raises:
        OptimizerError: a tolerance that is not a Decimal >= 0.
    """
    deadline = monotonic() + timeout_seconds
    slack = 0 if tolerance is ZERO else _in_units(problem, tolerance)
    if is_plain(problem) and (shares := fast_path(problem)):
        return _solution(problem, Answer(shares, None, settled=True))
    return _solve(problem, deadline, slack)


def _in_units(problem: Problem, tolerance: Decimal) -> int:
    numerator, denominator = ratio(tolerance, "tolerance")
    if numerator < 0:
        raise OptimizerError(f"tolerance must be >= 0, not {tolerance}")
    return numerator * problem.unit // denominator


def _solve(problem: Problem, deadline: float, tolerance: int) -> Solution:
    found = choices(problem)
    limits = all_limits(problem, found)
    broken = [limit for limit in limits if not limit.is_met(problem.lines, found.best)]
    # A limit that the best shares keep has no conflict; where a position has none at all, they keep nothing.
    if infeasible := _infeasible(problem, found, limits if found.infeasible else broken):
        return infeasible
    if not broken:
        return _solution(problem, Answer(found.best, None, settled=True), found.breaches)
    bound = 0
    start: list[int] | None = None
    for answer in _alone(problem, found, limits, broken, deadline=deadline, tolerance=tolerance):
        bound = max(bound, answer.bound or 0)
        if all(limit.is_met(problem.lines, answer.shares) for limit in limits):
            if len(limits) == 1 or objective_of(problem, answer.shares) <= (answer.bound or 0) + tolerance:
                return _solution(problem, _nearer(problem, limits, answer, deadline), found.breaches)
            start = answer.shares
    combined = solve_coupled(problem, found, limits, Task(bound, deadline, tolerance, start))
    if isinstance(combined, Answer):
        return _solution(problem, _nearer(problem, limits, combined, deadline), found.breaches)
    if combined.is_proven:
        conflict = combination_conflict(limit.reason for limit in limits)
        return Solution(problem, Status.INFEASIBLE, conflicts=(conflict,))
    return Solution(problem, Status.UNDECIDED, lower_bound=Fraction(combined.bound, problem.unit))


def _alone(
    problem: Problem,
    found: Choices,
    limits: Sequence[Limit],
    broken: Sequence[Limit],
    *,
    deadline: float,
    tolerance: int,
) -> Iterator[Answer]:
    """The best shares under each broken limit alone; under all together, where they have nothing in common.

    One limit alone may take all of the time; of several, some is kept for meeting them together.
    """
    part = ALONE_PART if len(broken) == 1 else SINGLE_PART / len(broken)
    if len(broken) > 1 and are_apart(problem.lines, broken):
        ends = [part_of(deadline, ALONE_PART * (place + 1) / len(broken)) for place in range(len(broken))]
        yield meet_apart(problem, found, broken, ends, tolerance)
        return
    until = deadline if len(limits) == 1 else part_of(deadline, part)
    for limit in broken:
        if len(limits) > 1 and monotonic() > deadline:
            break
        yield single_limit(problem, found, limit, until, ties=len(broken) == 1, tolerance=tolerance)


def _nearer(problem: Problem, limits: Sequence[Limit], answer: Answer, deadline: float) -> Answer:
    """Of a TO_BAND answer that is proven but for its ties: the same turnover at less drift, if it is found.

    That is a problem TO_TARGET of its own, whose turnover is limited to what is proven least.
    """
    least = objective_of(problem, answer.shares)
    is_open = answer.bound is not None and answer.bound >= least and not answer.settled
    if problem.strategy is Strategy.TO_TARGET or not is_open or monotonic() > deadline:
        return answer
    drawn = replace(problem, strategy=Strategy.TO_TARGET)
    kept = [limit for limit in limits if not isinstance(limit, TurnoverLimit)]
    kept.append(TurnoverLimit(least, Reason.TURNOVER_LIMIT))
    task = Task(0, part_of(deadline, LATER_PART), start=answer.shares, is_part=True)
    nearer = solve_coupled(drawn, choices(drawn), kept, task)
    return Answer(nearer.shares, answer.bound, settled=False) if isinstance(nearer, Answer) else answer


def _infeasible(problem: Problem, found: Choices, limits: Sequence[Limit]) -> Solution | None:
    conflicts = [
        security_conflict(problem, index) or position_conflict(problem, index) for index in found.infeasible
    ]
    for limit in limits:
        if found.infeasible and isinstance(limit, GroupMinimum):
            continue  # what a position without shares would be worth is not known
        least = sum(
            limit.least_use(line, allowed, best)
            for line, allowed, best in zip(problem.lines, found.allowed, found.best, strict=True)
            if allowed
        )
        if least > limit.capacity:
            conflicts.append(limit.conflict(problem, least))
    return Solution(problem, Status.INFEASIBLE, conflicts=tuple(conflicts)) if conflicts else None


def _solution(problem: Problem, answer: Answer, breaches: Sequence[int] = ()) -> Solution:
    """The verified answer; without a bound it is every position's own best, so optimal."""
    shares, bound, settled = answer
    verify(problem, shares)
    lines = problem.lines
    objective = objective_of(problem, shares)
    proven = bound is None or bound >= objective
    value = Fraction(objective, problem.unit)
    return Solution(
        problem,
        Status.PROVEN_OPTIMAL if proven else Status.FEASIBLE,
        tuple(map(sub, shares, [line[5] for line in lines])),
        value,
        value if bound is None or proven else Fraction(bound, problem.unit),
        breaches=tuple(breach(problem, index) for index in breaches),
        tie_broken=proven and settled,
    )
