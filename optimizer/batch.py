"""Many portfolios over one model and one set of prices, as arrays.

Rows are portfolios, columns are securities. Every number that goes in is a whole number of a decimal step,
so arrays hold exact values. The closed form is evaluated in float64, block by block so that a block stays
in the processor's cache. With u = 2^-53 a float64 share count x carries an error below 8 u |x|: where the
nearest share, the band and the floor are further from a tie or an edge than that, the float has decided
what exact arithmetic would decide (a standard forward error bound: Higham, "Accuracy and Stability of
Numerical Algorithms", 2002, ch. 3). Every other row, and every row that the floor binds or that has no
answer, is solved by `solve` in integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from math import lcm

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import OptimizerError
from optimizer.exact import times_whole
from optimizer.position import Position
from optimizer.problem import Problem
from optimizer.solution import Solution, Status
from optimizer.solver import ZERO, solve

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

BLOCK_CELLS = 32_768
"""Cells of a block: 256 KiB of float64, so that the few arrays of a block share a second-level cache."""

EXACT_FLOAT = 1 << 52
"""Sums of whole numbers below this are exact in float64, with a bit to spare for judging it in float64."""


class BatchStatus(IntEnum):
    """What is known of one row, as the small number that the status array holds."""

    PROVEN_OPTIMAL = 0
    FEASIBLE = 1
    INFEASIBLE = 2


@dataclass(frozen=True, eq=False)
class Batch:
    """P portfolios over N securities.

    Args:
        positions: N, each with its price, target and drifts; their quantities are ignored.
        quantities: (P, N) int64, holdings in steps of `quantity_step` shares.
        cash: (P,) int64, in steps of `cash_step`.
        cash_floors: (P,) int64, in steps of `cash_step`; None switches the check off for all.
        quantity_step: what a 1 in `quantities` means; 1: whole shares.
        cash_step: what a 1 in `cash` means.

    Raises:
        OptimizerError: shapes or types that do not fit, or a security twice.
    """

    positions: Sequence[Position]
    quantities: Integers
    cash: Integers
    cash_floors: Integers | None
    quantity_step: Decimal = Decimal(1)
    cash_step: Decimal = Decimal("0.01")

    def __post_init__(self) -> None:
        count = len(self.cash)
        expected = {"quantities": (count, len(self.positions)), "cash": (count,), "cash_floors": (count,)}
        for name, shape in expected.items():
            array = getattr(self, name)
            if array is not None and (array.dtype != np.int64 or array.shape != shape):
                raise OptimizerError(
                    f"{name} must be int64 of shape {shape}, not {array.dtype} {array.shape}"
                )
        ids = [position.security_id for position in self.positions]
        if len(set(ids)) < len(ids):
            twice = next(security_id for security_id in ids if ids.count(security_id) > 1)
            raise OptimizerError(f"security {twice}: must appear once, not twice")
        for name in ("quantity_step", "cash_step"):
            if not getattr(self, name) > 0:
                raise OptimizerError(f"{name} must be > 0, not {getattr(self, name)}")

    def problem(self, row: int) -> Problem:
        """The problem of one portfolio."""
        floor = None if self.cash_floors is None else self._money(self.cash_floors[row])
        return Problem(
            tuple(
                one.holding(times_whole(self.quantity_step, int(quantity)))
                for one, quantity in zip(self.positions, self.quantities[row], strict=True)
            ),
            self._money(self.cash[row]),
            floor,
        )

    def _money(self, steps: np.int64) -> Decimal:
        return times_whole(self.cash_step, int(steps))


@dataclass(frozen=True, eq=False)
class BatchSolution:
    """The answers of a batch, row by row.

    Attributes:
        batch: what was solved.
        statuses: (P,) uint8, values of `BatchStatus`.
        orders: (P, N) int64, whole shares; zeros where infeasible.
    """

    batch: Batch
    statuses: NDArray[np.uint8]
    orders: Integers
    kept: dict[int, Solution] = field(default_factory=dict, repr=False)

    def solution(self, row: int) -> Solution:
        """One row in full: quantities, objective, reasons, conflicts. Made when asked for."""
        return self.kept.get(row) or solve(self.batch.problem(row))


def solve_batch(batch: Batch, *, timeout_seconds: float = 30.0, tolerance: Decimal = ZERO) -> BatchSolution:
    """The same answers as `solve` gives portfolio by portfolio, for all rows at once.

    Args:
        batch: the portfolios.
        timeout_seconds: for each row that needs a search.
        tolerance: in money; a row's search may stop once its answer is as near to its lower bound.

    Returns:
        Orders and statuses as arrays; `solution(row)` for the details of a row.

    Raises:
        OptimizerError: bad numbers in a row, named as `solve` names them.
    """
    count, width = batch.quantities.shape
    orders = np.zeros((count, width), dtype=np.int64)
    statuses = np.zeros(count, dtype=np.uint8)
    kept: dict[int, Solution] = {}
    grid = _Grid(batch)
    rows = max(1, BLOCK_CELLS // max(1, width))
    for start in range(0, count, rows):
        span = slice(start, min(start + rows, count))
        undecided = np.flatnonzero(~grid.solve(span, orders[span])) + start
        for row in map(int, undecided):
            solution = _solve_row(batch, row, timeout_seconds, tolerance)
            statuses[row] = BatchStatus[solution.status.name]
            orders[row] = solution.orders if solution.status is not Status.INFEASIBLE else 0
            if solution.status is not Status.PROVEN_OPTIMAL:
                kept[row] = solution
    return BatchSolution(batch, statuses, orders, kept)


def _solve_row(batch: Batch, row: int, timeout_seconds: float, tolerance: Decimal) -> Solution:
    try:
        return solve(batch.problem(row), timeout_seconds=timeout_seconds, tolerance=tolerance)
    except OptimizerError as error:
        raise OptimizerError(f"row {row}: {error}") from error


class _Grid:
    """The closed form over blocks of rows, in float64, with room for what a block needs."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        ratios = [position.terms.price for position in batch.positions]
        steps = batch.quantity_step.as_integer_ratio()
        cash = batch.cash_step.as_integer_ratio()
        unit = lcm(cash[1], *(steps[1] * below for _, below in ratios))
        prices = [above * steps[0] * unit // (below * steps[1]) for above, below in ratios]
        self._cash_scale = cash[0] * unit // cash[1]
        self._whole = batch.quantity_step == 1
        self._fits = max([self._cash_scale, *prices]) < EXACT_FLOAT
        if not (self._whole and self._fits):
            return
        self._prices = np.array(prices, dtype=np.float64)
        weights = [(position.target, position.low_drift, position.high_drift) for position in batch.positions]
        self._target, self._low, self._high = (
            np.array([float(row[column]) for row in weights]) / self._prices for column in range(3)
        )
        self._to_zero = np.array([one.low_drift >= one.target for one in batch.positions], dtype=bool)

    def solve(self, span: slice, orders: Integers) -> NDArray[np.bool_]:
        """Write the orders of a block; which rows are decided beyond doubt."""
        count = len(orders)
        if not (self._whole and self._fits):
            return np.zeros(count, dtype=bool)
        held = self._batch.quantities[span].astype(np.float64)
        cash = self._batch.cash[span].astype(np.float64) * self._cash_scale
        bound = np.abs(held) @ self._prices + np.abs(cash)
        value = held @ self._prices + cash
        ideal = np.multiply.outer(value, self._target)
        shares = np.rint(ideal)
        doubt = 1e-12 + 2**-48 * float(np.max(ideal, initial=0.0))
        decided = (value > 0) & (bound < EXACT_FLOAT)
        np.subtract(ideal, shares, out=ideal)
        self._judge(ideal, shares, value, doubt, decided)
        invested = shares @ self._prices
        decided &= invested < EXACT_FLOAT
        if self._batch.cash_floors is not None:
            floors = self._batch.cash_floors[span].astype(np.float64) * self._cash_scale
            decided &= (np.abs(floors) < EXACT_FLOAT) & (value - invested >= floors)
        np.subtract(shares, held, out=shares)
        orders[...] = shares
        orders[~decided] = 0
        return decided

    def _judge(
        self, above: Floats, shares: Floats, value: Floats, doubt: float, decided: NDArray[np.bool_]
    ) -> None:
        """Clear rows that may have a tie, or a share outside its band; `above`: target less shares."""
        if not decided.any():
            return
        half = 0.5 - doubt
        narrowest = float(np.min(value[decided]))
        tight = np.flatnonzero(narrowest * np.minimum(self._low, self._high) <= 0.5 + doubt)
        if above.size and max(above.max(), -above.min()) >= half:
            decided &= (np.abs(above) < half).all(axis=1)
        if tight.size:
            part, money = above[:, tight], value[:, None]
            above_low = (part <= money * self._low[tight] - doubt) | self._to_zero[tight]
            below_high = (-part <= money * self._high[tight] - doubt) | (shares[:, tight] == 0)
            decided &= (above_low & below_high).all(axis=1)
