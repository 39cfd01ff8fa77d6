"""Whole-share orders for valued portfolios: together where they are alike, one by one where they are not."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import optimizer
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import DeadlineExceeded
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.services.observer import UNOBSERVED, RunObserver, SolveMethod
from ordergen_server.services.portfolios.batches import batch_of, can_be_batched, row_of
from ordergen_server.services.portfolios.constraints import cash_floor, constraints_of
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.portfolios.valuation import Valued

#: Of the time that is left; the rest is for storing the result and answering before the deadline.
SOLVER_SHARE = 0.9
#: How long a proof is looked for, whatever it is worth; most take less than a tenth of it.
PROOF_SECONDS = 1.0
#: Money: after that an answer within a cent of its bound is good enough, and says how far it can be off.
TOLERANCE = Decimal("0.01")
#: For a portfolio among others; one that needs more is solved by itself, with a look at the deadline.
TOGETHER_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Solved:
    """An answer, and how long it took; an equal share where portfolios were solved together."""

    answer: optimizer.Answer
    duration: timedelta


def solve_all(
    portfolios: Sequence[Valued],
    securities: Securities,
    options: RebalanceOptions,
    deadline: Deadline,
    observer: RunObserver = UNOBSERVED,
) -> list[Solved | DeadlineExceeded]:
    """The answer of each portfolio, in their order."""
    rows = [row_of(one, securities, options) for one in portfolios] if can_be_batched(options) else []
    alike = {place: row for place, row in enumerate(rows) if row is not None}
    together = _solve_together([portfolios[place] for place in alike], list(alike.values()), options)
    solved = {place: one for place, one in zip(alike, together, strict=True) if one and _is_final(one.answer)}
    for (status, seconds), count in Counter(map(_told, solved.values())).items():
        observer.solved(SolveMethod.TOGETHER, status, seconds, count)
    return [
        solved.get(place) or _solve_alone(one, options, deadline, observer)
        for place, one in enumerate(portfolios)
    ]


def _told(solved: Solved) -> tuple[str, float]:
    return solved.answer.status.name, solved.duration.total_seconds()


def _is_final(answer: optimizer.Answer) -> bool:
    return answer.status in (optimizer.Status.PROVEN_OPTIMAL, optimizer.Status.INFEASIBLE)


def _solve_together(
    portfolios: Sequence[Valued], rows: Sequence[list[int]], options: RebalanceOptions
) -> list[Solved | None]:
    if not portfolios:
        return []
    started = time.perf_counter()
    seconds = min(TOGETHER_SECONDS, options.solver_timeout_seconds)
    solution = optimizer.solve_batch(batch_of(portfolios, rows, options), timeout_seconds=seconds)
    duration = timedelta(seconds=(time.perf_counter() - started) / len(portfolios))
    return [
        None if row in solution.errors else Solved(solution.answer(row), duration)
        for row in range(len(portfolios))
    ]


def _solve_alone(
    portfolio: Valued, options: RebalanceOptions, deadline: Deadline, observer: RunObserver
) -> Solved | DeadlineExceeded:
    try:
        left = SOLVER_SHARE * deadline.remaining_seconds("solving")
    except DeadlineExceeded as error:
        return error
    started = time.perf_counter()
    problem = problem_of(portfolio, options)
    solution = _solve(problem, min(options.solver_timeout_seconds, left))
    seconds = time.perf_counter() - started
    observer.solved(SolveMethod.ALONE, solution.status.name, seconds)
    return Solved(solution.answer, timedelta(seconds=seconds))


def problem_of(portfolio: Valued, options: RebalanceOptions) -> optimizer.Problem:
    """A portfolio as the optimizer has it; its positions are the lines, in their order."""
    return optimizer.Problem(
        tuple(security.unheld.holding(quantity) for security, quantity in portfolio.lines),
        portfolio.cash,
        cash_floor(portfolio.market_value, options),
        optimizer.Strategy[options.strategy.name],
        constraints_of(options),
    )


def _solve(problem: optimizer.Problem, timeout_seconds: float) -> optimizer.Solution:
    first = optimizer.solve(problem, timeout_seconds=min(PROOF_SECONDS, timeout_seconds))
    left = timeout_seconds - PROOF_SECONDS
    if left <= 0 or first.status is optimizer.Status.INFEASIBLE or _gap(first) <= TOLERANCE:
        return first
    # Where neither has an answer, it is the second that knows more.
    return min(optimizer.solve(problem, timeout_seconds=left, tolerance=TOLERANCE), first, key=_gap)


def _gap(solution: optimizer.Solution) -> Decimal | Fraction:
    """How far an answer can be from the best, in money; without end where there is none."""
    if solution.objective is None or solution.lower_bound is None:
        return Decimal("Infinity")
    return solution.objective - solution.lower_bound
