"""What a portfolio holds of one security and what its model wants of it, checked and in exact numbers."""

from dataclasses import dataclass, field
from decimal import Decimal
from math import lcm
from typing import NamedTuple

from optimizer.problem.errors import OptimizerError
from optimizer.problem.exact import NOTHING, Ratio, product, ratio


class Terms(NamedTuple):
    """What does not depend on the quantity, so that all holdings of a security share it.

    Attributes:
        price: money per share.
        weight: the common denominator of the three weights below.
        target: target weight, in 1 / weight.
        low: target less low drift, in 1 / weight; may be negative.
        high: target plus high drift, in 1 / weight.
    """

    price: Ratio
    weight: int
    target: int
    low: int
    high: int


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

    Attributes:
        terms: price and weights in exact numbers.
        held_shares: floor of the quantity.
        residual: value in money of the fraction of a share above that floor.

    Raises:
        OptimizerError: a value that breaks its rule.
    """

    security_id: str
    price: Decimal
    quantity: Decimal
    target: Decimal = Decimal(0)
    low_drift: Decimal = Decimal(0)
    high_drift: Decimal = Decimal(0)
    terms: Terms = field(init=False, repr=False, compare=False)
    held_shares: int = field(init=False, repr=False, compare=False)
    residual: Ratio = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        identifier: object = self.security_id  # callers without a type checker may pass anything
        if not isinstance(identifier, str) or not identifier:
            raise OptimizerError(f"security_id must be a non-empty str, not {self.security_id!r}")
        price = ratio(self.price, "price", identifier)
        quantity = ratio(self.quantity, "quantity", identifier)
        target = ratio(self.target, "target", identifier)
        low = ratio(self.low_drift, "low_drift", identifier)
        high = ratio(self.high_drift, "high_drift", identifier)
        self._require("price", "> 0", price[0] > 0)
        self._require("target", "in [0, 1]", 0 <= target[0] <= target[1])
        self._require("low_drift", ">= 0", low[0] >= 0)
        self._require("high_drift", ">= 0", high[0] >= 0)
        object.__setattr__(self, "terms", _terms(price, target, low, high))
        held, residual = _parted(price, quantity)
        object.__setattr__(self, "held_shares", held)
        object.__setattr__(self, "residual", residual)

    def holding(self, quantity: Decimal) -> "Position":
        """The same security in another quantity, at a fraction of the cost of a new position.

        Args:
            quantity: shares held, as in the constructor.

        Raises:
            OptimizerError: a quantity that is not a finite Decimal of bearable length.
        """
        exact = ratio(quantity, "quantity", self.security_id)
        held, residual = (exact[0], NOTHING) if exact[1] == 1 else _parted(self.terms.price, exact)
        other = object.__new__(Position)
        put = object.__setattr__  # field by field: the constructor would check them all again
        put(other, "security_id", self.security_id)
        put(other, "price", self.price)
        put(other, "quantity", quantity)
        put(other, "target", self.target)
        put(other, "low_drift", self.low_drift)
        put(other, "high_drift", self.high_drift)
        put(other, "terms", self.terms)
        put(other, "held_shares", held)
        put(other, "residual", residual)
        return other

    def _require(self, name: str, rule: str, holds: bool) -> None:
        if not holds:
            value = getattr(self, name)
            raise OptimizerError(f"security {self.security_id}: {name} must be {rule}, not {value}")


def _terms(price: Ratio, target: Ratio, low: Ratio, high: Ratio) -> Terms:
    weight = lcm(target[1], low[1], high[1])
    middle = target[0] * (weight // target[1])
    return Terms(
        price,
        weight,
        middle,
        middle - low[0] * (weight // low[1]),
        middle + high[0] * (weight // high[1]),
    )


def _parted(price: Ratio, quantity: Ratio) -> tuple[int, Ratio]:
    """Whole shares, rounded down, and the value of the fraction that is left."""
    above, below = quantity
    held, fraction = divmod(above, below)
    return held, product(price, (fraction, below))
