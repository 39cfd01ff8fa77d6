"""The closed form over blocks of rows, in float64, where the float is beyond doubt.

With u = 2^-53 a float64 share count x carries an error below 8 u |x|: where the nearest share, the band and
the floor are further from a tie or an edge than that, the float has decided what exact arithmetic would
decide (a standard forward error bound: Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
ch. 3). What a decided row is worth against its targets is then counted in whole numbers.
"""

from math import lcm
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.batch.batch import Batch, Floats, Integers

BLOCK_CELLS = 32_768
"""Cells of a block: 256 KiB of float64, so that the few arrays of a block share a second-level cache."""

EXACT_FLOAT = 1 << 52
"""Sums of whole numbers below this are exact in float64, with a bit to spare for judging it in float64."""


def block_rows(width: int) -> int:
    """The rows of a block, for rows of so many cells."""
    return max(1, BLOCK_CELLS // max(1, width))


class Scale(NamedTuple):
    """A batch's money in whole units.

    Attributes:
        unit: units in one of money.
        prices: N, of one quantity step, in units.
        cash: of one cash step, in units.
    """

    unit: int
    prices: list[int]
    cash: int


def scale_of(batch: Batch) -> Scale:
    """The coarsest units that count every price and the cash."""
    ratios = [position.terms.price for position in batch.positions]
    steps = batch.quantity_step.as_integer_ratio()
    cash = batch.cash_step.as_integer_ratio()
    unit = lcm(cash[1], *(steps[1] * below for _, below in ratios))
    prices = [above * steps[0] * unit // (below * steps[1]) for above, below in ratios]
    return Scale(unit, prices, cash[0] * unit // cash[1])


class Grid:
    """The closed form of one batch, block by block."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        scale = scale_of(batch)
        self._cash_scale = scale.cash
        self._usable = batch.quantity_step == 1 and max([scale.cash, *scale.prices]) < EXACT_FLOAT
        if not self._usable:
            return
        self._prices = np.array(scale.prices, dtype=np.float64)
        weights = [(position.target, position.low_drift, position.high_drift) for position in batch.positions]
        self._target, self._low, self._high = (
            np.array([float(row[column]) for row in weights]) / self._prices for column in range(3)
        )
        self._to_zero = np.array([one.low_drift >= one.target for one in batch.positions], dtype=bool)

    def solve(self, span: slice, orders: Integers) -> NDArray[np.bool_]:
        """Write the orders of a block; which rows are decided beyond doubt."""
        count = len(orders)
        if not self._usable:
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
        shares[~decided] = 0  # what is beyond doubt fits into 64 bits
        orders[...] = shares
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
