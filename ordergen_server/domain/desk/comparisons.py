"""Variants of options, what each would do for a portfolio, and for all together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.models import Position
from ordergen_server.domain.numbers import EXACT, ZERO, product, ratio
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.requests.violations import Violations

MAXIMUM_VARIANTS: Final = 10
MAXIMUM_NAME_LENGTH: Final = 64
MAXIMUM_POINTS: Final = 20
#: Decimals of weights, and of drift.
PLACES: Final = 12
_FRONTIER: Final = "frontier-"
#: One point would be neither end.
_LEAST: Final = 2


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to rebalance; without positions with the model's own."""

    name: str
    options: RebalanceOptions
    positions: tuple[Position, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared: variants, for one portfolio or for all of a model; one of the two ids is given."""

    portfolio_id: str
    model_id: str
    variants: tuple[Variant, ...]
    frontier_points: int = 0


@dataclass(frozen=True, slots=True)
class ComparedPortfolio:
    """What one variant would do for one portfolio; what cannot be computed is None.

    Attributes:
        variant: its name.
        bought: the value of what is bought, in money; None where there is no answer, as all below.
        turnover_weight: buys and sells over market value.
        cost: of all trades beyond their value; None also where the variant has no costs.
        proven_optimal: no answer is better; of a point of the frontier, none has less drift with no more
            turnover.
    """

    portfolio_id: str
    portfolio_name: str
    variant: str
    state: PortfolioState
    error: OrderGenerationError | None = None
    market_value: Decimal | None = None
    drift_before: Decimal | None = None
    drift_after: Decimal | None = None
    bought: Decimal | None = None
    sold: Decimal | None = None
    turnover_weight: Decimal | None = None
    trade_count: int | None = None
    cash_after: Decimal | None = None
    proven_optimal: bool = False
    cost: Decimal | None = None

    @property
    def turnover(self) -> Decimal | None:
        """The value of all trades, in money."""
        if self.bought is None or self.sold is None:
            return None
        return EXACT.add(self.bought, self.sold)


@dataclass(frozen=True, slots=True)
class ComparedVariant:
    """What one variant would do for all portfolios: of those with an answer, but for the counts.

    Attributes:
        variant: its name.
        proven: portfolios whose answer is proven.
        trade_count: of all.
        drift_money_before: of all, weights times market values.
    """

    variant: str
    counts: Mapping[PortfolioState, int] = field(default_factory=dict)
    proven: int = 0
    market_value: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    trade_count: int = 0
    drift_money_before: Decimal = ZERO
    drift_money_after: Decimal = ZERO
    cost: Decimal = ZERO

    @property
    def turnover(self) -> Decimal:
        """The value of all trades, in money."""
        return EXACT.add(self.bought, self.sold)

    @property
    def drift_before(self) -> Decimal | None:
        """The mean drift before, weighted by market value; None of none."""
        return self._mean(self.drift_money_before)

    @property
    def drift_after(self) -> Decimal | None:
        """The same after the trades."""
        return self._mean(self.drift_money_after)

    def plus(self, one: ComparedPortfolio) -> "ComparedVariant":
        """The same with one portfolio more."""
        counted = replace(self, counts={**self.counts, one.state: self.counts.get(one.state, 0) + 1})
        if one.market_value is None or one.bought is None or one.sold is None:
            return counted
        return replace(
            counted,
            proven=self.proven + one.proven_optimal,
            market_value=EXACT.add(self.market_value, one.market_value),
            bought=EXACT.add(self.bought, one.bought),
            sold=EXACT.add(self.sold, one.sold),
            trade_count=self.trade_count + (one.trade_count or 0),
            drift_money_before=_plus(self.drift_money_before, one.drift_before, one.market_value),
            drift_money_after=_plus(self.drift_money_after, one.drift_after, one.market_value),
            cost=EXACT.add(self.cost, one.cost or ZERO),
        )

    def _mean(self, drift_money: Decimal) -> Decimal | None:
        return ratio(drift_money, self.market_value, PLACES) if self.market_value else None


def _plus(money: Decimal, weight: Decimal | None, market_value: Decimal) -> Decimal:
    return money if weight is None else EXACT.add(money, product(weight, market_value))


def point_name(place: int) -> str:
    """The name of a point of the frontier, from 1."""
    return f"{_FRONTIER}{place}"


def check_variants(variants: Sequence[Variant], frontier_points: int, violations: Violations) -> None:
    """Check how many variants and points there are, and what they are called."""
    least = 1 if frontier_points else _LEAST
    if not least <= len(variants) <= MAXIMUM_VARIANTS:
        rule = f"must be {_LEAST} to {MAXIMUM_VARIANTS}, or with frontier_points at least 1"
        violations.add("variants", rule, len(variants))
    if frontier_points and not _LEAST <= frontier_points <= MAXIMUM_POINTS:
        violations.add("frontier_points", f"must be 0, or {_LEAST} to {MAXIMUM_POINTS}", frontier_points)
    seen: set[str] = set()
    for index, one in enumerate(variants):
        path = f"variants[{index}].name"
        if not one.name.strip() or len(one.name) > MAXIMUM_NAME_LENGTH:
            violations.add(path, f"must have 1 to {MAXIMUM_NAME_LENGTH} characters, not all blank", one.name)
        elif one.name in seen:
            violations.add(path, "must be another than those before", one.name)
        elif frontier_points and one.name.startswith(_FRONTIER):
            violations.add(path, f"must not begin with {_FRONTIER}, as points of the frontier do", one.name)
        seen.add(one.name)
