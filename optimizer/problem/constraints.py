"""What a portfolio manager may demand beyond bands and the cash floor.

A position-level constraint narrows the whole shares that a position may end with, given as ascending,
disjoint ranges. A limit couples all positions. A constraint on a security that the problem does not
have is none of its concern and changes nothing.
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


@dataclass(frozen=True, slots=True)
class LotSize:
    """Orders of a security are multiples of a lot of `shares`; closing a position entirely is exempt."""

    security_id: str
    shares: int

    def __post_init__(self) -> None:
        shares: object = self.shares
        if not isinstance(shares, int) or isinstance(shares, bool) or shares < 1:
            raise OptimizerError(f"security {self.security_id}: lot size must be an int >= 1, not {shares!r}")

    def narrow(self, shares: Shares, line: Line, _unit: int) -> Shares:
        """Only whole lots away from the holding, and nothing at all."""
        kept: list[range] = []
        for part in shares:
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


Constraint: TypeAlias = (
    Restriction
    | LotSize
    | MinimumTradeValue
    | MaximumTurnover
    | MaximumTradeCount
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
