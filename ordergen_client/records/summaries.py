"""What a run did with all its portfolios together."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class RebalanceSummary:
    """Exact sums over the portfolios of a run that have an answer: REBALANCED, or NO_ACTION.

    Attributes:
        market_value: in money, as are all values and both sums of cash.
        turnover_weight: buys and sells together over market value plus cash flow, to 12 decimals; None where
            that is 0.
        drift_before: the mean of the portfolios that have both drifts, each by its market value plus cash
            flow, to 12 decimals; None where none has.
        drift_after: the same after the trades.
        trade_count: transactions.
        proven_count: answers that are PROVEN_OPTIMAL.
        unproven_count: answers that are FEASIBLE.
        worst_unproven_gap: the greatest objective less lower bound of those, in money; None where there are
            none.
        cash_flow: what comes less what is to be paid out.
        cost: of all transactions, beyond their value.
        frozen_count: positions that are FROZEN.
    """

    market_value: Decimal
    buy_value: Decimal
    sell_value: Decimal
    turnover_weight: Decimal | None
    cash_before: Decimal
    cash_after: Decimal
    drift_before: Decimal | None
    drift_after: Decimal | None
    trade_count: int
    proven_count: int
    unproven_count: int
    worst_unproven_gap: Decimal | None
    cash_flow: Decimal
    cost: Decimal
    frozen_count: int = 0
