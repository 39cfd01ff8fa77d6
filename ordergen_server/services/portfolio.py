"""One portfolio: from holdings, prices and a model to whole-share orders and the story of each line."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import optimizer
from ordergen_server.domain.errors import Infeasible, MarketValueNotPositive, Violation
from ordergen_server.domain.market import Holdings, MarketSnapshot
from ordergen_server.domain.models import Position
from ordergen_server.domain.numbers import EXACT, difference, exact, floored, product, ratio, total
from ordergen_server.domain.rebalances import (
    PortfolioRebalance,
    PortfolioState,
    RebalanceOptions,
    RebalancePosition,
    Side,
    SolutionQuality,
    Transaction,
)

ZERO = Decimal(0)
#: How long a proof is looked for, whatever it is worth; most take less than a tenth of it.
PROOF_SECONDS = 1.0
#: Money: after that an answer within a cent of its bound is good enough, and says how far it can be off.
TOLERANCE = Decimal("0.01")
#: Decimals of a weight of one line, and of the drift of a portfolio.
WEIGHT_PLACES = 4
DRIFT_PLACES = 12


def rebalance_portfolio(
    blank: PortfolioRebalance,
    holdings: Holdings,
    positions: Sequence[Position],
    snapshot: MarketSnapshot,
    options: RebalanceOptions,
    *,
    timeout_seconds: float,
) -> PortfolioRebalance:
    """Fill in what becomes of a portfolio that is now `holdings` and should follow `positions`.

    `blank` carries the ids, name and dates of the result. Where there is no answer the result is
    INFEASIBLE or FAILED, with its error and what could be computed.

    Raises:
        DataProblem: a security or its price is missing or bad.
    """
    lines = _lines(holdings, positions, snapshot)
    market_value = total([holdings.cash, *(line.original_market_value for line in lines)])
    known = replace(blank, market_value=market_value, cash_before=holdings.cash)
    if holdings.is_new:
        return replace(known, state=PortfolioState.NO_ACTION, cash_after=holdings.cash)
    if market_value <= 0:
        return replace(known, state=PortfolioState.FAILED, error=_not_positive(market_value))
    drift = total(_deviation(line, line.original_market_value, market_value) for line in lines)
    known = replace(known, drift_before=ratio(drift, market_value, DRIFT_PLACES))
    started = time.perf_counter()
    solution = _solve(_problem(lines, holdings.cash, market_value, options), timeout_seconds)
    duration = timedelta(seconds=time.perf_counter() - started)
    if solution.status is optimizer.Status.INFEASIBLE:
        return replace(known, state=PortfolioState.INFEASIBLE, error=_infeasible(solution.conflicts))
    return _solved(known, lines, solution, duration)


def transactions_of(positions: Iterable[RebalancePosition], trade_date: date) -> tuple[Transaction, ...]:
    """The trades of the lines that trade."""
    return tuple(
        Transaction(
            Side.BUY if position.trade_quantity > 0 else Side.SELL,
            position.security_id,
            abs(position.trade_quantity),
            trade_date,
        )
        for position in positions
        if position.trade_quantity
    )


def _lines(
    holdings: Holdings, positions: Sequence[Position], snapshot: MarketSnapshot
) -> list[RebalancePosition]:
    """A line for every security held or in the model, by security id, before any trade."""
    wanted = {position.security_id: position for position in positions}
    held = {security_id for security_id, quantity in holdings.quantities.items() if quantity}
    nothing = {security_id: Position(security_id, ZERO, ZERO, ZERO) for security_id in held - wanted.keys()}
    return [
        _line(position, holdings.quantities.get(security_id, ZERO), snapshot)
        for security_id, position in sorted({**wanted, **nothing}.items())
    ]


def _line(position: Position, quantity: Decimal, snapshot: MarketSnapshot) -> RebalancePosition:
    quote = snapshot.quote(position.security_id)
    value = product(quantity, quote.price)
    return RebalancePosition(
        security_id=position.security_id,
        ticker=quote.ticker,
        price=quote.price,
        original_quantity=quantity,
        adjusted_quantity=quantity,
        original_market_value=value,
        adjusted_market_value=value,
        target=position.target,
        low_drift=position.low_drift,
        high_drift=position.high_drift,
        actual=ZERO,
        actual_drift=None,
        trade_quantity=0,
        reason="",
    )


def _problem(
    lines: Sequence[RebalancePosition], cash: Decimal, market_value: Decimal, options: RebalanceOptions
) -> optimizer.Problem:
    positions = tuple(
        optimizer.Position(
            line.security_id, line.price, line.original_quantity, line.target, line.low_drift, line.high_drift
        )
        for line in lines
    )
    return optimizer.Problem(
        positions,
        cash,
        _cash_floor(market_value, options),
        optimizer.Strategy[options.strategy.name],
        _constraints(options),
    )


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


def _solve(problem: optimizer.Problem, timeout_seconds: float) -> optimizer.Solution:
    solution = optimizer.solve(problem, timeout_seconds=min(PROOF_SECONDS, timeout_seconds))
    if solution.objective is None or solution.lower_bound is None:
        return solution
    left = timeout_seconds - PROOF_SECONDS
    if solution.objective - solution.lower_bound <= TOLERANCE or left <= 0:
        return solution
    return optimizer.solve(problem, timeout_seconds=left, tolerance=TOLERANCE)


def _cash_floor(market_value: Decimal, options: RebalanceOptions) -> Decimal | None:
    """Cash to keep, in money: the greater of amount and weight, 0 where neither is given; None: no floor."""
    if options.allow_overdraft:
        return None
    floors = []
    if options.minimum_cash_amount is not None:
        floors.append(options.minimum_cash_amount)
    if options.minimum_cash_weight is not None:
        floors.append(product(market_value, options.minimum_cash_weight))
    return max(floors, default=ZERO)


def _solved(
    known: PortfolioRebalance,
    lines: Sequence[RebalancePosition],
    solution: optimizer.Solution,
    duration: timedelta,
) -> PortfolioRebalance:
    market_value = known.market_value or ZERO
    positions = tuple(
        _traded(line, order, reason, market_value)
        for line, order, reason in zip(lines, solution.orders, solution.reasons, strict=True)
    )
    spent = total(product(Decimal(line.trade_quantity), line.price) for line in positions)
    drift = total(_deviation(line, line.adjusted_market_value, market_value) for line in positions)
    return replace(
        known,
        state=PortfolioState.REBALANCED if any(solution.orders) else PortfolioState.NO_ACTION,
        cash_after=difference(known.cash_before or ZERO, spent),
        drift_after=ratio(drift, market_value, DRIFT_PLACES),
        positions=positions,
        transactions=transactions_of(positions, known.trade_date),
        solution=_quality(solution, duration),
    )


def _traded(
    line: RebalancePosition, order: int, reason: optimizer.Reason, market_value: Decimal
) -> RebalancePosition:
    quantity = EXACT.add(line.original_quantity, Decimal(order))
    value = product(quantity, line.price)
    goal = product(market_value, line.target)
    return RebalancePosition(
        security_id=line.security_id,
        ticker=line.ticker,
        price=line.price,
        original_quantity=line.original_quantity,
        adjusted_quantity=quantity,
        original_market_value=line.original_market_value,
        adjusted_market_value=value,
        target=line.target,
        low_drift=line.low_drift,
        high_drift=line.high_drift,
        actual=ratio(value, market_value, WEIGHT_PLACES),
        actual_drift=ratio(difference(goal, value), goal, WEIGHT_PLACES) if goal else None,
        trade_quantity=order,
        reason=reason.name,
    )


def _deviation(line: RebalancePosition, value: Decimal, market_value: Decimal) -> Decimal:
    """|MV t - u p|, in money."""
    return difference(product(market_value, line.target), value).copy_abs()


def _quality(solution: optimizer.Solution, duration: timedelta) -> SolutionQuality:
    objective = exact(solution.objective or Fraction(0))
    proven = solution.status is optimizer.Status.PROVEN_OPTIMAL
    bound = objective if proven else floored(solution.lower_bound or Fraction(0), DRIFT_PLACES)
    return SolutionQuality(proven, objective, bound, duration)


def _not_positive(market_value: Decimal) -> MarketValueNotPositive:
    rule = f"market value must be above 0, not {market_value:f}"
    return MarketValueNotPositive(
        f"The portfolio cannot be rebalanced: {rule}.",
        violations=[Violation("market_value", rule, "MARKET_VALUE_NOT_POSITIVE")],
    )


def _infeasible(conflicts: Sequence[optimizer.Conflict]) -> Infeasible:
    return Infeasible(
        f"No whole shares satisfy every band and the cash floor: {conflicts[0].description}."
        + (f" {len(conflicts) - 1} more." if len(conflicts) > 1 else ""),
        violations=[
            Violation(conflict.security_id or "cash", conflict.description, conflict.kind.name)
            for conflict in conflicts
        ],
    )
