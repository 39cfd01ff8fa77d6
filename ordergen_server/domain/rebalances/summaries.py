"""What a run did with all its portfolios together: exact sums, and what follows from them."""

from dataclasses import dataclass
from decimal import Decimal

from ordergen_server.domain.numbers import EXACT, ZERO, ratio

#: Decimals of a weight of all market value, as of the drift of a portfolio.
WEIGHT_PLACES = 12


@dataclass(frozen=True, slots=True)
class RebalanceSummary:
    """Sums over portfolios that have an answer: those that trade, and those that need no trade.

    Attributes:
        market_value: in money, as are all values.
        cash_flow: money that comes (above 0) or is paid out (below 0).
        cost: of all trades, beyond their value.
        cash_before: before flows and trades.
        cash_after: after them.
        drift_base: market value plus cash flow of the portfolios whose drift is known, before and after.
        drift_value_before: the sum of that times drift, of those.
        drift_value_after: the same after the trades.
        proven_count: answers that are proven to be the best.
        unproven_count: answers that are not.
        worst_unproven_gap: the most that one of those can be off, objective less lower bound.
        frozen_count: positions without a usable price.
    """

    market_value: Decimal = ZERO
    cash_flow: Decimal = ZERO
    cost: Decimal = ZERO
    buy_value: Decimal = ZERO
    sell_value: Decimal = ZERO
    cash_before: Decimal = ZERO
    cash_after: Decimal = ZERO
    drift_base: Decimal = ZERO
    drift_value_before: Decimal = ZERO
    drift_value_after: Decimal = ZERO
    trade_count: int = 0
    proven_count: int = 0
    unproven_count: int = 0
    worst_unproven_gap: Decimal | None = None
    frozen_count: int = 0

    def plus(self, other: "RebalanceSummary") -> "RebalanceSummary":
        """That of the portfolios of both."""
        gaps = [one for one in (self.worst_unproven_gap, other.worst_unproven_gap) if one is not None]
        add = EXACT.add
        return RebalanceSummary(
            market_value=add(self.market_value, other.market_value),
            cash_flow=add(self.cash_flow, other.cash_flow),
            cost=add(self.cost, other.cost),
            buy_value=add(self.buy_value, other.buy_value),
            sell_value=add(self.sell_value, other.sell_value),
            cash_before=add(self.cash_before, other.cash_before),
            cash_after=add(self.cash_after, other.cash_after),
            drift_base=add(self.drift_base, other.drift_base),
            drift_value_before=add(self.drift_value_before, other.drift_value_before),
            drift_value_after=add(self.drift_value_after, other.drift_value_after),
            trade_count=self.trade_count + other.trade_count,
            proven_count=self.proven_count + other.proven_count,
            unproven_count=self.unproven_count + other.unproven_count,
            worst_unproven_gap=max(gaps, default=None),
            frozen_count=self.frozen_count + other.frozen_count,
        )

    @property
    def turnover_weight(self) -> Decimal | None:
        """Buys and sells over market value plus cash flow; None where that is 0."""
        base = EXACT.add(self.market_value, self.cash_flow)
        return _over(EXACT.add(self.buy_value, self.sell_value), base)

    @property
    def drift_before(self) -> Decimal | None:
        """The mean before the trades, each portfolio by its market value plus cash flow; None of none."""
        return _over(self.drift_value_before, self.drift_base)

    @property
    def drift_after(self) -> Decimal | None:
        """The same after the trades."""
        return _over(self.drift_value_after, self.drift_base)


def _over(part: Decimal, whole: Decimal) -> Decimal | None:
    return ratio(part, whole, WEIGHT_PLACES) if whole else None
