"""What a limit on the weight of a security leaves one position: a range of values, in units."""

from collections.abc import Iterable
from dataclasses import dataclass

from optimizer.problem.constraints import Barrier, Shares, clip
from optimizer.problem.line import Line
from optimizer.problem.weight_limits import Money


@dataclass(frozen=True, slots=True)
class ValueRange:
    """A position that is worth no less and no more than this afterwards.

    Attributes:
        money: the limit.
    """

    money: Money

    def narrow(self, shares: Shares, line: Line, _unit: int) -> Shares:
        """Only what is worth enough and not too much."""
        least = None if self.money.low is None else self.least(line)
        return clip(shares, least, self.most(line))

    def least(self, line: Line) -> int:
        """The fewest shares that are worth enough; 0 without a minimum."""
        return 0 if self.money.low is None else -((line.residual - self.money.low) // line.price)

    def most(self, line: Line) -> int | None:
        """The most shares that are not worth too much, below 0 where none are; None without a maximum."""
        if self.money.high is None:
            return None
        most = (self.money.high - line.residual) // line.price
        return max(most, 0) if self.money.admits_residuals else most

    def admits(self, line: Line, shares: int) -> bool:
        """Whether a position of so many shares is within the range."""
        return bool(self.narrow((range(shares, shares + 1),), line, 1))

    def excused(self, line: Line, barriers: Iterable[Barrier]) -> "ValueRange":
        """The range up to the holding, on a side that it breaks and that no permitted order mends."""
        if self.admits(line, line.held):
            return self
        value, money = line.value(line.held), self.money
        if money.high is not None and value > money.high and any(one.forbids(-1) for one in barriers):
            return ValueRange(money._replace(high=value))
        if money.low is not None and value < money.low and any(one.forbids(1) for one in barriers):
            return ValueRange(money._replace(low=value))
        return self
