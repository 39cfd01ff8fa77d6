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
from optimizer.limits.limits import CostlyCashLimit, Limit, TradeCountLimit, TurnoverLimit
from optimizer.problem.constraints import length
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem, Strategy
from optimizer.separable.choices import Choices


class Proposal(NamedTuple):
    """What the general solver suggests.

    Attributes:
        shares: whole shares per position, perhaps slightly infeasible; None if it found none.
        multipliers: one a limit, units of the objective per unit used; from the linear relaxation. Where that
            has no answer, those by which the sum of all limits cannot be kept.
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
        if relaxed.is_infeasible:
            elastic = _Model(problem, found, limits, integer=False, elastic=True)
            elastic.solve(deadline - monotonic())
            return Proposal(None, elastic.multipliers())
        model = _Model(problem, found, limits, integer=True)
        model.solve(deadline - monotonic())
        return Proposal(model.shares(), relaxed.multipliers())


class _Model:
    """The program in cvxpy's terms: `shares = best + change`, a change picked from one allowed range.

    An elastic one asks for the least that limits are exceeded by.
    """

    def __init__(
        self,
        problem: Problem,
        found: Choices,
        limits: Sequence[Limit],
        *,
        integer: bool,
        elastic: bool = False,
    ) -> None:
        import_module("highspy")  # cvxpy only logs that it is missing, and then finds nothing
        cp: Any = import_module("cvxpy")  # takes a second, and few problems need it
        # Of what HiGHS found when its time was up: it is all that is asked for, and is checked.
        filterwarnings("ignore", "Solution may be inaccurate", UserWarning)
        self._cp = cp
        lines = problem.lines
        self._lines, self._found, self._is_integer = lines, found, integer
        self._unit = unit = float(median(line.price for line in lines))
        price = [line.price / unit for line in lines]
        self._change, self._demands = self._pick(found, integer=integer)
        gap = [(line.target - line.value(best)) / unit for line, best in zip(lines, found.best, strict=True)]
        self._value = cp.multiply(price, self._change)
        self._bought = [float(best - line.held) for line, best in zip(lines, found.best, strict=True)]
        self._traded = cp.sum(cp.multiply(price, cp.abs(self._change + self._bought)))
        self._trades = self._counted() if any(map(_counts_trades, limits)) else 0
        beyond = cp.Variable(len(limits), nonneg=True) if elastic else [0] * len(limits)
        self._limits: list[Any] = []
        for index, (use, most) in enumerate(map(self._use, limits)):
            self._limits.append(use <= most + beyond[index])
        self._counts = [isinstance(limit, TradeCountLimit) for limit in limits]
        drift = cp.sum(cp.abs(gap - self._value))
        aim = self._traded if problem.strategy is Strategy.TO_BAND else drift
        self._program = cp.Problem(
            cp.Minimize(cp.sum(beyond) if elastic else aim), [*self._demands, *self._limits]
        )

    def _use(self, limit: Limit) -> tuple[Any, float]:
        """What a limit is used by, and the most that it may be."""
        cp, lines, best = self._cp, self._lines, self._found.best
        if isinstance(limit, TurnoverLimit):
            return self._traded, limit.capacity / self._unit
        if isinstance(limit, TradeCountLimit):
            return self._trades, limit.capacity
        if isinstance(limit, GroupSide):
            room = (limit.capacity - limit.total(lines, best)) / self._unit
            signs = [float(limit.sign * line.is_in(limit.group)) for line in lines]
            return cp.sum(cp.multiply(signs, self._value)), room
        spent = cp.sum(self._value)
        if isinstance(limit, CostlyCashLimit):
            spent += float(limit.rate) * self._traded + limit.fee / self._unit * self._trades
        return spent, (limit.capacity - sum(map(Line.value, lines, best))) / self._unit

    def _counted(self) -> Any:  # noqa: ANN401 - see the whole program
        """The number of trades, each of which is whole where shares are."""
        cp, lines = self._cp, self._lines
        trades = cp.Variable(len(lines), integer=self._is_integer, bounds=[0, 1])
        reach = [
            float(max(abs(end - line.held) for part in allowed for end in (part[0], part[-1])))
            for line, allowed in zip(lines, self._found.allowed, strict=True)
        ]
        self._demands.append(cp.abs(self._change + self._bought) <= cp.multiply(reach, trades))
        return cp.sum(trades)

    @property
    def is_infeasible(self) -> bool:
        """Whether the solver says that there is no answer."""
        return bool(self._program.status == self._cp.INFEASIBLE)

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
        return [best + round(change) for best, change in zip(self._found.best, changes, strict=True)]

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


def _counts_trades(limit: Limit) -> bool:
    return isinstance(limit, TradeCountLimit | CostlyCashLimit)
