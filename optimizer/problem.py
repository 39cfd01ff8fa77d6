"""One portfolio to rebalance: its positions, its cash and its cash floor."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from optimizer.constraints import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    Restriction,
)
from optimizer.errors import OptimizerError
from optimizer.exact import Ratio, common_denominator, product, ratio, scaled
from optimizer.line import Line


@dataclass(frozen=True, slots=True)
class Position:
    """What a portfolio holds of a security and what its model wants of it.

    Args:
        security_id: unique within a problem.
        price: money per share, > 0.
        quantity: shares held; may be fractional, may be negative (a short).
        target: target weight, in [0, 1] of the market value; 0 outside the model.
        low_drift: weight allowed below the target, >= 0.
        high_drift: weight allowed above the target, >= 0.

    Raises:
        OptimizerError: a value that breaks its rule.
    """

    security_id: str
    price: Decimal
    quantity: Decimal
    target: Decimal = Decimal(0)
    low_drift: Decimal = Decimal(0)
    high_drift: Decimal = Decimal(0)
    price_ratio: Ratio = field(init=False, repr=False, compare=False)
    value_ratio: Ratio = field(init=False, repr=False, compare=False)
    residual_ratio: Ratio = field(init=False, repr=False, compare=False)
    weight_ratios: tuple[Ratio, Ratio, Ratio] = field(init=False, repr=False, compare=False)
    held_shares: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        identifier: object = self.security_id  # callers without a type checker may pass anything
        if not isinstance(identifier, str) or not identifier:
            raise OptimizerError(f"security_id must be a non-empty str, not {self.security_id!r}")
        price, quantity, target, low, high = (
            ratio(value, name, self.security_id)
            for name, value in (
                ("price", self.price),
                ("quantity", self.quantity),
                ("target", self.target),
                ("low_drift", self.low_drift),
                ("high_drift", self.high_drift),
            )
        )
        self._require("price", "> 0", price[0] > 0)
        self._require("target", "in [0, 1]", 0 <= target[0] <= target[1])
        self._require("low_drift", ">= 0", low[0] >= 0)
        self._require("high_drift", ">= 0", high[0] >= 0)
        held, fraction = divmod(quantity[0], quantity[1])
        object.__setattr__(self, "price_ratio", price)
        object.__setattr__(self, "value_ratio", product(price, quantity))
        object.__setattr__(self, "residual_ratio", product(price, (fraction, quantity[1])))
        object.__setattr__(self, "weight_ratios", (target, low, high))
        object.__setattr__(self, "held_shares", held)

    def _require(self, name: str, rule: str, holds: bool) -> None:
        if not holds:
            value = getattr(self, name)
            raise OptimizerError(f"security {self.security_id}: {name} must be {rule}, not {value}")


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
        constraints: further demands; at most one restriction and one lot size a security, and one of
            each other kind.

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
        for kind in (Restriction, LotSize):
            _require_unique([one.security_id for one in self.constraints if isinstance(one, kind)])
        for limit in (MinimumTradeValue, MaximumTurnover, MaximumTradeCount):
            if sum(isinstance(one, limit) for one in self.constraints) > 1:
                raise OptimizerError(f"{limit.__name__} must be given once, not twice")
        cash = ratio(self.cash, "cash")
        floor = (0, 1) if self.cash_floor is None else ratio(self.cash_floor, "cash_floor")
        values = [position.value_ratio for position in self.positions]
        money = common_denominator(
            [cash, floor, *values, *(position.price_ratio for position in self.positions)]
            + [position.residual_ratio for position in self.positions]
        )
        market_value = scaled(cash, money) + sum(scaled(value, money) for value in values)
        if market_value <= 0:
            raise OptimizerError(f"market value must be > 0, not {Fraction(market_value, money)}")
        weight = common_denominator(
            number for position in self.positions for number in position.weight_ratios
        )
        object.__setattr__(self, "unit", money * weight)
        object.__setattr__(self, "market_value", market_value * weight)
        spendable = None if self.cash_floor is None else (market_value - scaled(floor, money)) * weight
        object.__setattr__(self, "spendable", spendable)
        object.__setattr__(
            self, "lines", tuple(_line(position, money, weight, market_value) for position in self.positions)
        )


def _require_unique(security_ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for security_id in security_ids:
        if security_id in seen:
            raise OptimizerError(f"security {security_id}: must appear once, not twice")
        seen.add(security_id)


def _line(position: Position, money: int, weight: int, market_value: int) -> Line:
    target, low, high = (scaled(number, weight) for number in position.weight_ratios)
    return Line(
        price=scaled(position.price_ratio, money) * weight,
        residual=scaled(position.residual_ratio, money) * weight,
        target=market_value * target,
        low=market_value * (target - low),
        high=market_value * (target + high),
        held=position.held_shares,
    )
