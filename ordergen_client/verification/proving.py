"""Solves portfolios of an export again, where the package `optimizer` is installed.

The only module of the client that imports it; and only `--prove` imports this one, once it is asked for.
"""

import math
from collections.abc import Iterator
from decimal import Context, Decimal
from fractions import Fraction

import optimizer
from ordergen_client.verification.checks.options import Options
from ordergen_client.verification.findings import Check, holds
from ordergen_client.verification.reading.numbers import digits
from ordergen_client.verification.reading.records import Portfolio, Solution
from ordergen_client.verification.verify import Proof

#: Room for the longest numbers that the optimizer takes.
_EXACT = Context(prec=4 * optimizer.MAX_DIGITS)
_DECIDED = optimizer.Status.PROVEN_OPTIMAL, optimizer.Status.INFEASIBLE


def prove(portfolio: Portfolio, options: Options) -> Proof:
    """Solve it again, for as long as its run allowed, and compare the objectives.

    The orders are compared, too, where both say that no others are as good.
    """
    if portfolio.solution is None or portfolio.market_value is None or portfolio.cash_before is None:
        return Proof(decided=False)
    flow = portfolio.cash_flow or Fraction(0)
    floor = options.cash_floor(portfolio.market_value + flow)
    try:
        problem = _problem(portfolio, portfolio.cash_before + flow, floor, options)
    except optimizer.OptimizerError as error:
        return Proof(False, [Check("solved again", error, "a problem that can be posed")])
    again = optimizer.solve(problem, timeout_seconds=float(options.solver_seconds))
    return Proof(again.status in _DECIDED, tuple(_checks(portfolio, portfolio.solution, again)))


def _problem(
    portfolio: Portfolio, cash: Fraction, floor: Fraction | None, options: Options
) -> optimizer.Problem:
    return optimizer.Problem(
        tuple(
            optimizer.Position(
                line.security_id,
                *map(
                    _decimal,
                    (line.price, line.original_quantity, line.target, line.low_drift, line.high_drift),
                ),
            )
            for line in portfolio.lines
        ),
        _decimal(cash),
        None if floor is None else _decimal(_raised(floor)),
        optimizer.Strategy.TO_BAND if options.to_band else optimizer.Strategy.TO_TARGET,
        tuple(_constraints(options)),
    )


def _checks(portfolio: Portfolio, told: Solution, again: optimizer.Solution) -> Iterator[Check]:
    if again.status is optimizer.Status.INFEASIBLE:
        yield Check("solved again", "an answer", "none: no orders meet every rule")
        return
    least = again.lower_bound or Fraction(0)
    yield holds(
        "objective, solved again", told.objective, f"at least {digits(least)}", when=told.objective >= least
    )
    if again.objective is None:
        return
    most = digits(again.objective)
    yield holds(
        "lower_bound, solved again",
        told.lower_bound,
        f"at most {most}",
        when=told.lower_bound <= again.objective,
    )
    if told.tie_broken and again.tie_broken:
        for line, order in zip(portfolio.lines, again.orders, strict=True):
            yield Check(f"order of {line.security_id}, solved again", line.trade.shares, order)


def _constraints(options: Options) -> Iterator[optimizer.Constraint]:
    for security_id, kind in options.restrictions.items():
        yield optimizer.Restriction(security_id, optimizer.Side[kind])
    for security_id, shares in options.lots.items():
        yield optimizer.LotSize(security_id, shares, buys_only=security_id in options.lots_of_buys)
    if options.forbidden:
        sides = optimizer.Sides.BUY_ONLY if options.forbidden == "SELL" else optimizer.Sides.SELL_ONLY
        yield optimizer.OneSided(sides)
    if options.minimum_trade_value is not None:
        yield optimizer.MinimumTradeValue(_decimal(options.minimum_trade_value))
    if options.maximum_turnover_weight is not None:
        yield optimizer.MaximumTurnover(_decimal(options.maximum_turnover_weight))
    if options.maximum_trade_count is not None:
        yield optimizer.MaximumTradeCount(options.maximum_trade_count)
    if options.has_costs:
        yield optimizer.TradingCosts(_decimal(options.cost_rate), _decimal(options.cost_per_trade))
    for one in options.weights:
        edges = [None if side is None else _decimal(side) for side in (one.minimum, one.maximum)]
        if one.group:
            yield optimizer.GroupLimit(one.group, tuple(sorted(one.security_ids)), *edges)
        else:
            yield optimizer.SecurityLimit(one.key[0], *edges)


def _raised(floor: Fraction) -> Fraction:
    """As many decimals as the optimizer takes, rounded up: no cash, which has fewer, lies between the two."""
    steps = 10**optimizer.MAX_DIGITS
    return Fraction(math.ceil(floor * steps), steps)


def _decimal(value: Fraction) -> Decimal:
    """The same number; all that come here are of decimals."""
    return _EXACT.create_decimal(digits(value))
