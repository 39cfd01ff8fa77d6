"""What a portfolio manager may demand beyond bands and the cash floor.

A position-level constraint narrows the whole shares that a position may end with, given as ascending,
disjoint ranges; it is about one security, or about each. A limit couples all positions. A constraint on a
security that the problem does not have is none of its concern and changes nothing.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TypeAlias

from optimizer.problem.errors import OptimizerError
from optimizer.problem.exact import ratio
from optimizer.problem.line import Line
from optimizer.problem.weight_limits import GroupLimit, SecurityLimit

Shares: TypeAlias = tuple[range, ...]
"""Whole shares allowed, as ascending, disjoint, non-empty ranges."""


class Side(Enum):
    """What a restriction forbids."""

    DO_NOT_BUY = "DO_NOT_BUY"
    DO_NOT_SELL = "DO_NOT_SELL"
    HOLD = "HOLD"


@dataclass(frozen=True, slots=True)
class Restriction:
    """A security that must not be bought, not be sold, or not be traded at all.

    A restricted holding outside its band stays as it is and is reported as a breach of the solution; it
    does not make the problem infeasible.
    """

    security_id: str
    side: Side

    def __post_init__(self) -> None:
        side: object = self.side  # callers without a type checker may pass anything
        if not isinstance(side, Side):
            raise OptimizerError(f"security {self.security_id}: restriction must be a Side, not {side!r}")

    def narrow(self, shares: Shares, line: Line, _unit: int) -> Shares:
        """Only what the permitted sides reach from the holding."""
        least = None if self.side is Side.DO_NOT_BUY else line.held
        most = None if self.side is Side.DO_NOT_SELL else line.held
        return clip(shares, least, most)

    def forbids(self, change: int) -> bool:
        """Whether buying (change > 0) or selling (change < 0) is forbidden."""
        return self.side is not (Side.DO_NOT_SELL if change > 0 else Side.DO_NOT_BUY)


class Sides(Enum):
    """On which side all orders are."""

    BUY_ONLY = "BUY_ONLY"
    SELL_ONLY = "SELL_ONLY"


@dataclass(frozen=True, slots=True)
class OneSided:
    """No security is sold (`BUY_ONLY`), or none is bought (`SELL_ONLY`).

    A holding that only the other side could bring inside its band stays as it is and is reported as a breach
    of the solution; it does not make the problem infeasible.
    """

    sides: Sides

    def __post_init__(self) -> None:
        sides: object = self.sides
        if not isinstance(sides, Sides):
            raise OptimizerError(f"sides must be a Sides, not {sides!r}")

    def narrow(self, shares: Shares, line: Line, _unit: int) -> Shares:
        """Only what the one side reaches from the holding."""
        if self.sides is Sides.BUY_ONLY:
            return clip(shares, line.held, None)
        return clip(shares, None, line.held)

    def forbids(self, change: int) -> bool:
        """Whether buying (change > 0) or selling (change < 0) is forbidden."""
        return self.sides is (Sides.SELL_ONLY if change > 0 else Sides.BUY_ONLY)


Barrier: TypeAlias = Restriction | OneSided
"""What forbids a trade: of one security, or of each."""


@dataclass(frozen=True, slots=True)
class LotSize:
    """Orders of a security are multiples of a lot of `shares`; closing a position entirely is exempt.

    With `buys_only` that binds buys alone: any number may be sold.
    """

    security_id: str
    shares: int
    buys_only: bool = False

    def __post_init__(self) -> None:
        shares: object = self.shares
        if not isinstance(shares, int) or isinstance(shares, bool) or shares < 1:
            raise OptimizerError(f"security {self.security_id}: lot size must be an int >= 1, not {shares!r}")

    def narrow(self, shares: Shares, line: Line, _unit: int) -> Shares:
        """Only whole lots away from the holding, and nothing at all; all below it where lots are of buys."""
        kept = list(clip(shares, None, line.held - 1)) if self.buys_only else []
        for part in clip(shares, line.held, None) if self.buys_only else shares:
            lots = range(part.start + (line.held - part.start) % self.shares, part.stop, self.shares)
            if 0 in part and 0 not in lots:
                kept.append(range(1))
            kept += [lots] if lots else []
        return tuple(kept)


@dataclass(frozen=True, slots=True)
class MinimumTradeValue:
    """No order is worth less than `value` (money).

    Full exits are exempt, and repairs of a broken band or of a broken limit of the security.
    """

    value: Decimal

    def __post_init__(self) -> None:
        if ratio(self.value, "minimum trade value")[0] < 0:
            raise OptimizerError(f"minimum trade value must be >= 0, not {self.value}")

    def narrow(self, shares: Shares, line: Line, unit: int) -> Shares:
        """Without the shares that a smaller trade would lead to; `unit` is the money unit of the line."""
        if not line.is_inside(line.held):
            return shares
        numerator, denominator = self.value.as_integer_ratio()
        least = -(-numerator * unit // (denominator * line.price))
        if least <= 1:
            return shares
        exit_ = clip(shares, 0, 0) if line.held - least < 0 < line.held else ()
        return (
            *exit_,
            *clip(shares, None, line.held - least),
            *clip(shares, line.held, line.held),
            *clip(shares, line.held + least, None),
        )


@dataclass(frozen=True, slots=True)
class MaximumTurnover:
    """All orders together are worth at most `weight` of the market value: sum p_i |d_i| <= weight x MV."""

    weight: Decimal

    def __post_init__(self) -> None:
        if ratio(self.weight, "maximum turnover")[0] < 0:
            raise OptimizerError(f"maximum turnover must be >= 0, not {self.weight}")


@dataclass(frozen=True, slots=True)
class MaximumTradeCount:
    """At most `count` positions trade."""

    count: int

    def __post_init__(self) -> None:
        count: object = self.count
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise OptimizerError(f"maximum trade count must be an int >= 0, not {count!r}")


@dataclass(frozen=True, slots=True)
class TradingCosts:
    """What orders cost beyond their value, all paid from cash: rate_weight x p_i |d_i| + per_trade_amount.

    They count against the cash floor alone; the market value, and what a strategy minimises, are as without.
    Without a floor they bind nothing.

    Args:
        rate_weight: part of the value of an order, in [0, 1).
        per_trade_amount: of each order, in money, >= 0.
    """

    rate_weight: Decimal = Decimal(0)
    per_trade_amount: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not 0 <= ratio(self.rate_weight, "rate of costs")[0] < ratio(self.rate_weight, "")[1]:
            raise OptimizerError(f"rate of costs must be >= 0 and < 1, not {self.rate_weight}")
        if ratio(self.per_trade_amount, "costs of a trade")[0] < 0:
            raise OptimizerError(f"costs of a trade must be >= 0, not {self.per_trade_amount}")


Constraint: TypeAlias = (
    Restriction
    | OneSided
    | LotSize
    | MinimumTradeValue
    | MaximumTurnover
    | MaximumTradeCount
    | TradingCosts
    | SecurityLimit
    | GroupLimit
)


def length(part: range) -> int:
    """How many shares there are in a range: `len` ends at 2^63."""
    return max(0, -((part.start - part.stop) // part.step))


def clip(shares: Shares, least: int | None, most: int | None) -> Shares:
    """The shares within [least, most]; None leaves a side open."""
    kept: list[range] = []
    for part in shares:
        start, stop = part.start, part.stop
        if least is not None and least > start:
            start += -(-(least - start) // part.step) * part.step
        if most is not None:
            stop = min(stop, most + 1)
        if start < stop:
            kept.append(range(start, stop, part.step))
    return tuple(kept)
