"""Decides which multipliers a Lagrangian bound is taken at: those that raise it most, as floats see it.

The bound is concave and piecewise linear in the multipliers, so boxes around the best point of a grid close
in on its greatest value. All of it proposes only: a bound holds at any multipliers, and is taken in integers.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from optimizer.enumeration.enumeration import Clock

Floats = NDArray[np.float64]

POINTS = {1: 17, 2: 7, 3: 5}
"""Points of the grid a multiplier, by how many there are."""

LINE = np.array([0, -1, -0.5, -0.25, 0.25, 0.5, 1])
"""Points about a multiplier, in widths, where one is chosen at a time; of equal ones it stays."""

ROUNDS = 22
"""Boxes, each half as wide as the one before."""

MOST_RATE = 4.0
"""Units of the objective that a unit of money may cost."""


class Dual:
    """The bound in floats.

    Args:
        costs: of the corners of all positions, one position after the other, in units.
        uses: (L, C), what the corners use of each limit.
        starts: where the corners of each position begin.
        capacities: L.
    """

    def __init__(
        self,
        costs: Sequence[int],
        uses: Sequence[Sequence[int]],
        starts: Sequence[int],
        capacities: Sequence[int],
    ) -> None:
        self._costs = np.array(costs, dtype=np.float64)
        self._uses = np.array(uses, dtype=np.float64)
        self._starts = np.array(starts)
        self._capacities = np.array(capacities, dtype=np.float64)
        spread = float(np.ptp(self._costs)) if len(costs) else 0.0
        wide = [float(np.ptp(row)) if len(costs) else 0.0 for row in self._uses]
        # A rate is at most what a unit of money costs; where uses are counted, what a whole position costs.
        self._most = np.array([MOST_RATE if one > len(starts) else spread for one in wide])

    def bounds(self, multipliers: Floats) -> Floats:
        """The bound at each of (K, L) multipliers."""
        brackets = self._costs + multipliers @ self._uses
        least = np.minimum.reduceat(brackets, self._starts, axis=1)
        found: Floats = least.sum(axis=1) - multipliers @ self._capacities
        return found

    def best(self, expired: Clock) -> list[float]:
        """Multipliers of about the greatest bound."""
        count = len(self._capacities)
        if count not in POINTS:
            return best_in_turn(self.bounds, self._most, expired)
        center, width = self._most / 2, self._most / 2
        steps = np.array(list(product(np.linspace(-1, 1, POINTS[count]), repeat=count)))
        best = (-np.inf, center)
        for _ in range(ROUNDS):
            if expired():
                break
            grid = np.clip(center + steps * width, 0, None)
            bounds = self.bounds(grid)
            place = int(np.argmax(bounds))
            best = max(best, (float(bounds[place]), grid[place]), key=lambda one: one[0])
            center, width = best[1], width / 2
        return [float(one) for one in best[1]]


def best_in_turn(bounds: Callable[[Floats], Floats], most: Floats, expired: Clock) -> list[float]:
    """Multipliers of about the greatest bound, of many: one after the other, as a grid has too many points.

    Args:
        bounds: at each of (K, L) multipliers.
        most: L, what each multiplier may be.
        expired: whether time is up.
    """
    best, width = np.zeros_like(most), most / 2
    for _ in range(ROUNDS):
        for place in range(len(best)):
            if expired():
                return [float(one) for one in best]
            points = best + np.outer(LINE, np.where(np.arange(len(best)) == place, width, 0))
            grid = np.clip(points, 0, None)
            best = grid[int(np.argmax(bounds(grid)))]
        width = width / 2
    return [float(one) for one in best]
