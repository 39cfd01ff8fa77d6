"""What the contract has, as plain frozen records; names and meanings are its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Context, Decimal, Inexact
from typing import Literal, TypeVar

from ordergen_client.errors import OrderGenerationError
from ordergen_client.records.checks import (
    Number,
    chosen,
    decimal,
    flag,
    optional_decimal,
    optional_seconds,
    optional_whole,
    text,
    whole,
)
from ordergen_client.records.price_ranges import PriceRange
from ordergen_client.records.reviews import PortfolioReview, ReviewCounts
from ordergen_client.records.states import (
    OpenOrders,
    PortfolioOrderState,
    PortfolioState,
    PositionReason,
    RebalanceState,
    Restriction,
    Side,
    Sides,
    SolutionStatus,
    Strategy,
)
from ordergen_client.records.summaries import RebalanceSummary

ZERO = Decimal(0)
#: More digits than the sum of any two numbers of the contract has; should one have more, it raises.
_EXACT = Context(prec=200, traps=[Inexact])
StrategyName = Literal["TO_TARGET", "TO_BAND"]
RestrictionName = Literal["DO_NOT_BUY", "DO_NOT_SELL", "HOLD"]
SidesName = Literal["BUY_AND_SELL", "BUY_ONLY", "SELL_ONLY"]
OpenOrdersName = Literal["REFUSE", "COUNT", "IGNORE"]

Value = TypeVar("Value")


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
        _set(self, "security_id", text(security_id, "security_id"))
        _set(self, "target", decimal(target, "target"))
        _set(self, "low_drift", decimal(low_drift, "low_drift"))
        _set(self, "high_drift", decimal(high_drift, "high_drift"))


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


@dataclass(frozen=True, slots=True, init=False, repr=False)
class RebalanceOptions:
    """How to rebalance. Money and weights are given as those of a `Position`.

    Attributes:
        minimum_cash_amount: cash to keep, in money.
        minimum_cash_weight: cash to keep, as a weight of market value plus cash flow; the greater of the two
            holds.
        allow_overdraft: cash is not checked at all; goes with neither of the two.
        solver_timeout_seconds: for one portfolio; None is the server's default.
        strategy: TO_TARGET, or TO_BAND for the least turnover that brings every position inside its band.
        minimum_trade_value: no smaller trades, in money; full exits and repairs of a band are exempt.
        restrictions: what may not be done, by security id.
        lot_sizes: shares in a lot, by security id; orders are multiples of it.
        maximum_turnover_weight: buys and sells together at most, as a weight of market value plus cash flow.
        maximum_trade_count: transactions of a portfolio at most.
        sides: on which sides orders may be; with BUY_ONLY or SELL_ONLY what the other side alone could mend
            stays as it is.
        buy_lot_sizes: shares in a lot, by security id, of which buys alone are multiples: any number is sold.
        cost_rate_weight: what a trade costs beyond its value, as a weight of that; below 1.
        cost_per_trade_amount: what it costs besides, in money.
        maximum_price_age_days: so many days before the date of the run a price may be of; None is what the
            server is configured with.
        open_orders: what to do with a portfolio that has open orders in the order service: REFUSE lets it
            fail, COUNT takes them as filled, IGNORE does not look; None is REFUSE where there is an order
            service, and IGNORE where there is none.

    Raises:
        TypeError: money or a weight is a float, or another argument is not of its type.
        ValueError: a text is no number or no such choice; an overdraft is allowed, and cash to keep is given
            with it; or a security has lots of both kinds.
    """

    minimum_cash_amount: Decimal | None
    minimum_cash_weight: Decimal | None
    allow_overdraft: bool
    solver_timeout_seconds: float | None
    strategy: Strategy
    minimum_trade_value: Decimal | None
    restrictions: Mapping[str, Restriction]
    lot_sizes: Mapping[str, int]
    maximum_turnover_weight: Decimal | None
    maximum_trade_count: int | None
    sides: Sides
    buy_lot_sizes: Mapping[str, int]
    cost_rate_weight: Decimal | None
    cost_per_trade_amount: Decimal | None
    maximum_price_age_days: int | None
    open_orders: OpenOrders | None

    def __init__(  # noqa: PLR0917 - each may be given by its place, as it always could
        self,
        minimum_cash_amount: Number | None = None,
        minimum_cash_weight: Number | None = None,
        allow_overdraft: bool = False,
        solver_timeout_seconds: float | None = None,
        strategy: Strategy | StrategyName = Strategy.TO_TARGET,
        minimum_trade_value: Number | None = None,
        restrictions: Mapping[str, Restriction | RestrictionName] | None = None,
        lot_sizes: Mapping[str, int] | None = None,
        maximum_turnover_weight: Number | None = None,
        maximum_trade_count: int | None = None,
        sides: Sides | SidesName = Sides.BUY_AND_SELL,
        buy_lot_sizes: Mapping[str, int] | None = None,
        cost_rate_weight: Number | None = None,
        cost_per_trade_amount: Number | None = None,
        maximum_price_age_days: int | None = None,
        open_orders: OpenOrders | OpenOrdersName | None = None,
    ) -> None:
        _set(self, "minimum_cash_amount", optional_decimal(minimum_cash_amount, "minimum_cash_amount"))
        _set(self, "minimum_cash_weight", optional_decimal(minimum_cash_weight, "minimum_cash_weight"))
        _set(self, "allow_overdraft", flag(allow_overdraft, "allow_overdraft"))
        _set(
            self, "solver_timeout_seconds", optional_seconds(solver_timeout_seconds, "solver_timeout_seconds")
        )
        _set(self, "strategy", chosen(strategy, "strategy", Strategy))
        _set(self, "minimum_trade_value", optional_decimal(minimum_trade_value, "minimum_trade_value"))
        _set(self, "restrictions", _by_id(restrictions, "restrictions", _restriction))
        _set(self, "lot_sizes", _by_id(lot_sizes, "lot_sizes", whole))
        _set(
            self,
            "maximum_turnover_weight",
            optional_decimal(maximum_turnover_weight, "maximum_turnover_weight"),
        )
        _set(self, "maximum_trade_count", optional_whole(maximum_trade_count, "maximum_trade_count"))
        _set(self, "sides", chosen(sides, "sides", Sides))
        _set(self, "buy_lot_sizes", _by_id(buy_lot_sizes, "buy_lot_sizes", whole))
        _set(self, "cost_rate_weight", optional_decimal(cost_rate_weight, "cost_rate_weight"))
        _set(self, "cost_per_trade_amount", optional_decimal(cost_per_trade_amount, "cost_per_trade_amount"))
        _set(self, "maximum_price_age_days", optional_whole(maximum_price_age_days, "maximum_price_age_days"))
        asked = None if open_orders is None else chosen(open_orders, "open_orders", OpenOrders)
        _set(self, "open_orders", asked)
        self._refuse_contradiction()

    def __repr__(self) -> str:
        """What is not as it is by default."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        told = (f"{name}={one!r}" for name, one in given.items() if one != getattr(DEFAULT_OPTIONS, name))
        return f"RebalanceOptions({', '.join(told)})"

    def _refuse_contradiction(self) -> None:
        for name in ("minimum_cash_amount", "minimum_cash_weight"):
            if self.allow_overdraft and getattr(self, name) is not None:
                raise ValueError(f"allow_overdraft and {name} exclude each other: leave one of them out")
        if both := sorted(self.lot_sizes.keys() & self.buy_lot_sizes.keys()):
            raise ValueError(f"lot_sizes and buy_lot_sizes both have {both[0]}: leave it out of one of them")


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

    Attributes:
        cost: of the trade beyond its value, in money; None where it does not trade or the run had no costs.
        good_until: the prices of this security, all others unchanged, at which the portfolio's orders keep
            every band and the cash floor; None but where one portfolio is asked for, and has a solution.
        price_date: the day of which the price is; None where nobody says.
    """

    security_id: str
    ticker: str
    price: Decimal
    original_quantity: Decimal
    adjusted_quantity: Decimal
    original_market_value: Decimal
    adjusted_market_value: Decimal
    target: Decimal
    low_drift: Decimal
    high_drift: Decimal
    actual: Decimal
    actual_drift: Decimal | None
    trade_quantity: int
    trade_date: date | None
    reason: PositionReason
    cost: Decimal | None = None
    good_until: PriceRange | None = None
    price_date: date | None = None


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
        market_value: cash and holdings, without the cash flow.
        cash_after: after the cash flow and the trades.
        cash_flow: money that comes (above 0) or is to be paid out (below 0); None where there is none.
        cost: of all transactions beyond their value; None where the run had no costs.
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


def _set(record: object, name: str, value: object) -> None:
    """Set a field of a record that is being made; afterwards it is frozen."""
    object.__setattr__(record, name, value)


def _by_id(given: object, name: str, read: Callable[[object, str], Value]) -> dict[str, Value]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a mapping by security id, not {type(given).__name__} {given!r}")
    return {text(key, f"a key of {name}"): read(value, f"{name}[{key!r}]") for key, value in given.items()}


def _restriction(value: object, name: str) -> Restriction:
    return chosen(value, name, Restriction)


#: Drift at its least, with the server's own limits.
DEFAULT_OPTIONS = RebalanceOptions()
