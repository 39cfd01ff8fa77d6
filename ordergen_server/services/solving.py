"""Whole-share orders for valued portfolios: together where they are alike, one by one where they are not."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import numpy as np

import optimizer
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import DeadlineExceeded
from ordergen_server.domain.numbers import EXACT, product
from ordergen_server.domain.rebalances import RebalanceOptions, Strategy
from ordergen_server.services.securities import ZERO, Securities
from ordergen_server.services.valuation import Valued

#: Of the time that is left; the rest is for storing the result and answering before the deadline.
SOLVER_SHARE = 0.9
#: How long a proof is looked for, whatever it is worth; most take less than a tenth of it.
PROOF_SECONDS = 1.0
#: Money: after that an answer within a cent of its bound is good enough, and says how far it can be off.
TOLERANCE = Decimal("0.01")
#: For a portfolio among others; one that needs more is solved by itself, with a look at the deadline.
TOGETHER_SECONDS = 0.05
#: Money in arrays has at most so many decimals and digits before them: then it fits 64 bits.
ARRAY_PLACES, ARRAY_DIGITS = 8, 10


@dataclass(frozen=True, slots=True)
class Solved:
    """An answer, and how long it took; an equal share where portfolios were solved together."""

    answer: optimizer.Answer
    duration: timedelta


def solve_all(
    portfolios: Sequence[Valued], securities: Securities, options: RebalanceOptions, deadline: Deadline
) -> list[Solved | DeadlineExceeded]:
    """The answer of each portfolio, in their order."""
    constraints = _constraints(options)
    alike: list[int] = []
    if options.strategy is Strategy.TO_TARGET and not constraints:
        alike = [place for place, one in enumerate(portfolios) if _fits_arrays(one, securities, options)]
    together = _solve_together([portfolios[place] for place in alike], options)
    solved = {place: one for place, one in zip(alike, together, strict=True) if _is_final(one.answer)}
    return [
        solved.get(place) or _solve_alone(one, constraints, options, deadline)
        for place, one in enumerate(portfolios)
    ]


def cash_floor(market_value: Decimal, options: RebalanceOptions) -> Decimal | None:
    """Cash to keep, in money: the greater of amount and weight, 0 where neither is given; None: no floor."""
    if options.allow_overdraft:
        return None
    floors = []
    if options.minimum_cash_amount is not None:
        floors.append(options.minimum_cash_amount)
    if options.minimum_cash_weight is not None:
        floors.append(product(market_value, options.minimum_cash_weight))
    return max(floors, default=ZERO)


def _is_final(answer: optimizer.Answer) -> bool:
    return answer.status is not optimizer.Status.FEASIBLE


def _fits_arrays(portfolio: Valued, securities: Securities, options: RebalanceOptions) -> bool:
    """Whether a portfolio has whole shares of securities of the model alone, and money that fits."""
    floor = cash_floor(portfolio.market_value, options)
    return (
        len(portfolio.lines) == len(securities.model_ids)
        and all(quantity == int(quantity) for _, quantity in portfolio.lines)
        and all(_fits(quantity) for _, quantity in portfolio.lines)
        and _fits(portfolio.cash)
        and _fits(floor or ZERO)
    )


def _fits(money: Decimal) -> bool:
    return money.adjusted() < ARRAY_DIGITS and _exponent(money) >= -ARRAY_PLACES


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else -ARRAY_PLACES - 1


def _solve_together(portfolios: Sequence[Valued], options: RebalanceOptions) -> list[Solved]:
    if not portfolios:
        return []
    started = time.perf_counter()
    solution = optimizer.solve_batch(_batch(portfolios, options), timeout_seconds=TOGETHER_SECONDS)
    duration = timedelta(seconds=(time.perf_counter() - started) / len(portfolios))
    return [Solved(solution.answer(row), duration) for row in range(len(portfolios))]


def _batch(portfolios: Sequence[Valued], options: RebalanceOptions) -> optimizer.Batch:
    floors = [cash_floor(one.market_value, options) for one in portfolios]
    money = [one.cash for one in portfolios] + [floor for floor in floors if floor is not None]
    places = min(0, *map(_exponent, money))
    return optimizer.Batch(
        positions=tuple(security.unheld for security, _ in portfolios[0].lines),
        quantities=np.array([[int(quantity) for _, quantity in one.lines] for one in portfolios], np.int64),
        cash=_steps([one.cash for one in portfolios], places),
        cash_floors=None if options.allow_overdraft else _steps([floor or ZERO for floor in floors], places),
        cash_step=EXACT.scaleb(Decimal(1), places),
    )


def _steps(money: Sequence[Decimal], places: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array([int(EXACT.scaleb(one, -places)) for one in money], np.int64)


def _solve_alone(
    portfolio: Valued,
    constraints: tuple[optimizer.Constraint, ...],
    options: RebalanceOptions,
    deadline: Deadline,
) -> Solved | DeadlineExceeded:
    try:
        left = SOLVER_SHARE * deadline.remaining_seconds("solving")
    except DeadlineExceeded as error:
        return error
    started = time.perf_counter()
    problem = optimizer.Problem(
        tuple(security.unheld.holding(quantity) for security, quantity in portfolio.lines),
        portfolio.cash,
        cash_floor(portfolio.market_value, options),
        optimizer.Strategy[options.strategy.name],
        constraints,
    )
    solution = _solve(problem, min(options.solver_timeout_seconds, left))
    return Solved(solution.answer, timedelta(seconds=time.perf_counter() - started))


def _solve(problem: optimizer.Problem, timeout_seconds: float) -> optimizer.Solution:
    solution = optimizer.solve(problem, timeout_seconds=min(PROOF_SECONDS, timeout_seconds))
    if solution.objective is None or solution.lower_bound is None:
        return solution
    left = timeout_seconds - PROOF_SECONDS
    if solution.objective - solution.lower_bound <= TOLERANCE or left <= 0:
        return solution
    return optimizer.solve(problem, timeout_seconds=left, tolerance=TOLERANCE)


def _constraints(options: RebalanceOptions) -> tuple[optimizer.Constraint, ...]:
    found: list[optimizer.Constraint] = [
        optimizer.Restriction(one.security_id, optimizer.Side[one.type.name]) for one in options.restrictions
    ]
    found += [optimizer.LotSize(one.security_id, one.shares) for one in options.lot_sizes]
    if options.minimum_trade_value is not None:
        found.append(optimizer.MinimumTradeValue(options.minimum_trade_value))
    if options.maximum_turnover_weight is not None:
        found.append(optimizer.MaximumTurnover(options.maximum_turnover_weight))
    if options.maximum_trade_count is not None:
        found.append(optimizer.MaximumTradeCount(options.maximum_trade_count))
    return tuple(found)
