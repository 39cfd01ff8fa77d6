"""Limits that couple positions: cash, turnover, number of trades."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd
from typing import Self

from optimizer.cover.ladder import Rungs
from optimizer.problem.constraints import (
    MaximumTradeCount,
    MaximumTurnover,
    Shares,
    TradingCosts,
    clip,
    length,
)
from optimizer.problem.line import Line
from optimizer.problem.problem import Problem
from optimizer.problem.reason import Reason
from optimizer.separable.conflict import Conflict, cash_conflict, count_conflict, turnover_conflict


@dataclass(frozen=True, slots=True)
class Limit(ABC):
    """A capacity that all positions use together.

    Attributes:
        capacity: the most that may be used.
        reason: why a position gave way to this limit.
    """

    capacity: int
    reason: Reason

    @abstractmethod
    def use(self, line: Line, shares: int) -> int:
        """What a position uses at the given shares."""

    @abstractmethod
    def rungs(self, line: Line, shares: Shares, best: int) -> Rungs:
        """Allowed shares from the best ones to ever lesser use."""

    @abstractmethod
    def within(self, line: Line, shares: Shares, most: int) -> Shares:
        """Allowed shares that use no more than `most` shares do."""

    @abstractmethod
    def fitting(self, line: Line, shares: Shares, left: int) -> Shares:
        """Allowed shares that use no more than is left of the capacity."""

    @abstractmethod
    def conflict(self, problem: Problem, least: int) -> Conflict:
        """The conflict where even the least use exceeds the capacity."""

    def least_use(self, line: Line, shares: Shares, best: int) -> int:
        """The least that a position can use."""
        rungs = self.rungs(line, shares, best)
        return self.use(line, rungs[rungs.count - 1])

    def total(self, lines: Sequence[Line], shares: Sequence[int]) -> int:
        """What a portfolio uses."""
        return sum(map(self.use, lines, shares))

    def tightened(self, lines: Sequence[Line], allowed: Sequence[Shares], shares: Sequence[int]) -> Self:
        """The same without what no change of the given shares can use, whatever it is."""
        unit = 0
        for line, parts, count in zip(lines, allowed, shares, strict=True):
            base = self.use(line, count)
            for part in parts:
                ends = {*part[:2], *part[-1:], *_about(part, line.held)}
                unit = gcd(unit, *(self.use(line, end) - base for end in ends))
        spare = self.capacity - self.total(lines, shares)
        return replace(self, capacity=self.capacity - spare % unit) if unit else self

    def is_met(self, lines: Sequence[Line], shares: Sequence[int]) -> bool:
        """Whether the shares keep within the capacity."""
        return self.total(lines, shares) <= self.capacity


def _about(part: range, count: int) -> range:
    """The shares of a range next to some others, where a use that counts from those may bend."""
    place = min(max((count - part.start) // part.step, 0), length(part) - 1)
    return part[max(0, place - 1) : place + 3]


class CashLimit(Limit):
    """Positions are worth at most what the cash floor leaves; capacity in units."""

    __slots__ = ()

    def use(self, line: Line, shares: int) -> int:
        """The value of the position."""
        return shares * line[0] + line[1]

    def rungs(self, line: Line, shares: Shares, best: int) -> Rungs:  # noqa: ARG002 - others need the line
        """Ever fewer shares."""
        return Rungs.down(shares, best)

    def within(self, line: Line, shares: Shares, most: int) -> Shares:  # noqa: ARG002 - others need the line
        """At most as many."""
        return clip(shares, None, most)

    def fitting(self, line: Line, shares: Shares, left: int) -> Shares:
        """At most what they are worth."""
        return clip(shares, None, (left - line.residual) // line.price)

    def conflict(self, problem: Problem, least: int) -> Conflict:
        """Too little cash is left at the bottom of all bands."""
        return cash_conflict(problem, least)


@dataclass(frozen=True, slots=True)
class CostlyCashLimit(CashLimit):
    """Positions, and what trading into them costs, are worth at most what the floor leaves; in units.

    A sale frees what it brings less its costs. Below the holding, and above it, use falls share by share;
    from one share below it to the holding it falls as well, where a share is worth less than its costs.

    Attributes:
        rate: of the value of an order, in [0, 1); a price times it is whole.
        fee: of an order, in units.
    """

    rate: Fraction
    fee: int

    def use(self, line: Line, shares: int) -> int:
        """The value of the position, and the costs of its order."""
        value = shares * line[0] + line[1]
        change = abs(shares - line.held)
        return value + change * self._share_costs(line) + self.fee if change else value

    def rungs(self, line: Line, shares: Shares, best: int) -> Rungs:
        """Ever fewer shares, and the holding, by drift, without those that use no less than others.

        The holding is a range of its own, as what is freed on the way to it is not what is freed elsewhere.
        """
        held = clip(shares, line.held, line.held)
        if not held:
            return Rungs.down(shares, best)
        if best >= line.held:
            least = clip(shares, None, self._paying(line))
            return Rungs(
                (*Rungs.down(clip(shares, line.held + 1, None), best).parts, *held, *_downwards(least))
            )
        nearer = Rungs.down(clip(shares, min(best, self._as_near_as_held(line)), None), best)
        if self.use(line, nearer[nearer.count - 1]) <= self.use(line, line.held):
            return Rungs.down(shares, best)
        below = min(nearer[nearer.count - 1] - 1, self._paying(line))
        return Rungs((*nearer.parts, *held, *_downwards(clip(shares, None, below))))

    def within(self, line: Line, shares: Shares, most: int) -> Shares:
        """Those that use at most as much."""
        return self.fitting(line, shares, self.use(line, most))

    def fitting(self, line: Line, shares: Shares, left: int) -> Shares:
        """At most what they are worth and cost."""
        held, costs = line.held, self._share_costs(line)
        spare = left - line.residual - self.fee
        below = min(held - 1, (spare - costs * held) // (line.price - costs))
        above = (spare + costs * held) // (line.price + costs)
        stay = clip(shares, held, held) if line.value(held) <= left else ()
        return (*clip(shares, None, below), *stay, *clip(shares, held + 1, above))

    def _share_costs(self, line: Line) -> int:
        return line.price * self.rate.numerator // self.rate.denominator

    def _paying(self, line: Line) -> int:
        """The most shares below the holding whose sale frees more than it costs."""
        return line.held - 1 - self.fee // (line.price - self._share_costs(line))

    def _as_near_as_held(self, line: Line) -> int:
        """The fewest shares that are nearer to the target than the holding, which lies above it."""
        gap = abs(line.target - line.value(line.held))
        return (line.target - gap - line.residual) // line.price + 1


def _downwards(shares: Shares) -> Shares:
    return tuple(part[::-1] for part in reversed(shares))


class TurnoverLimit(Limit):
    """Orders are worth at most a part of the market value; capacity in units."""

    __slots__ = ()

    def use(self, line: Line, shares: int) -> int:
        """The value of the order."""
        return abs(shares - line.held) * line.price

    def rungs(self, line: Line, shares: Shares, best: int) -> Rungs:
        """Ever nearer to the holding."""
        return Rungs.towards(shares, best, line.held)

    def within(self, line: Line, shares: Shares, most: int) -> Shares:
        """At most as far from the holding."""
        reach = abs(most - line.held)
        return clip(shares, line.held - reach, line.held + reach)

    def fitting(self, line: Line, shares: Shares, left: int) -> Shares:
        """At most as far from the holding as is paid for."""
        reach = left // line.price
        return clip(shares, line.held - reach, line.held + reach) if reach >= 0 else ()

    def conflict(self, problem: Problem, least: int) -> Conflict:
        """Repairing the bands takes more turnover."""
        return turnover_conflict(problem, least, self.capacity)


class TradeCountLimit(Limit):
    """At most so many positions trade; capacity in trades."""

    __slots__ = ()

    def use(self, line: Line, shares: int) -> int:
        """1 for a trade."""
        return int(shares != line.held)

    def rungs(self, line: Line, shares: Shares, best: int) -> Rungs:
        """The best shares, then no trade where that is allowed."""
        top = clip(shares, best, best)
        return Rungs(top if best == line.held else top + clip(shares, line.held, line.held))

    def within(self, line: Line, shares: Shares, most: int) -> Shares:
        """No trade where there was none."""
        return clip(shares, most, most) if most == line.held else shares

    def fitting(self, line: Line, shares: Shares, left: int) -> Shares:
        """All, where a trade is left; else the holding."""
        if left < 0:
            return ()
        return shares if left else clip(shares, line.held, line.held)

    def conflict(self, problem: Problem, least: int) -> Conflict:  # noqa: ARG002 - others need the unit
        """Repairing the bands takes more trades."""
        return count_conflict(least, self.capacity)


def limits_of(problem: Problem) -> list[Limit]:
    """The limits of a problem, the cash floor first."""
    limits: list[Limit] = []
    if problem.spendable is not None:
        limits.append(_cash_limit(problem, problem.spendable))
    for constraint in problem.constraints:
        if isinstance(constraint, MaximumTurnover):
            numerator, denominator = constraint.weight.as_integer_ratio()
            capacity = problem.market_value * numerator // denominator
            limits.append(TurnoverLimit(capacity, Reason.TURNOVER_LIMIT))
        elif isinstance(constraint, MaximumTradeCount):
            limits.append(TradeCountLimit(constraint.count, Reason.TRADE_COUNT_LIMIT))
    return limits


def _cash_limit(problem: Problem, spendable: int) -> CashLimit:
    for one in problem.constraints:
        if isinstance(one, TradingCosts) and (one.rate_weight or one.per_trade_amount):
            numerator, denominator = one.per_trade_amount.as_integer_ratio()
            fee = numerator * problem.unit // denominator
            return CostlyCashLimit(spendable, Reason.REDUCED_FOR_CASH, Fraction(one.rate_weight), fee)
    return CashLimit(spendable, Reason.REDUCED_FOR_CASH)
