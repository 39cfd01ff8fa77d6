"""Exact drift and reasons of the rows that the float grid decided, a block at a time.

Such a row holds whole shares only, and in it every position ends with the whole share nearest to its target:
no tie, no floor that binds, no band that clips. So `own_reason` leaves four reasons: there is no residual, no
share less than the position's own best, and what trades at all trades to its nearest share. Which of them
holds rests on three exact facts: the weights of the column, whether the order is zero, and whether the value
is the target, which is a difference of whole numbers.
"""

from math import lcm
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.batch.batch import Batch, Integers
from optimizer.batch.grid import block_rows, scale_of
from optimizer.problem.reason import Reason

REASONS = tuple(Reason)
"""What a reason's code stands for; codes fit a byte."""

CODES = {reason: code for code, reason in enumerate(REASONS)}
"""The code of each reason."""


class Row(NamedTuple):
    """One decided row.

    Attributes:
        drift: exact, in the units of its `GridRows`.
        codes: N, the reason of each position.
    """

    drift: int
    codes: list[int]


class _Block(NamedTuple):
    """R rows from `start`: their drifts, and (R, N) codes."""

    start: int
    drifts: list[int]
    codes: NDArray[np.uint8]


class GridRows:
    """Drift and reasons of the rows of one batch that the grid decided.

    Args:
        batch: what was solved.
        orders: (P, N) int64, its whole-share orders.

    Attributes:
        unit: units of drift in one of money.
    """

    def __init__(self, batch: Batch, orders: Integers) -> None:
        scale = scale_of(batch)
        terms = [position.terms for position in batch.positions]
        weight = lcm(*{one.weight for one in terms})
        self.unit = scale.unit * weight
        # At the nearest share |MV t - u p| <= p / 2, so no difference and no sum of a row exceeds 63 bits
        # where the sum of all p does not, in units. The products may, but int64 arrays wrap around: they
        # subtract modulo 2^64, and what lies within 63 bits comes out exactly. Elsewhere Python's integers.
        self._kind = np.dtype(np.int64 if sum(scale.prices) * weight < 1 << 63 else np.object_)
        self._batch, self._orders = batch, orders
        self._cash = scale.cash
        self._prices = np.array(scale.prices, dtype=np.int64)
        self._weighed: NDArray[Any] = np.array([price * weight for price in scale.prices], dtype=self._kind)
        self._targets: NDArray[Any] = np.array(
            [one.target * (weight // one.weight) for one in terms], dtype=self._kind
        )
        self._outside = np.array([one.low == one.high == 0 for one in terms], dtype=bool)
        self._height = block_rows(len(terms))
        self._recent: _Block | None = None

    def row(self, row: int) -> Row:
        """One row; meaningless if the grid did not decide it. The block around the last row is remembered."""
        start = row - row % self._height
        block = self._recent  # read once: another thread may be asking for another block
        if block is None or block.start != start:
            block = self._recent = self._block(start)
        return Row(block.drifts[row - start], block.codes[row - start].tolist())

    def _block(self, start: int) -> _Block:
        span = slice(start, start + self._height)
        held, orders = self._batch.quantities[span], self._orders[span]
        # The market value is below 2^52 in a decided row, as the grid checked.
        value = held @ self._prices + self._batch.cash[span] * self._cash
        above: NDArray[Any] = np.multiply.outer(value.astype(self._kind), self._targets)
        shares: NDArray[Any] = (held + orders).astype(self._kind)
        above -= shares * self._weighed
        codes = np.full(orders.shape, CODES[Reason.ROUNDED_TO_NEAREST_SHARE], dtype=np.uint8)
        codes[above == 0] = CODES[Reason.TRADED_TO_TARGET]
        codes[orders == 0] = CODES[Reason.ALREADY_NEAREST]
        codes[:, self._outside] = CODES[Reason.NOT_IN_MODEL]
        return _Block(start, np.abs(above).sum(axis=1).tolist(), codes)
