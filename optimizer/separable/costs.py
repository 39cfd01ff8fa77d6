"""What an answer is judged by: the aims of a strategy, one after the other, as one integer."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from optimizer.problem.line import Line


class Spans(NamedTuple):
    """Upper bounds over all answers of a problem: turnover and drift in units, number of trades."""

    turnover: int
    drift: int
    trades: int


@dataclass(frozen=True, slots=True)
class Costs:
    """Lexicographic costs: first aim, second aim, number of trades; costs of positions add up.

    Attributes:
        turnover_first: turnover before drift (TO_BAND) instead of drift before turnover (TO_TARGET).
        second_bits: more bits than the second aim needs over a whole portfolio; 0 leaves that aim out.
        trade_bits: more bits than the number of trades needs; 0 leaves that number out.
    """

    turnover_first: bool
    second_bits: int
    trade_bits: int

    @classmethod
    def spanning(cls, turnover_first: bool, spans: Spans) -> "Costs":
        """Costs whose later aims never outweigh an earlier one."""
        second = spans.drift if turnover_first else spans.turnover
        return cls(turnover_first, second.bit_length() + 1, spans.trades.bit_length() + 1)

    def aims(self, line: Line, shares: int) -> tuple[int, int, int]:
        """First aim, second aim and number of trades of one position at the given shares."""
        drift, turnover = abs(line.target - line.value(shares)), abs(shares - line.held) * line.price
        trades = int(shares != line.held)
        return (turnover, drift, trades) if self.turnover_first else (drift, turnover, trades)

    def of(self, line: Line, shares: int) -> int:
        """The cost of one position at the given shares."""
        price, residual, target, _, _, held = line
        first, second = abs(target - residual - shares * price), abs(shares - held) * price
        if self.turnover_first:
            first, second = second, first
        if self.second_bits == 0:
            return first
        cost = (first << self.second_bits) + second
        return (cost << self.trade_bits) + (shares != held) if self.trade_bits else cost

    def first(self, cost: int) -> int:
        """The first aim in a cost, rounded down."""
        return cost >> self.later_bits

    @property
    def later_bits(self) -> int:
        """Binary places of a cost below its first aim."""
        return self.second_bits + self.trade_bits

    def coarser(self) -> "tuple[Costs, Costs]":
        """The same without the number of trades, and the first aim alone."""
        return replace(self, trade_bits=0), replace(self, second_bits=0, trade_bits=0)
