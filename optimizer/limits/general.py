"""The general solver: a mixed-integer program for HiGHS, modelled with cvxpy. It proposes, nothing more.

Amounts are counted in the median price of a share and shares as changes from each position's own best, so
that numbers are near one. Nothing of its answer is trusted: it is rounded, repaired and verified elsewhere.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from statistics import median
from time import monotonic
from typing import Any, NamedTuple
from warnings import filterwarnings

import numpy as np

from optimizer.limits.group_limits import GroupSide
from optimizer.limits.limits import CashLimit, CostlyCashLimit, Limit, TradeCountLimit, TurnoverLimit
from optimizer.problem.constraints import length
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem, Strategy
from optimizer.separable.choices import Choices


class Proposal(NamedTuple):
    """What the general solver suggests.

    Attributes:
        shares: whole shares per position, perhaps slightly infeasible; None if it found none.
        multipliers: one a limit, units of the objective per unit used; from the linear relaxation.
    """

    shares: list[int] | None
    multipliers: list[float]


SOLVER_PART = 0.75
"""Part of the time that HiGHS may count on: what prepares its program counts on the rest."""

SENSELESS = 2.0**53
"""No share count and no multiplier is as great; what was never set may be, or be no number."""

LEAST_SECONDS = 0.05
"""With less time left there is no use in asking."""


def propose(problem: Problem, found: Choices, limits: Sequence[Limit], deadline: float) -> Proposal:
    """What the general solver says by the deadline; nothing, if it says nothing by then.

    It works on a thread of its own, because loading cvxpy, building a program and preparing it for HiGHS
    heed no time limit. A thread that is given up ends soon by itself, as HiGHS does keep the limit; it is
    no daemon, so that an interpreter that ends waits for it.
    """
    nothing = Proposal(None, [0.0] * len(limits))
    if deadline - monotonic() < LEAST_SECONDS:
        return nothing
    now = monotonic()
    until = now + SOLVER_PART * (deadline - now)
    worker = ThreadPoolExecutor(1, "optimizer-general")
    answer = worker.submit(_propose, problem, found, limits, until)
    worker.shutdown(wait=False)
    try:
        return answer.result(max(0.0, deadline - monotonic()))
    except TimeoutError:
        return nothing


def _propose(problem: Problem, found: Choices, limits: Sequence[Limit], deadline: float) -> Proposal:
    """Solve the linear relaxation for its multipliers, then the integer program, on one thread."""
    # Cut off before it has found anything, HiGHS leaves values that were never set, and cvxpy computes on.
    with np.errstate(all="ignore"):
        relaxed = _Model(problem, found, limits, integer=False)
        relaxed.solve(deadline - monotonic())
        model = _Model(problem, found, limits, integer=True)
        model.solve(deadline - monotonic())
        return Proposal(model.shares(), relaxed.multipliers())


class _Model:
    """The program in cvxpy's terms: `shares = best + change`, a change picked from one allowed range."""

    def __init__(self, problem: Problem, found: Choices, limits: Sequence[Limit], *, integer: bool) -> None:
        import_module("highspy")  # cvxpy only logs that it is missing, and then finds nothing
        cp: Any = import_module("cvxpy")  # takes a second, and few problems need it
        # Of what HiGHS found when its time was up: it is all that is asked for, and is checked.
        filterwarnings("ignore", "Solution may be inaccurate", UserWarning)
        self._cp = cp
        lines = problem.lines
        self._best = found.best
        self._unit = unit = float(median(line.price for line in lines))
        price = [line.price / unit for line in lines]
        self._change, demands = self._pick(found, integer=integer)
        gap = [(line.target - line.value(best)) / unit for line, best in zip(lines, found.best, strict=True)]
        bought = [float(best - line.held) for line, best in zip(lines, found.best, strict=True)]
        value = cp.multiply(price, self._change)
        drift = cp.sum(cp.abs(gap - value))
        traded = cp.sum(cp.multiply(price, cp.abs(self._change + bought)))
        trades: Any = 0
        if any(isinstance(limit, TradeCountLimit | CostlyCashLimit) for limit in limits):
            trading = cp.Variable(len(lines), integer=integer, bounds=[0, 1])
            reach = [
                float(max(abs(end - line.held) for part in allowed for end in (part[0], part[-1])))
                for line, allowed in zip(lines, found.allowed, strict=True)
            ]
            demands.append(cp.abs(self._change + bought) <= cp.multiply(reach, trading))
            trades = cp.sum(trading)
        self._limits: list[Any] = []
        for limit in limits:
            if isinstance(limit, CashLimit):
                worth = sum(map(Line.value, lines, found.best))
                spent = cp.sum(value)
                if isinstance(limit, CostlyCashLimit):
                    spent += float(limit.rate) * traded + limit.fee / unit * trades
                self._limits.append(spent <= (limit.capacity - worth) / unit)
            elif isinstance(limit, TurnoverLimit):
                self._limits.append(traded <= limit.capacity / unit)
            elif isinstance(limit, GroupSide):
                room = (limit.capacity - limit.total(lines, found.best)) / unit
                signs = [float(limit.sign * line.is_in(limit.group)) for line in lines]
                self._limits.append(cp.sum(cp.multiply(signs, value)) <= room)
            else:
                self._limits.append(trades <= limit.capacity)
        self._counts = [isinstance(limit, TradeCountLimit) for limit in limits]
        aim = traded if problem.strategy is Strategy.TO_BAND else drift
        self._program = cp.Problem(cp.Minimize(aim), [*demands, *self._limits])

    def solve(self, timeout_seconds: float) -> None:
        """Run HiGHS on one thread; what it found by the end of the time remains."""
        if timeout_seconds <= 0:
            return
        cp = self._cp
        try:
            self._program.solve(
                solver=cp.HIGHS, threads=1, time_limit=timeout_seconds, mip_rel_gap=1e-9, mip_abs_gap=1e-7
            )
        except cp.error.SolverError:  # nothing found in time: there is no proposal
            return

    def shares(self) -> list[int] | None:
        """The shares proposed."""
        changes = self._change.value
        if changes is None or not (np.abs(changes) < SENSELESS).all():
            return None
        return [best + round(change) for best, change in zip(self._best, changes, strict=True)]

    def multipliers(self) -> list[float]:
        """The dual values of the limits; 0 where there are none."""
        values = [0.0 if limit.dual_value is None else float(limit.dual_value) for limit in self._limits]
        return [
            (value if abs(value) < SENSELESS else 0.0) * (self._unit if counts else 1)
            for value, counts in zip(values, self._counts, strict=True)
        ]

    def _pick(self, found: Choices, *, integer: bool) -> tuple[Any, list[Any]]:
        """Changes of shares, and the demands that keep each of them in one allowed range."""
        cp = self._cp
        owners = [index for index, allowed in enumerate(found.allowed) for _ in allowed]
        parts = [part for allowed in found.allowed for part in allowed]
        last = np.array([length(part) - 1.0 for part in parts])
        chosen = cp.Variable(len(parts), integer=integer, bounds=[0, 1])
        steps = cp.Variable(len(parts), integer=integer, bounds=[0, last])
        starts = [float(part[0] - found.best[owner]) for owner, part in zip(owners, parts, strict=True)]
        sizes = [float(part.step) for part in parts]
        rows = np.equal.outer(np.arange(len(found.best)), np.array(owners)).astype(float)
        demands = [steps <= cp.multiply(last, chosen), rows @ chosen == 1]
        return rows @ (cp.multiply(starts, chosen) + cp.multiply(sizes, steps)), demands
