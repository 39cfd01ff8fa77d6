"""What the contract has, as plain frozen records; names and meanings are its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Context, Decimal, Inexact

from ordergen_client.errors import OrderGenerationError
from ordergen_client.records.checks import (
    Number,
    decimal,
    text,
)
from ordergen_client.records.explanations import Relaxations, RulePrice
from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.options.weight_limits import LimitBreach
from ordergen_client.records.price_ranges import PriceRange
from ordergen_client.records.reviews import PortfolioReview, ReviewCounts
from ordergen_client.records.states import (
    PortfolioOrderState,
    PortfolioState,
    PositionReason,
    PriceProblem,
    RebalanceState,
    RuleSource,
    Side,
    SolutionStatus,
)
from ordergen_client.records.summaries import RebalanceSummary

ZERO = Decimal(0)
#: More digits than the sum of any two numbers of the contract has; should one have more, it raises.
_EXACT = Context(prec=200, traps=[Inexact])


@dataclass(frozen=True, slots=True, init=False)
class Position:
    """A security of a model: target weight, and how far the weight may lie below and above it.

    Weights are given as Decimals, as text of their digits, or as whole numbers.

    Raises:
        TypeError: a weight is a float, or another argument is not of its type.
        ValueError: a text is no number.
    """

    security_id: str
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal

    def __init__(
        self, security_id: str, target: Number, low_drift: Number = ZERO, high_drift: Number = ZERO
    ) -> None:
        object.__setattr__(self, "security_id", text(security_id, "security_id"))
        object.__setattr__(self, "target", decimal(target, "target"))
        object.__setattr__(self, "low_drift", decimal(low_drift, "low_drift"))
        object.__setattr__(self, "high_drift", decimal(high_drift, "high_drift"))


@dataclass(frozen=True, slots=True)
class Model:
    """An investment model as stored; `update_actor` made the last change of it."""

    model_id: str
    name: str
    positions: Sequence[Position]
    portfolio_ids: tuple[str, ...]
    version: int
    create_time: datetime
    update_time: datetime
    last_rebalance_time: datetime | None
    update_actor: str = ""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A trade proposed: whole shares, at least 1."""

    side: Side
    security_id: str
    quantity: int
    trade_date: date


@dataclass(frozen=True, slots=True)
class RebalancePosition:
    """One security of a portfolio, before and after; `trade_quantity` is below 0 where shares are sold.

    A FROZEN one has no price, nor what follows from it: market values and `actual` are None, too.

    Attributes:
        cost: of the trade beyond its value, in money; None where it does not trade or the run had no costs.
        good_until: the prices of this security, all others unchanged, at which the portfolio's orders keep
            bands, limits of weights and the cash floor; None but where one portfolio is asked for, and has a
            solution.
        price_date: the day of which the price is, or one that is too old; None where nobody says.
        bound_by: whose rule the reason is, where a run and settings can both have it.
        price_problem: why it is FROZEN.
    """

    security_id: str
    ticker: str
    price: Decimal | None
    original_quantity: Decimal
    adjusted_quantity: Decimal
    original_market_value: Decimal | None
    adjusted_market_value: Decimal | None
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal
    actual: Decimal | None
    actual_drift: Decimal | None
    trade_quantity: int
    trade_date: date | None
    reason: PositionReason
    cost: Decimal | None = None
    good_until: PriceRange | None = None
    price_date: date | None = None
    bound_by: RuleSource = RuleSource.UNSPECIFIED
    price_problem: PriceProblem = PriceProblem.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Solution:
    """How good an answer is: PROVEN_OPTIMAL or FEASIBLE.

    Attributes:
        objective: drift in money; for TO_BAND turnover in money.
        lower_bound: no answer has a lesser objective.
        tie_broken: of all answers with this objective, it is proven to be the best by what counts next.
    """

    status: SolutionStatus
    objective: Decimal
    lower_bound: Decimal
    solve_seconds: float
    tie_broken: bool = False


@dataclass(frozen=True, slots=True)
class PortfolioRebalance:
    """What a run did for one portfolio; money and ratios are None where they could not be computed.

    Attributes:
        market_value: cash and holdings, without the cash flow and what is FROZEN.
        cash_after: after the cash flow and the trades.
        cash_flow: money that comes (above 0) or is to be paid out (below 0); None where there is none.
        cost: of all transactions beyond their value; None where the run had no costs.
        rule_prices: what rules of the options cost; where it was asked for alone, and never read again.
        relaxations: without which rules an INFEASIBLE portfolio has an answer; likewise.
        settings_version: of the portfolio's settings that were applied; 0 where it had none, or had no turn.
        limit_breaches: limits of the options and of settings that stay broken, as no order may mend them.
        frozen_count: how many positions are FROZEN, in any view.
        review: whether its orders may be sent; None where it proposes none, and in streams.
        order_state: what became of its orders; None where it was not submitted, and in streams.
    """

    rebalance_id: str
    portfolio_id: str
    portfolio_name: str
    state: PortfolioState
    error: OrderGenerationError | None
    market_value: Decimal | None
    cash_before: Decimal | None
    cash_after: Decimal | None
    drift_before: Decimal | None
    drift_after: Decimal | None
    transactions: Sequence[Transaction]
    positions: Sequence[RebalancePosition]
    solution: Solution | None
    snapshot_time: datetime | None
    cash_flow: Decimal | None = None
    cost: Decimal | None = None
    settings_version: int = 0
    rule_prices: tuple[RulePrice, ...] = ()
    relaxations: Relaxations | None = None
    limit_breaches: tuple[LimitBreach, ...] = ()
    frozen_count: int = 0
    review: PortfolioReview | None = None
    order_state: PortfolioOrderState | None = None

    @property
    def base_value(self) -> Decimal | None:
        """Market value plus cash flow, exactly: what weights and drift are of."""
        if self.market_value is None or self.cash_flow is None:
            return self.market_value
        return _EXACT.add(self.market_value, self.cash_flow)


@dataclass(frozen=True, slots=True)
class Rebalance:
    """A run; `counts` says how many portfolios ended in which state, `actor` who began it, `options` how.

    Of a run that was imported from another service `model_version` is 0 and `options` are None: not known.

    Attributes:
        partial: it is over some of the model's portfolios alone, those that were asked for.
        draft: it tried positions in place of the model's own, and is stored nowhere.
        summary: the sums over its portfolios so far; None where the server does not know them.
        review_counts: how far its review is; None while it goes on, and where no portfolio trades.
    """

    rebalance_id: str
    model_id: str
    model_name: str
    model_version: int
    state: RebalanceState
    create_time: datetime
    finish_time: datetime | None
    rebalance_date: date
    portfolio_count: int
    counts: Mapping[PortfolioState, int] = field(default_factory=dict)
    error: OrderGenerationError | None = None
    version: int = 1
    actor: str = ""
    options: RebalanceOptions | None = field(default_factory=RebalanceOptions)
    partial: bool = False
    draft: bool = False
    summary: RebalanceSummary | None = None
    review_counts: ReviewCounts | None = None


@dataclass(frozen=True, slots=True)
class RebalanceEvent:
    """One step of a run; exactly one of started, portfolio and finished is there."""

    sequence: int
    started: Rebalance | None = None
    portfolio: PortfolioRebalance | None = None
    finished: Rebalance | None = None
