"""Variants of options and what each would do, as records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ordergen_client.errors import OrderGenerationError
from ordergen_client.records.checks import record, records, text
from ordergen_client.records.options.options import DEFAULT_OPTIONS, RebalanceOptions
from ordergen_client.records.states import PortfolioState
from ordergen_client.records.values import ZERO, Position


@dataclass(frozen=True, slots=True, init=False)
class Variant:
    """One way to rebalance, among others that it is compared with.

    Attributes:
        name: what its rows are called: 1 to 64 characters, another than those of the others.
        options: how.
        positions: in place of the model's own; empty are the model's own.

    Raises:
        TypeError: an argument is not of its type.
    """

    name: str
    options: RebalanceOptions
    positions: tuple[Position, ...]

    def __init__(
        self, name: str, options: RebalanceOptions = DEFAULT_OPTIONS, positions: Iterable[Position] = ()
    ) -> None:
        object.__setattr__(self, "name", text(name, "name"))
        object.__setattr__(self, "options", record(options, "options", RebalanceOptions))
        object.__setattr__(self, "positions", records(positions, "positions", Position))


@dataclass(frozen=True, slots=True)
class ComparedPortfolio:
    """What one variant would do for one portfolio; what could not be computed is None.

    Attributes:
        variant: its name; `frontier-1` to `frontier-N` are points of the frontier.
        turnover: buys and sells, in money.
        turnover_weight: the same over market value.
        proven_optimal: no answer is better; of a point of the frontier, none has less drift with no more
            turnover.
        cost: of all trades beyond their value; None also where the variant has no costs.
    """

    portfolio_id: str
    portfolio_name: str
    variant: str
    state: PortfolioState
    error: OrderGenerationError | None
    market_value: Decimal | None
    drift_before: Decimal | None
    drift_after: Decimal | None
    turnover: Decimal | None
    turnover_weight: Decimal | None
    trade_count: int | None
    cash_after: Decimal | None
    proven_optimal: bool
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ComparedVariant:
    """What one variant would do for all portfolios; all but the counts is of those that have an answer.

    Attributes:
        variant: its name.
        counts: how many portfolios would end in which state.
        proven_count: of how many the answer is proven to be the best.
        drift_before: the mean, weighted by market value; None of none.
        drift_after: the same after the trades.
        cost: of all trades beyond their value.
    """

    variant: str
    counts: Mapping[PortfolioState, int]
    proven_count: int
    market_value: Decimal
    bought: Decimal
    sold: Decimal
    turnover: Decimal
    trade_count: int
    drift_before: Decimal | None
    drift_after: Decimal | None
    cost: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class ComparisonEvent:
    """One step of a comparison; exactly one of portfolio and variant is there. Variants come last."""

    portfolio: ComparedPortfolio | None = None
    variant: ComparedVariant | None = None
