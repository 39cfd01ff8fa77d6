"""All sums of one number a position that others can complete."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = NDArray[np.int64]

MAX_SUMS, MAX_GROWTH = 1 << 19, 1 << 21
"""Sums of some positions, at most, and sums that are looked at to add a position."""


class Sums:
    """The different sums of some positions within bounds, grown position by position.

    Args:
        columns: the numbers of each position, none negative.
        least: what a sum must be, at least.
        most: what it may be.

    Attributes:
        sums: in ascending order; None where they are too many.
    """

    def __init__(self, columns: Sequence[Integers], least: int, most: int) -> None:
        self._columns = columns
        self._stages: list[Integers] = []
        self.sums: Integers | None = np.zeros(1, dtype=np.int64)
        rest = sum(int(column.max()) for column in columns)
        for column in columns:
            if len(self.sums) * len(column) > MAX_GROWTH:
                self.sums = None
                return
            self._stages.append(self.sums)
            rest -= int(column.max())
            grown = np.add.outer(self.sums, column).ravel()
            self.sums = np.unique(grown[(grown <= most) & (grown >= least - rest)])
        if len(self.sums) > MAX_SUMS:
            self.sums = None

    def options(self, value: int) -> list[int]:
        """The place of the number that each position takes in a sum."""
        options: list[int] = []
        for stage, column in zip(reversed(self._stages), reversed(self._columns), strict=True):
            option = int(np.flatnonzero(np.isin(value - column, stage))[0])
            options.append(option)
            value -= int(column[option])
        return options[::-1]
