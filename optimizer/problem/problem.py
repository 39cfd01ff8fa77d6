"""One portfolio to rebalance: its positions, its cash and its cash floor."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import lcm
from operator import mul

from optimizer.problem.constraints import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    Restriction,
    TradingCosts,
)
from optimizer.problem.errors import OptimizerError
from optimizer.problem.exact import NOTHING, ratio, scaled
from optimizer.problem.line import Line, Member
from optimizer.problem.position import Position
from optimizer.problem.weight_limits import GroupLimit, SecurityLimit


class Strategy(Enum):
    """What a rebalance is for."""

    TO_TARGET = "TO_TARGET"
    """Least drift from target, then least turnover, then fewest trades."""
    TO_BAND = "TO_BAND"
    """Least turnover that brings every position inside its band, then least drift, then fewest trades."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One portfolio: minimise its drift from target by whole-share orders, inside bands and above a floor.

    Args:
        positions: every security held or in the model, once; may be empty (all cash).
        cash: money; may be negative (overdrawn).
        cash_floor: least cash after the rebalance, in money; None switches the check off.
        strategy: what to minimise.
        constraints: further demands; at most one restriction and one lot size a security, one minimum and one
            maximum of its weight, which may be two limits, groups of different names, and one of each other
            kind.

    Attributes:
        unit: the number of exact integer units in one of money; every integer below counts in units.
        market_value: cash plus the value of all holdings.
        spendable: the most that all positions may be worth together; None without a floor.
        lines: one `Line` a position, in order.

    Raises:
        OptimizerError: bad cash or floor, a security twice, or a market value that is not above zero.
    """

    positions: tuple[Position, ...]
    cash: Decimal
    cash_floor: Decimal | None = Decimal(0)
    strategy: Strategy = Strategy.TO_TARGET
    constraints: tuple[Constraint, ...] = ()
    unit: int = field(init=False, repr=False, compare=False)
    market_value: int = field(init=False, repr=False, compare=False)
    spendable: int | None = field(init=False, repr=False, compare=False)
    lines: tuple[Line, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "positions", tuple(self.positions))
        object.__setattr__(self, "constraints", tuple(self.constraints))
        _require_unique([position.security_id for position in self.positions])
        if self.constraints:
            self._require_once()
        cash = ratio(self.cash, "cash")
        floor = NOTHING if self.cash_floor is None else ratio(self.cash_floor, "cash_floor")
        rate, fee = _fineness(self.constraints)
        money, prices, residuals = _in_money(self.positions, lcm(cash[1], floor[1], fee))
        held = [position.held_shares for position in self.positions]
        market_value = scaled(cash, money) + sum(map(mul, held, prices)) + sum(residuals)
        if market_value <= 0:
            raise OptimizerError(f"market value must be > 0, not {Fraction(market_value, money)}")
        weight = lcm(rate, *{position.terms.weight for position in self.positions})
        spendable = None if self.cash_floor is None else (market_value - scaled(floor, money)) * weight
        lines = _lines(self.positions, prices, residuals, weight, market_value)
        if self.constraints:
            lines = _members(self.positions, lines, self.groups)
        object.__setattr__(self, "unit", money * weight)
        object.__setattr__(self, "market_value", market_value * weight)
        object.__setattr__(self, "spendable", spendable)
        object.__setattr__(self, "lines", lines)

    @property
    def groups(self) -> tuple[GroupLimit, ...]:
        """The groups, in order of the constraints: lines know them by their place."""
        return tuple(one for one in self.constraints if isinstance(one, GroupLimit))

    def _require_once(self) -> None:
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            raise OptimizerError(f"groups must have different names, not {', '.join(sorted(names))}")
        for kind in (Restriction, LotSize):
            _require_unique([one.security_id for one in self.constraints if isinstance(one, kind)])
        limits = [one for one in self.constraints if isinstance(one, SecurityLimit)]
        _require_unique([one.security_id for one in limits if one.minimum is not None])
        _require_unique([one.security_id for one in limits if one.maximum is not None])
        for limit in (OneSided, MinimumTradeValue, MaximumTurnover, MaximumTradeCount, TradingCosts):
            if sum(isinstance(one, limit) for one in self.constraints) > 1:
                raise OptimizerError(f"{limit.__name__} must be given once, not twice")


def _fineness(constraints: Sequence[Constraint]) -> tuple[int, int]:
    """The denominators of a rate of costs, and of what a trade costs."""
    for one in constraints:
        if isinstance(one, TradingCosts):
            return one.rate_weight.as_integer_ratio()[1], one.per_trade_amount.as_integer_ratio()[1]
    return 1, 1


def _require_unique(security_ids: Sequence[str]) -> None:
    if len(set(security_ids)) == len(security_ids):
        return
    seen: set[str] = set()
    for security_id in security_ids:
        if security_id in seen:
            raise OptimizerError(f"security {security_id}: must appear once, not twice")
        seen.add(security_id)


def _in_money(positions: Sequence[Position], least: int) -> tuple[int, list[int], list[int]]:
    """The units of money, a multiple of `least`, that count all prices and residuals, and their counts.

    They count all values too: a value is a whole number of prices and a residual.
    """
    prices = [position.terms.price for position in positions]
    residuals = [position.residual for position in positions]
    money = lcm(least, *{below for _, below in prices}, *{below for _, below in residuals})
    return (
        money,
        [above * (money // below) for above, below in prices],
        [above and above * (money // below) for above, below in residuals],
    )


def _lines(
    positions: Sequence[Position],
    prices: Sequence[int],
    residuals: Sequence[int],
    weight: int,
    market_value: int,
) -> tuple[Line, ...]:
    """The lines in units of 1 / weight of a unit of prices, residuals and market value."""
    lines: list[Line] = []
    for position, price, residual in zip(positions, prices, residuals, strict=True):
        _, below, target, low, high = position.terms
        whole = market_value * (weight // below)
        numbers = (price * weight, residual * weight, whole * target, whole * low, whole * high)
        # A third of the time of `Line(...)`, in the loop that takes most of the time of making a problem.
        lines.append(tuple.__new__(Line, (*numbers, position.held_shares)))
    return tuple(lines)


def _members(
    positions: Sequence[Position], lines: tuple[Line, ...], groups: Sequence[GroupLimit]
) -> tuple[Line, ...]:
    """The lines, those of groups as members."""
    if not groups:
        return lines
    places: dict[str, set[int]] = {}
    for place, group in enumerate(groups):
        for security_id in group.security_ids:
            places.setdefault(security_id, set()).add(place)
    return tuple(
        Member.of(line, frozenset(places[position.security_id])) if position.security_id in places else line
        for position, line in zip(positions, lines, strict=True)
    )
