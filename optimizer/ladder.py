"""The ways down from a position's best shares: what each frees in cash, and what it costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from optimizer.problem import Line


class Option(NamedTuple):
    """One rung of a ladder relative to its top: cash freed (units, >= 0) and cost (>= 0)."""

    freed: int
    cost: int


@dataclass(frozen=True, slots=True)
class Costs:
    """Drift, then turnover, then number of trades, as one integer that orders answers lexicographically.

    Attributes:
        turnover_bits: more bits than any portfolio turnover of the problem needs.
        trade_bits: more bits than any number of trades needs; 0 leaves that number out of the cost.
    """

    turnover_bits: int
    trade_bits: int

    def of(self, line: Line, shares: int) -> int:
        """The cost of one position at the given shares; costs of positions add up."""
        price, residual, target, _, _, held = line
        drift = abs(target - residual - shares * price)
        turnover = abs(shares - held) * price
        traded = self.trade_bits > 0 and shares != held
        return (((drift << self.turnover_bits) + turnover) << self.trade_bits) + traded

    def primary(self, cost: int) -> int:
        """The drift in a cost, rounded down."""
        return cost >> (self.turnover_bits + self.trade_bits)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Allowed shares of one position, from the best one downwards.

    Attributes:
        line: the position.
        rungs: allowed shares, descending; the first is the cheapest of all.
        cost: cost of a line at given shares.
    """

    line: Line
    rungs: Sequence[int]
    cost: Callable[[Line, int], int]

    def option(self, rung: int) -> Option:
        """What standing on `rung` frees and costs, against the top."""
        top, shares = self.rungs[0], self.rungs[rung]
        freed = (top - shares) * self.line.price
        return Option(freed, self.cost(self.line, shares) - self.cost(self.line, top))

    def corners(self) -> list[int]:
        """Rungs between which the cost is linear: the ends, and those about the target and the holding."""
        last = len(self.rungs) - 1
        breaks = (self.line.held, (self.line.target - self.line.residual) // self.line.price)
        around = {self._rung_at(shares) + step for shares in breaks for step in (-1, 0, 1)}
        return sorted({0, last} | {rung for rung in around if 0 < rung < last})

    def _rung_at(self, shares: int) -> int:
        """The first rung at or below `shares`."""
        low, high = 0, len(self.rungs)
        while low < high:
            middle = (low + high) // 2
            if self.rungs[middle] <= shares:
                high = middle
            else:
                low = middle + 1
        return low
