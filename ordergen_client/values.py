"""Models and rebalances as plain frozen records; names and meanings are the contract's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from ordergen_client.errors import OrderGenerationError

ZERO = Decimal(0)

RebalanceState = Literal["RUNNING", "COMPLETED", "COMPLETED_WITH_ERRORS", "FAILED", "CANCELLED"]
#: How much is wanted of a portfolio in a run: BASIC is all but its positions.
View = Literal["BASIC", "FULL"]
PortfolioState = Literal["REBALANCED", "NO_ACTION", "INFEASIBLE", "FAILED", "SKIPPED"]
Side = Literal["BUY", "SELL"]
Strategy = Literal["TO_TARGET", "TO_BAND"]
Restriction = Literal["DO_NOT_BUY", "DO_NOT_SELL", "HOLD"]


@dataclass(frozen=True, slots=True)
class Position:
    """A security of a model: target weight, and how far the weight may lie below and above it."""

    security_id: str
    target: Decimal
    low_drift: Decimal = ZERO
    high_drift: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Model:
    """An investment model as stored; `update_actor` made the last change of it."""

    model_id: str
    name: str
    positions: tuple[Position, ...]
    portfolio_ids: tuple[str, ...]
    version: int
    create_time: datetime
    update_time: datetime
    last_rebalance_time: datetime | None
    update_actor: str = ""


@dataclass(frozen=True, slots=True)
class RebalanceOptions:
    """How to rebalance.

    Attributes:
        minimum_cash_amount: cash to keep, in money.
        minimum_cash_weight: cash to keep, as a weight of market value; the greater of the two holds.
        allow_overdraft: cash is not checked at all; goes with neither of the two.
        solver_timeout_seconds: for one portfolio; None is the server's default.
        strategy: TO_TARGET, or TO_BAND for the least turnover that brings every position inside its band.
        minimum_trade_value: no smaller trades, in money; full exits and repairs of a band are exempt.
        restrictions: what may not be done, by security id.
        lot_sizes: shares in a lot, by security id.
        maximum_turnover_weight: buys and sells together at most, as a weight of market value.
        maximum_trade_count: transactions of a portfolio at most.

    Raises:
        ValueError: an overdraft is allowed, and cash to keep is given with it.
    """

    minimum_cash_amount: Decimal | None = None
    minimum_cash_weight: Decimal | None = None
    allow_overdraft: bool = False
    solver_timeout_seconds: float | None = None
    strategy: Strategy = "TO_TARGET"
    minimum_trade_value: Decimal | None = None
    restrictions: Mapping[str, Restriction] = field(default_factory=dict)
    lot_sizes: Mapping[str, int] = field(default_factory=dict)
    maximum_turnover_weight: Decimal | None = None
    maximum_trade_count: int | None = None

    def __post_init__(self) -> None:
        for name in ("minimum_cash_amount", "minimum_cash_weight"):
            if self.allow_overdraft and getattr(self, name) is not None:
                raise ValueError(f"allow_overdraft and {name} exclude each other: leave one of them out")


@dataclass(frozen=True, slots=True)
class Transaction:
    """A trade proposed: whole shares, at least 1."""

    side: Side
    security_id: str
    quantity: int
    trade_date: date


@dataclass(frozen=True, slots=True)
class RebalancePosition:
    """One security of a portfolio, before and after; `trade_quantity` is below 0 where shares are sold."""

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
    reason: str


@dataclass(frozen=True, slots=True)
class Solution:
    """How good an answer is: PROVEN_OPTIMAL or FEASIBLE.

    Attributes:
        objective: drift in money; for TO_BAND turnover in money.
        lower_bound: no answer has a lesser objective.
        tie_broken: of all answers with this objective, it is proven to be the best by what counts next.
    """

    status: str
    objective: Decimal
    lower_bound: Decimal
    solve_seconds: float
    tie_broken: bool = False


@dataclass(frozen=True, slots=True)
class PortfolioRebalance:
    """What a run did for one portfolio; money and ratios are None where they could not be computed."""

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
    transactions: tuple[Transaction, ...]
    positions: tuple[RebalancePosition, ...]
    solution: Solution | None
    snapshot_time: datetime | None


@dataclass(frozen=True, slots=True)
class Rebalance:
    """A run; `counts` says how many portfolios ended in which state, `actor` who began it, `options` how.

    Of a run that was imported from another service `model_version` is 0 and `options` are None: not known.
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
    counts: dict[PortfolioState, int] = field(default_factory=dict)
    error: OrderGenerationError | None = None
    version: int = 1
    actor: str = ""
    options: RebalanceOptions | None = field(default_factory=RebalanceOptions)


@dataclass(frozen=True, slots=True)
class RebalanceEvent:
    """One step of a run; exactly one of started, portfolio and finished is there."""

    sequence: int
    started: Rebalance | None = None
    portfolio: PortfolioRebalance | None = None
    finished: Rebalance | None = None
