"""What became of each portfolio of a run, and the sums of that."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from enum import Enum

from ordergen_server.domain.errors import NotToBeTraded, OrderGenerationError
from ordergen_server.domain.numbers import EXACT, ZERO, difference, product
from ordergen_server.domain.rebalances.frozen import FrozenPosition
from ordergen_server.domain.rebalances.lines import RebalancePosition, Transaction
from ordergen_server.domain.rebalances.options import MinimumCash, TradingCosts
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.rebalances.weight_limits import LimitBreach, SecurityLimit


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
        settings_version: of the portfolio's settings that were applied; 0 where it had none, or had no turn.
        settings_floor: the cash that those settings kept, where they kept some and there is an answer.
        positions: those that have a price, by security id.
        frozen: those without a usable price, by security id; they count nothing in all else.
        frozen_count: how many they are, also where they are not told.
        settings_limits: the sides of limits of those settings that were the stricter, of securities that have
            a line; read with lines alone.
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
    settings_version: int = 0
    settings_floor: MinimumCash | None = None
    limit_breaches: tuple[LimitBreach, ...] = ()
    frozen: tuple[FrozenPosition, ...] = ()
    frozen_count: int = 0
    settings_limits: tuple[SecurityLimit, ...] = ()

    @property
    def base_value(self) -> Decimal | None:
        """Market value plus cash flow, which weights and drift are of; None where it is not known."""
        if self.market_value is None or self.cash_flow is None:
            return self.market_value
        return EXACT.add(self.market_value, self.cash_flow)

    @property
    def is_not_to_be_traded(self) -> bool:
        """Whether it was skipped because its settings say so; the run goes on, and is none with errors."""
        return isinstance(self.error, NotToBeTraded)


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
        trades = [(one.trade_quantity, one.security.price) for one in result.positions if one.trade_quantity]
        buys = sum([shares * price for shares, price in trades if shares > 0], ZERO)
        sells = sum([-shares * price for shares, price in trades if shares < 0], ZERO)
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
        frozen_count=result.frozen_count,
    )
