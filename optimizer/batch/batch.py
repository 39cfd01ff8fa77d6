"""Many portfolios over one model and one set of prices, as arrays.

Rows are portfolios, columns are securities. Every number that goes in is a whole number of a decimal step,
so arrays hold exact values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from optimizer.problem.errors import OptimizerError
from optimizer.problem.exact import times_whole
from optimizer.problem.position import Position
from optimizer.problem.problem import Problem

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


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
                one.holding(times_whole(self.quantity_step, quantity))
                for one, quantity in zip(self.positions, self.quantities[row].tolist(), strict=True)
            ),
            self._money(self.cash[row]),
            floor,
        )

    def _money(self, steps: np.int64) -> Decimal:
        return times_whole(self.cash_step, int(steps))
