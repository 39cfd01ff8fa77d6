"""Independent answers: brute force in fractions for tiny problems, CP-SAT on scaled integers for others.

Nothing here uses the package's own integers: only the public inputs of a problem.
"""

from fractions import Fraction
from itertools import product
from math import ceil, floor, lcm

from ortools.sat.python import cp_model

from optimizer import Problem


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


def score(problem: Problem, orders: tuple[int, ...]) -> tuple[Fraction, Fraction, int, tuple[int, ...]]:
    """Drift, turnover, trades, and the orders by security id: less is better."""
    total = market_value(problem)
    drift, turnover = Fraction(), Fraction()
    for position, order in zip(problem.positions, orders, strict=True):
        price = Fraction(position.price)
        drift += abs(total * Fraction(position.target) - (Fraction(position.quantity) + order) * price)
        turnover += price * abs(order)
    by_id = sorted(zip(problem.positions, orders, strict=True), key=lambda pair: pair[0].security_id)
    return drift, turnover, sum(map(bool, orders)), tuple(order for _, order in by_id)


def cash_after(problem: Problem, orders: tuple[int, ...]) -> Fraction:
    """Cash once the orders are filled."""
    return Fraction(problem.cash) - sum(
        (Fraction(position.price) * order for position, order in zip(problem.positions, orders, strict=True)),
        Fraction(),
    )


def is_feasible(problem: Problem, orders: tuple[int, ...]) -> bool:
    """Whether the orders keep every band and the floor."""
    inside = all(least <= order <= most for order, (least, most) in zip(orders, bands(problem), strict=True))
    floored = problem.cash_floor is None or cash_after(problem, orders) >= Fraction(problem.cash_floor)
    return inside and floored


def brute_force(problem: Problem) -> tuple[int, ...] | None:
    """The best orders of all, or None if there are none."""
    ranges = [range(least, most + 1) for least, most in bands(problem)]
    feasible = (
        orders
        for orders in product(*ranges)
        if problem.cash_floor is None or cash_after(problem, orders) >= Fraction(problem.cash_floor)
    )
    return min(feasible, key=lambda orders: score(problem, orders), default=None)


def cp_sat(problem: Problem) -> tuple[Fraction, Fraction] | None:
    """Bounds of the least drift, by OR-tools CP-SAT, equal unless its time ends; None if infeasible."""
    total = market_value(problem)
    prices = [Fraction(position.price) for position in problem.positions]
    residuals = [
        price * (Fraction(position.quantity) - floor(Fraction(position.quantity)))
        for price, position in zip(prices, problem.positions, strict=True)
    ]
    targets = [total * Fraction(position.target) for position in problem.positions]
    spendable = None if problem.cash_floor is None else total - Fraction(problem.cash_floor)
    numbers = [*prices, *residuals, *targets, *([] if spendable is None else [spendable])]
    scale = lcm(*(number.denominator for number in numbers))
    model = cp_model.CpModel()
    drifts, spent = [], []
    for price, residual, target, (least, most), position in zip(
        prices, residuals, targets, bands(problem), problem.positions, strict=True
    ):
        if least > most:
            return None
        held = floor(Fraction(position.quantity))
        shares = model.new_int_var(least + held, most + held, "")
        value = int(price * scale) * shares + int(residual * scale)
        gap = int(target * scale) - value
        ends = [abs(int((target - residual - price * (order + held)) * scale)) for order in (least, most)]
        drift = model.new_int_var(0, max(ends), "")
        model.add(drift >= gap)
        model.add(drift >= -gap)
        drifts.append(drift)
        spent.append(value)
    if spendable is not None:
        model.add(sum(spent) <= floor(spendable * scale))
    model.minimize(sum(drifts))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = 1
    status = solver.status_name(solver.solve(model))
    if status == "INFEASIBLE":
        return None
    assert status in {"OPTIMAL", "FEASIBLE"}
    return Fraction(round(solver.best_objective_bound), scale), Fraction(round(solver.objective_value), scale)
