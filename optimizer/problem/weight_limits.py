"""Limits on what a security, or a group of securities, is worth after the orders: weights of market value.

Both hold of the end state, exactly. A maximum of 0 admits the residuals of fractional holdings, as a zero
band does: no whole order can trade them away.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from optimizer.problem.errors import OptimizerError
from optimizer.problem.exact import ratio


@dataclass(frozen=True, slots=True)
class SecurityLimit:
    """A security is worth at least `minimum` and at most `maximum` of the market value after the orders.

    A holding that already breaks a side, and which a restriction or the sides of orders keep from being
    traded back, may stay as it is, and no order makes it worse; the solution lists it among its
    `limit_breaches`. Anything else that no allowed shares keep is a conflict.

    A minimum and a maximum may also be two limits of one security, which can be left out by themselves. What
    no shares keep together, as the minimum exceeds the maximum, is then a conflict like any other.

    Args:
        security_id: one that the problem does not have is no concern of it.
        minimum: from 0 to 1; None: no such side.
        maximum: likewise, not below the minimum.

    Raises:
        OptimizerError: neither side, or one out of its bounds.
    """

    security_id: str
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def __post_init__(self) -> None:
        _check(f"security {self.security_id}: limit", self.minimum, self.maximum)


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """Securities together are worth at least `minimum` and at most `maximum` of the market value.

    Where the holdings already break a side, and the shares that each security may end with cannot keep it,
    though without restrictions and with orders on both sides they could, that side is what the holdings use
    instead: the orders do not make it worse, and the solution lists it among its `limit_breaches`. Anything
    else that no allowed shares keep is a conflict.

    Args:
        name: unique within a problem.
        security_ids: each once; those that the problem does not have count nothing, and a group of which it
            has none is no concern of it.
        minimum: from 0 to 1; None: no such side.
        maximum: likewise, not below the minimum.

    Raises:
        OptimizerError: neither side, or one out of its bounds; a security twice.
    """

    name: str
    security_ids: tuple[str, ...]
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "security_ids", tuple(self.security_ids))
        _check(f"group {self.name}: limit", self.minimum, self.maximum)
        if len(set(self.security_ids)) < len(self.security_ids):
            raise OptimizerError(f"group {self.name}: each security must appear once")


def _check(name: str, minimum: Decimal | None, maximum: Decimal | None) -> None:
    if minimum is None and maximum is None:
        raise OptimizerError(f"{name} must have a minimum or a maximum")
    for side, weight in (("minimum", minimum), ("maximum", maximum)):
        if weight is not None:
            numerator, denominator = ratio(weight, f"{name}: {side}")
            if not 0 <= numerator <= denominator:
                raise OptimizerError(f"{name}: {side} must be in [0, 1], not {weight}")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise OptimizerError(f"{name}: minimum {minimum} must not exceed maximum {maximum}")


class Money(NamedTuple):
    """A limit in the units of a problem.

    Attributes:
        low: the least that is allowed; None: no such side.
        high: the most that is allowed; None: no such side.
        admits_residuals: the maximum is 0, so that less than a share may remain.
    """

    low: int | None
    high: int | None
    admits_residuals: bool

    @classmethod
    def of(cls, limit: SecurityLimit | GroupLimit, market_value: int) -> "Money":
        """The limit over a market value in units; values are whole units, so edges are rounded inward."""
        low = high = None
        if limit.minimum is not None:
            numerator, denominator = limit.minimum.as_integer_ratio()
            low = -(-market_value * numerator // denominator)
        if limit.maximum is not None:
            numerator, denominator = limit.maximum.as_integer_ratio()
            high = market_value * numerator // denominator
        return cls(low, high, admits_residuals=limit.maximum == 0)
