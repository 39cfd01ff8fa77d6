"""How a run is to rebalance."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from ordergen_server.domain.numbers import EXACT, ZERO, product
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit


class Strategy(Enum):
    """What a rebalance minimises."""

    TO_TARGET = "TO_TARGET"
    TO_BAND = "TO_BAND"


class RestrictionType(Enum):
    """What may not be done with a security."""

    DO_NOT_BUY = "DO_NOT_BUY"
    DO_NOT_SELL = "DO_NOT_SELL"
    HOLD = "HOLD"


class Sides(Enum):
    """On which sides orders may be."""

    BUY_AND_SELL = "BUY_AND_SELL"
    BUY_ONLY = "BUY_ONLY"
    SELL_ONLY = "SELL_ONLY"


class Unpriced(Enum):
    """What becomes of securities without a usable price."""

    FAIL = "FAIL"
    FREEZE = "FREEZE"


class LotSides(Enum):
    """Which orders of a security are in lots."""

    BOTH = "BOTH"
    BUYS = "BUYS"


@dataclass(frozen=True, slots=True)
class Restriction:
    """A security that may not be traded in some direction."""

    security_id: str
    type: RestrictionType


@dataclass(frozen=True, slots=True)
class LotSize:
    """A security whose orders are multiples of so many shares; or its buys alone."""

    security_id: str
    shares: int
    applies_to: LotSides = LotSides.BOTH


@dataclass(frozen=True, slots=True)
class MinimumCash:
    """Cash to keep, in money, or as a weight of market value plus cash flow; the greater of the two holds."""

    amount: Decimal | None = None
    weight: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TradingCosts:
    """What a trade costs beyond its value: rate_weight x value + per_trade_amount, in money.

    Attributes:
        rate_weight: in [0, 1).
        per_trade_amount: money, 0 or more.
    """

    rate_weight: Decimal = ZERO
    per_trade_amount: Decimal = ZERO

    def of(self, value: Decimal) -> Decimal:
        """The costs of a trade of such a value, above 0; exact."""
        return EXACT.add(product(value, self.rate_weight), self.per_trade_amount)


@dataclass(frozen=True, slots=True)
class RebalanceOptions:
    """How to rebalance.

    Attributes:
        minimum_cash_amount: cash to keep, in money; None where not given.
        minimum_cash_weight: cash to keep, as a weight of market value plus cash flow; the greater of the two
            holds.
        allow_overdraft: cash is not checked at all.
        solver_timeout_seconds: for one portfolio.
        minimum_trade_value: no smaller trades, in money; full exits and repairs of a band or of a security's
            limit are exempt.
        maximum_turnover_weight: buys and sells together at most, as a weight of market value plus cash flow.
        maximum_trade_count: transactions of a portfolio at most.
        sides: on which sides orders may be, of every security.
        costs: of each transaction, paid from cash.
        maximum_price_age_days: so many days before the date of the run a price may be of; None is any age.
        unpriced: whether a security without a usable price fails the portfolios that need it, or stays as it
            is in them and counts nothing.
    """

    minimum_cash_amount: Decimal | None = None
    minimum_cash_weight: Decimal | None = None
    allow_overdraft: bool = False
    solver_timeout_seconds: float = 30.0
    strategy: Strategy = Strategy.TO_TARGET
    minimum_trade_value: Decimal | None = None
    restrictions: tuple[Restriction, ...] = ()
    lot_sizes: tuple[LotSize, ...] = ()
    maximum_turnover_weight: Decimal | None = None
    maximum_trade_count: int | None = None
    sides: Sides = Sides.BUY_AND_SELL
    costs: TradingCosts | None = None
    maximum_price_age_days: int | None = None
    security_limits: tuple[SecurityLimit, ...] = ()
    group_limits: tuple[GroupLimit, ...] = ()
    unpriced: Unpriced = Unpriced.FAIL

    def in_full(self, maximum_price_age_days: int | None) -> "RebalanceOptions":
        """With what the server is configured with where these say nothing."""
        if self.maximum_price_age_days is None:
            return replace(self, maximum_price_age_days=maximum_price_age_days)
        return self
