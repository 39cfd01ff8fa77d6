"""Independent answers: brute force in fractions for tiny problems, CP-SAT on scaled integers for others.

Nothing here uses the package's own integers: only the public inputs of a problem.
"""

from fractions import Fraction
from itertools import product
from math import ceil, floor, lcm, prod
from typing import TypeVar

from ortools.sat.python import cp_model

from optimizer import (
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    Problem,
    Restriction,
    Side,
    Strategy,
)


def market_value(problem: Problem) -> Fraction:
    """Cash plus holdings."""
    return Fraction(problem.cash) + sum(
        (Fraction(position.price) * Fraction(position.quantity) for position in problem.positions), Fraction()
    )


def bands(problem: Problem) -> list[tuple[int, int]]:
    """Least and most order of each position; least > most where there is none."""
    total = market_value(problem)
    found: list[tuple[int, int]] = []
    for position in problem.positions:
        price, held = Fraction(position.price), Fraction(position.quantity)
        target, low, high = map(Fraction, (position.target, position.low_drift, position.high_drift))
        bottom = max(Fraction(0), total * (target - low))
        top = total * (target + high)
        least, most = ceil(bottom / price - held), floor(top / price - held)
        if least > most and top == 0:
            least = most = ceil(-held)
        found.append((least, most))
    return found


def narrowed(problem: Problem) -> list[list[int]]:
    """Allowed orders of each position under its band and all position-level constraints."""
    total = market_value(problem)
    found: list[list[int]] = []
    for position, (least, most) in zip(problem.positions, bands(problem), strict=True):
        price, held = Fraction(position.price), Fraction(position.quantity)
        side = rule(problem, Restriction, position.security_id)
        lot = rule(problem, LotSize, position.security_id)
        minimum = rule(problem, MinimumTradeValue)
        closing = -floor(held)
        orders = list(range(least, most + 1))
        inside = least <= 0 <= most
        if side is not None:
            signs = {Side.DO_NOT_BUY: (-1, 0), Side.DO_NOT_SELL: (0, 1), Side.HOLD: (0, 0)}[side.side]
            orders = [order for order in orders if signs[0] <= (order > 0) - (order < 0) <= signs[1]]
            below = held * price < max(Fraction(0), total * Fraction(position.target - position.low_drift))
            if not inside and (signs[1] < 1 if below else signs[0] > -1):
                orders = [0]
        if lot is not None:
            orders = [order for order in orders if order % lot.shares == 0 or order == closing]
        if minimum is not None and inside:
            orders = [
                order
                for order in orders
                if order in {0, closing} or abs(order) * price >= Fraction(minimum.value)
            ]
        found.append(orders)
    return found


Kind = TypeVar("Kind")


def rule(problem: Problem, kind: type[Kind], security_id: str | None = None) -> Kind | None:
    """The constraint of a kind, of one security where it is about one."""
    for constraint in problem.constraints:
        if isinstance(constraint, kind) and getattr(constraint, "security_id", None) == security_id:
            return constraint
    return None


def keeps_limits(problem: Problem, orders: tuple[int, ...]) -> bool:
    """Whether the orders keep the floor, the turnover and the number of trades."""
    turnover, count = rule(problem, MaximumTurnover), rule(problem, MaximumTradeCount)
    traded = sum(
        (Fraction(p.price) * abs(order) for p, order in zip(problem.positions, orders, strict=True)),
        Fraction(),
    )
    return (
        (problem.cash_floor is None or cash_after(problem, orders) >= Fraction(problem.cash_floor))
        and (turnover is None or traded <= Fraction(turnover.weight) * market_value(problem))
        and (count is None or sum(map(bool, orders)) <= count.count)
    )


def score(problem: Problem, orders: tuple[int, ...]) -> tuple[Fraction, Fraction, int, tuple[int, ...]]:
    """The strategy's aims, trades, and the orders by security id: less is better."""
    total = market_value(problem)
    drift, turnover = Fraction(), Fraction()
    for position, order in zip(problem.positions, orders, strict=True):
        price = Fraction(position.price)
        drift += abs(total * Fraction(position.target) - (Fraction(position.quantity) + order) * price)
        turnover += price * abs(order)
    by_id = sorted(zip(problem.positions, orders, strict=True), key=lambda pair: pair[0].security_id)
    first, second = (turnover, drift) if problem.strategy is Strategy.TO_BAND else (drift, turnover)
    return first, second, sum(map(bool, orders)), tuple(order for _, order in by_id)


def cash_after(problem: Problem, orders: tuple[int, ...]) -> Fraction:
    """Cash once the orders are filled."""
    return Fraction(problem.cash) - sum(
        (Fraction(position.price) * order for position, order in zip(problem.positions, orders, strict=True)),
        Fraction(),
    )


def is_feasible(problem: Problem, orders: tuple[int, ...]) -> bool:
    """Whether the orders keep every demand."""
    inside = all(order in allowed for order, allowed in zip(orders, narrowed(problem), strict=True))
    return inside and keeps_limits(problem, orders)


MOST_COMBINATIONS = 5_000
"""Brute force is soon through with these. Now and then a draw has a thousand times as many: minutes."""


def is_enumerable(problem: Problem) -> bool:
    """Whether brute force soon has an answer."""
    return prod(map(len, narrowed(problem))) <= MOST_COMBINATIONS


def brute_force(problem: Problem) -> tuple[int, ...] | None:
    """The best orders of all, or None if there are none."""
    feasible = (orders for orders in product(*narrowed(problem)) if keeps_limits(problem, orders))
    return min(feasible, key=lambda orders: score(problem, orders), default=None)


def cp_sat(problem: Problem) -> tuple[Fraction, Fraction] | None:
    """Bounds of the first aim, by OR-tools CP-SAT, equal unless its time ends; None if infeasible."""
    total = market_value(problem)
    prices = [Fraction(one.price) for one in problem.positions]
    gaps = [
        total * Fraction(one.target) - price * Fraction(one.quantity)
        for one, price in zip(problem.positions, prices, strict=True)
    ]
    scale = lcm(*(number.denominator for number in (*prices, *gaps)))
    model = cp_model.CpModel()
    drifts, trades, spent, traded = [], [], [], []
    for price, gap, orders in zip(prices, gaps, narrowed(problem), strict=True):
        if not orders:
            return None
        order = model.new_int_var_from_domain(cp_model.Domain.from_values(orders), "")
        size = model.new_int_var(0, max(map(abs, orders)), "")
        model.add_abs_equality(size, order)
        trade = model.new_bool_var("")
        model.add(order == 0).only_enforce_if(~trade)
        miss = int(gap * scale) - int(price * scale) * order
        ends = [abs(int((gap - price * end) * scale)) for end in (orders[0], orders[-1])]
        drift = model.new_int_var(0, max(ends), "")
        model.add(drift >= miss)
        model.add(drift >= -miss)
        drifts.append(drift)
        trades.append(trade)
        spent.append(int(price * scale) * order)
        traded.append(int(price * scale) * size)
    turnover, count = rule(problem, MaximumTurnover), rule(problem, MaximumTradeCount)
    if problem.cash_floor is not None:
        model.add(sum(spent) <= floor(Fraction(problem.cash - problem.cash_floor) * scale))
    if turnover is not None:
        model.add(sum(traded) <= floor(Fraction(turnover.weight) * total * scale))
    if count is not None:
        model.add(sum(trades) <= count.count)
    model.minimize(sum(traded if problem.strategy is Strategy.TO_BAND else drifts))
    return _solved(model, scale)


NOTHING_FOUND = Fraction(10**30)
"""The value of an answer that the solver neither found nor excluded in its time."""


def _solved(model: cp_model.CpModel, scale: int) -> tuple[Fraction, Fraction] | None:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = 1  # the same work on a busy machine
    status = solver.status_name(solver.solve(model))
    if status == "INFEASIBLE":
        return None
    bound = Fraction(round(solver.best_objective_bound), scale)
    if status == "UNKNOWN":
        return bound, NOTHING_FOUND
    assert status in {"OPTIMAL", "FEASIBLE"}
    return bound, Fraction(round(solver.objective_value), scale)
