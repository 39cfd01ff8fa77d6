"""What else a user could pick, each as its documentation suggests, with a time limit."""

import multiprocessing
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from importlib import import_module
from math import ceil, floor
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from ortools.sat.python import cp_model
from scipy.optimize import LinearConstraint, milp

from optimizer import MaximumTradeCount, MaximumTurnover, Problem

cp: Any = import_module("cvxpy")  # its own type information lacks most of its functions

LIMIT_SECONDS = 1.5
"""Time limit of every run."""

Shares = Sequence[int] | None
"""Whole shares after trading, or None where there is no answer."""


class Numbers:
    """A problem as floats: prices, holdings, targets and bands in money, money for positions."""

    def __init__(self, problem: Problem) -> None:
        self.price = np.array([float(one.price) for one in problem.positions])
        self.held = np.array([float(one.quantity) for one in problem.positions])
        self.value = float(problem.cash) + float(self.price @ self.held)
        weights = np.array(
            [(float(o.target), float(o.low_drift), float(o.high_drift)) for o in problem.positions]
        )
        self.target = self.value * weights[:, 0]
        self.low = np.maximum(0.0, self.value * (weights[:, 0] - weights[:, 1]))
        self.high = self.value * (weights[:, 0] + weights[:, 2])
        self.room = self.value - float(problem.cash_floor or 0)


def _program(numbers: Numbers, *, integer: bool) -> tuple[Any, list[Any], Any]:
    shares = cp.Variable(len(numbers.price), integer=integer)
    worth = cp.multiply(numbers.price, shares)
    demands = [worth >= numbers.low, worth <= numbers.high, shares >= 0, cp.sum(worth) <= numbers.room]
    return shares, demands, cp.norm1(numbers.target - worth)


def _solved(shares: Any, program: Any, **options: Any) -> Shares:  # noqa: ANN401 - cvxpy has no types
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # cut off by the time limit
            program.solve(**options)
    except cp.error.SolverError:
        return None
    return None if shares.value is None else [int(count) for count in np.rint(shares.value)]


def cvxpy_rounded(problem: Problem) -> Shares:
    """The continuous relaxation, rounded."""
    shares, demands, drift = _program(Numbers(problem), integer=False)
    return _solved(shares, cp.Problem(cp.Minimize(drift), demands))


def cvxpy_integer(problem: Problem) -> Shares:
    """Integer variables in cvxpy, solved by HiGHS, with the problem's limits on turnover and trades."""
    numbers = Numbers(problem)
    shares, demands, drift = _program(numbers, integer=True)
    for constraint in problem.constraints:
        change = cp.abs(shares - numbers.held)
        if isinstance(constraint, MaximumTurnover):
            limit = float(constraint.weight) * numbers.value
            demands.append(cp.sum(cp.multiply(numbers.price, change)) <= limit)
        if isinstance(constraint, MaximumTradeCount):
            trades = cp.Variable(len(numbers.price), boolean=True)
            demands += [change <= cp.multiply(numbers.high / numbers.price + numbers.held, trades)]
            demands.append(cp.sum(trades) <= constraint.count)
    program = cp.Problem(cp.Minimize(drift), demands)
    return _solved(shares, program, solver=cp.HIGHS, time_limit=LIMIT_SECONDS, threads=1)


def scipy_milp(problem: Problem) -> Shares:
    """Shares and deviations as the columns of `scipy.optimize.milp`."""
    numbers = Numbers(problem)
    count = len(numbers.price)
    prices, ones, none = np.diag(numbers.price), np.eye(count), np.zeros((count, count))
    rows = [
        LinearConstraint(np.hstack([prices, ones]), numbers.target, np.inf),
        LinearConstraint(np.hstack([prices, -ones]), -np.inf, numbers.target),
        LinearConstraint(np.hstack([prices, none]), numbers.low, numbers.high),
        LinearConstraint(np.concatenate([numbers.price, np.zeros(count)]), -np.inf, numbers.room),
    ]
    found = milp(
        np.concatenate([np.zeros(count), np.ones(count)]),
        integrality=np.concatenate([np.ones(count), np.zeros(count)]),
        constraints=rows,
        options={"time_limit": LIMIT_SECONDS},
    )
    return None if found.x is None else [int(shares) for shares in np.rint(found.x[:count])]


def cp_sat(problem: Problem) -> Shares:
    """OR-tools CP-SAT on money in whole steps."""
    value = Fraction(problem.cash) + sum(Fraction(o.price) * Fraction(o.quantity) for o in problem.positions)
    scale = 10_000_000
    model, drifts, counts, spent = cp_model.CpModel(), [], [], []
    for one in problem.positions:
        price = Fraction(one.price)
        low = ceil(value * max(Fraction(0), Fraction(one.target - one.low_drift)) / price)
        high = floor(value * Fraction(one.target + one.high_drift) / price)
        count = model.new_int_var(low, high, "")
        target = round(value * Fraction(one.target) * scale)
        drift = model.new_int_var(0, round(value * scale), "")
        model.add(drift >= target - round(price * scale) * count)
        model.add(drift >= round(price * scale) * count - target)
        drifts.append(drift)
        counts.append(count)
        spent.append(round(price * scale) * count)
    model.add(sum(spent) <= floor((value - Fraction(problem.cash_floor or 0)) * scale))
    model.minimize(sum(drifts))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = LIMIT_SECONDS
    if solver.status_name(solver.solve(model)) not in {"OPTIMAL", "FEASIBLE"}:
        return None
    return [solver.value(count) for count in counts]


def pyportfolioopt(problem: Problem) -> Shares:
    """`DiscreteAllocation.lp_portfolio`, which knows neither bands nor holdings nor a time limit."""
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_allocate, args=(problem, sender))
    child.start()
    shares: Shares = receiver.recv() if receiver.poll(LIMIT_SECONDS) else None
    child.kill()
    child.join()
    return shares


def _allocate(problem: Problem, sender: Connection) -> None:
    pandas, pypfopt = import_module("pandas"), import_module("pypfopt")  # only this peer needs them
    numbers = Numbers(problem)
    ids = [one.security_id for one in problem.positions]
    weights = dict(zip(ids, numbers.target / numbers.room, strict=True))
    latest = pandas.Series(numbers.price, index=ids)
    allocator = pypfopt.DiscreteAllocation(weights, latest, total_portfolio_value=numbers.room)
    allocation, _ = allocator.lp_portfolio()
    sender.send([int(allocation.get(security_id, 0)) for security_id in ids])


PEERS: dict[str, Callable[[Problem], Shares]] = {
    "cvxpy continuous + rounding": cvxpy_rounded,
    "cvxpy integer, HiGHS": cvxpy_integer,
    "scipy.optimize.milp": scipy_milp,
    "OR-tools CP-SAT": cp_sat,
    "PyPortfolioOpt integer": pyportfolioopt,
}
