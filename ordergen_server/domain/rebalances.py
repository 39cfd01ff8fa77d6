"""Runs: what was asked, and what became of each portfolio."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from enum import Enum
from typing import NamedTuple

from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.numbers import EXACT, ZERO, difference, product
from ordergen_server.domain.open_orders import OpenOrders
from ordergen_server.domain.review_tallies import NOT_REVIEWED, ReviewTally
from ordergen_server.domain.summaries import RebalanceSummary


class RebalanceState(Enum):
    """How far a run is."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class PortfolioState(Enum):
    """What became of a portfolio."""

    REBALANCED = "REBALANCED"
    NO_ACTION = "NO_ACTION"
    INFEASIBLE = "INFEASIBLE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class View(Enum):
    """How much is wanted of what a run did for a portfolio: BASIC is all but the positions."""

    BASIC = "BASIC"
    FULL = "FULL"


class Side(Enum):
    """The direction of a trade."""

    BUY = "BUY"
    SELL = "SELL"


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
        minimum_cash_weight: cash to keep, as a weight of market value plus cash flow; the greater holds.
        allow_overdraft: cash is not checked at all.
        solver_timeout_seconds: for one portfolio.
        minimum_trade_value: no smaller trades, in money; full exits and repairs of a band are exempt.
        maximum_turnover_weight: buys and sells together at most, as a weight of market value plus cash flow.
        maximum_trade_count: transactions of a portfolio at most.
        sides: on which sides orders may be, of every security.
        costs: of each transaction, paid from cash.
        maximum_price_age_days: so many days before the date of the run a price may be of; None is any age.
        open_orders: what to do with portfolios that have open orders; None, of a run, is not to look, for
            there was no order service.
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
    open_orders: OpenOrders | None = None


class Transaction(NamedTuple):
    """A trade proposed: `quantity` whole shares, at least 1."""

    side: Side
    security_id: str
    quantity: int
    trade_date: date


@dataclass(frozen=True, slots=True, eq=False)
class RunSecurity:
    """A security as all portfolios of a run see it; made once a run, and shared by their lines.

    Two are the same where every digit is: 10.0 and 10.00 are two prices here.

    Attributes:
        price: money a share.
        target: its weight in the model; 0 where the model does not list it, as are both bands.
        price_date: the day of which the price is, where that is known.
    """

    security_id: str
    ticker: str
    price: Decimal
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal
    price_date: date | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """Every digit of it."""
        return (
            self.security_id,
            self.ticker,
            str(self.price),
            str(self.target),
            str(self.low_drift),
            str(self.high_drift),
            str(self.price_date or ""),
        )

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, RunSecurity) and self.texts == other.texts)

    def __hash__(self) -> int:
        return hash(self.security_id)


#: Of a line of which nobody knows why it trades, or does not: another service decided it.
UNKNOWN_REASON = "UNSPECIFIED"


class RebalancePosition(NamedTuple):
    """One security of a portfolio, before and after; what follows from its numbers is not kept, but computed.

    A tuple, as a run makes a hundred of them a portfolio: one is made in half the time of a dataclass.

    Attributes:
        trade_quantity: whole shares bought (above 0) or sold (below 0).
        reason: why the line trades or does not: the name of an optimizer's Reason, or `UNKNOWN_REASON`.
    """

    security: RunSecurity
    original_quantity: Decimal
    trade_quantity: int
    reason: str

    @property
    def adjusted_quantity(self) -> Decimal:
        """Shares after the trade."""
        return EXACT.add(self.original_quantity, Decimal(self.trade_quantity))

    @property
    def original_market_value(self) -> Decimal:
        """Money before the trade."""
        return product(self.original_quantity, self.security.price)

    @property
    def adjusted_market_value(self) -> Decimal:
        """Money after the trade."""
        return product(self.adjusted_quantity, self.security.price)

    @property
    def trade_value(self) -> Decimal:
        """Money that is traded, 0 or more."""
        return product(Decimal(abs(self.trade_quantity)), self.security.price)


@dataclass(frozen=True, slots=True)
class SolutionQuality:
    """How good an answer is, and a bound below which none is: money of drift, or for TO_BAND of turnover.

    Attributes:
        tie_broken: of all answers as good as this one, it is proven to be the best by what counts next.
    """

    proven_optimal: bool
    objective: Decimal
    lower_bound: Decimal
    solve_duration: timedelta
    tie_broken: bool = False  # of results stored before it was known


@dataclass(frozen=True, slots=True)
class PortfolioRebalance:
    """What a run did for one portfolio; money and ratios are None where they could not be computed.

    Attributes:
        market_value: cash and holdings, without the cash flow.
        cash_flow: money that comes (above 0) or is paid out (below 0); None where there is none.
        cost: of all its transactions, where the run had costs; `costs` tells those of each.
    """

    rebalance_id: str
    portfolio_id: str
    portfolio_name: str
    state: PortfolioState
    snapshot_time: datetime | None
    trade_date: date
    sequence: int = 0
    error: OrderGenerationError | None = None
    market_value: Decimal | None = None
    cash_before: Decimal | None = None
    cash_after: Decimal | None = None
    drift_before: Decimal | None = None
    drift_after: Decimal | None = None
    positions: tuple[RebalancePosition, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    solution: SolutionQuality | None = None
    cash_flow: Decimal | None = None
    cost: Decimal | None = None
    costs: TradingCosts | None = None

    @property
    def base_value(self) -> Decimal | None:
        """Market value plus cash flow, which weights and drift are of; None where it is not known."""
        if self.market_value is None or self.cash_flow is None:
            return self.market_value
        return EXACT.add(self.market_value, self.cash_flow)


def transactions_of(orders: Iterable[tuple[str, int]], trade_date: date) -> tuple[Transaction, ...]:
    """The trades of security ids with whole shares to buy (above 0) or to sell (below 0)."""
    buy, sell = Side.BUY, Side.SELL
    return tuple(
        Transaction(buy if quantity > 0 else sell, security_id, abs(quantity), trade_date)
        for security_id, quantity in orders
        if quantity
    )


#: What has an answer: orders to send, or that none are needed.
ANSWERED = frozenset({PortfolioState.REBALANCED, PortfolioState.NO_ACTION})


def summary_of(results: Iterable[PortfolioRebalance]) -> RebalanceSummary:
    """The sums over results, whole ones, of those that have an answer; nothing of the others counts."""
    found = RebalanceSummary()
    for one in results:
        if one.state in ANSWERED:
            found = found.plus(_share(one))
    return found


def _share(result: PortfolioRebalance) -> RebalanceSummary:
    """What a portfolio with an answer adds to the sums of its run."""
    before, after = result.drift_before, result.drift_after
    base = ZERO if before is None or after is None else result.base_value or ZERO
    with localcontext(EXACT):
        trades = [one.trade_quantity * one.security.price for one in result.positions if one.trade_quantity]
        buys = sum((one for one in trades if one > 0), ZERO)
        sells = sum((-one for one in trades if one < 0), ZERO)
    quality = result.solution
    unproven = quality if quality and not quality.proven_optimal else None
    return RebalanceSummary(
        market_value=result.market_value or ZERO,
        cash_flow=result.cash_flow or ZERO,
        cost=result.cost or ZERO,
        buy_value=buys,
        sell_value=sells,
        cash_before=result.cash_before or ZERO,
        cash_after=result.cash_after or ZERO,
        drift_base=base,
        drift_value_before=product(base, before or ZERO),
        drift_value_after=product(base, after or ZERO),
        trade_count=len(trades),
        proven_count=int(quality is not None and unproven is None),
        unproven_count=int(unproven is not None),
        worst_unproven_gap=difference(unproven.objective, unproven.lower_bound) if unproven else None,
    )


@dataclass(frozen=True, slots=True)
class Rebalance:
    """A run: its model as it was then, how far it is, and how many portfolios ended in which state.

    A run of another service may lack what that one did not keep: `model_version` is then 0, `options` None,
    and of portfolios that `counts` has not nothing is known but that they failed.

    Attributes:
        actor: who began it, as credentials say where it is `authenticated`; empty where nobody is known.
        partial: it is over some of the model's portfolios alone, those that were asked for.
        draft: it has positions in place of the model's own, and is stored nowhere.
        reviewed: what was decided of its portfolios.
        summary: the sums over portfolios that `counts` has; None of runs of before, and of another service.
    """

    rebalance_id: str
    model_id: str
    model_name: str
    model_version: int
    state: RebalanceState
    create_time: datetime
    rebalance_date: date
    portfolio_count: int
    options: RebalanceOptions | None
    finish_time: datetime | None = None
    counts: dict[PortfolioState, int] = field(default_factory=dict)
    error: OrderGenerationError | None = None
    version: int = 1
    actor: str = ""
    partial: bool = False
    draft: bool = False
    summary: RebalanceSummary | None = None
    authenticated: bool = False
    reviewed: ReviewTally = NOT_REVIEWED

    @property
    def oldest_price_date(self) -> date | None:
        """The day of which its prices must be at least; None where any will do."""
        days = self.options.maximum_price_age_days if self.options else None
        return None if days is None else self.rebalance_date - timedelta(days=days)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run has begun."""

    rebalance: Rebalance


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run has ended."""

    rebalance: Rebalance


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One step of a run; sequences count from 1 without gaps."""

    sequence: int
    event: RunStarted | PortfolioRebalance | RunFinished
