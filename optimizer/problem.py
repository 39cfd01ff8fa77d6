"""One portfolio to rebalance: its positions, its cash and its cash floor."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from optimizer.errors import OptimizerError
from optimizer.exact import Ratio, common_denominator, product, ratio, scaled


class Line(NamedTuple):
    """One position in whole numbers of the problem's money unit; shares are counted from `residual`.

    A quantity after trading is `shares + fraction` with `shares` a whole number >= 0, so its value is
    `shares * price + residual`.

    Attributes:
        price: of one share.
        residual: value of the fraction of a share that whole orders leave, in [0, price).
        target: market value x target weight.
        low: market value x (target - low drift); may be negative.
        high: market value x (target + high drift).
        held: floor of the quantity held, in shares; negative for a short.
    """

    price: int
    residual: int
    target: int
    low: int
    high: int
    held: int


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
        price = self._checked("price", lambda number: number[0] > 0, "> 0")
        quantity = self._checked("quantity")
        weights = (
            self._checked("target", lambda number: 0 <= number[0] <= number[1], "in [0, 1]"),
            self._checked("low_drift", lambda number: number[0] >= 0, ">= 0"),
            self._checked("high_drift", lambda number: number[0] >= 0, ">= 0"),
        )
        held, fraction = divmod(quantity[0], quantity[1])
        object.__setattr__(self, "price_ratio", price)
        object.__setattr__(self, "value_ratio", product(price, quantity))
        object.__setattr__(self, "residual_ratio", product(price, (fraction, quantity[1])))
        object.__setattr__(self, "weight_ratios", weights)
        object.__setattr__(self, "held_shares", held)

    def _checked(
        self, name: str, holds: Callable[[Ratio], bool] = lambda _: True, rule: str = "finite"
    ) -> Ratio:
        value = getattr(self, name)
        number = ratio(value, f"security {self.security_id}: {name}")
        if not holds(number):
            raise OptimizerError(f"security {self.security_id}: {name} must be {rule}, not {value}")
        return number


@dataclass(frozen=True, slots=True)
class Problem:
    """One portfolio: minimise its drift from target by whole-share orders, inside bands and above a floor.

    Args:
        positions: every security held or in the model, once; may be empty (all cash).
        cash: money; may be negative (overdrawn).
        cash_floor: least cash after the rebalance, in money; None switches the check off.

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
    unit: int = field(init=False, repr=False, compare=False)
    market_value: int = field(init=False, repr=False, compare=False)
    spendable: int | None = field(init=False, repr=False, compare=False)
    lines: tuple[Line, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "positions", tuple(self.positions))
        _require_unique(self.positions)
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


def _require_unique(positions: tuple[Position, ...]) -> None:
    seen: set[str] = set()
    for position in positions:
        if position.security_id in seen:
            raise OptimizerError(f"security {position.security_id}: must appear once, not twice")
        seen.add(position.security_id)


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
