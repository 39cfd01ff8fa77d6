"""What a portfolio is worth, and how far it is from its model, before anything trades."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

import optimizer
from ordergen_server.domain.errors import (
    DataProblem,
    MarketValueNotPositive,
    OrderGenerationError,
    PreconditionFailed,
    Violation,
)
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.numbers import EXACT, ZERO, money, ratio
from ordergen_server.domain.rebalances.frozen import FrozenPosition
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.services.portfolios.securities import Listing, Securities, Security

#: Decimals of the drift of a portfolio.
DRIFT_PLACES = 12


#: So many that a result, whatever its numbers, fits into the 4 MiB that gRPC clients take by default.
MAXIMUM_POSITIONS = 6_000
#: So many frozen securities are named.
TOLD_FROZEN = 5


@dataclass(frozen=True, slots=True)
class Valued:
    """A portfolio that can be rebalanced, as if its cash flow had come or gone already.

    Attributes:
        result: with what is known so far.
        listing: every security held or in the model.
        lines: each with the quantity held, by security id, but for what is frozen.
        values: of the lines, in money.
        market_value: cash, cash flow and holdings, in money, above 0: what weights are of.
        cash: with the cash flow, in money.
        frozen: what has no usable price, and is to stay as it is.
    """

    result: PortfolioRebalance
    listing: Listing
    lines: Sequence[tuple[Security, Decimal]]
    values: Sequence[Decimal]
    market_value: Decimal
    cash: Decimal
    frozen: tuple[FrozenPosition, ...] = ()


def valued(
    untried: PortfolioRebalance, holdings: Holdings, securities: Securities
) -> Valued | PortfolioRebalance:
    """A portfolio with its value and drift; or its result, where there is nothing to rebalance."""
    flow = untried.cash_flow or ZERO
    if not (holdings.cash or flow or any(holdings.quantities.values())):  # then no price is needed
        nothing = replace(untried, market_value=ZERO, cash_before=ZERO, cash_after=ZERO)
        return replace(nothing, state=PortfolioState.NO_ACTION)
    try:
        listing = securities.listing(holdings.quantities)
    except DataProblem as error:
        return replace(untried, state=PortfolioState.FAILED, error=error)
    if (count := len(listing.priced) + len(listing.frozen)) > MAXIMUM_POSITIONS:
        return replace(untried, state=PortfolioState.FAILED, error=_too_many(count))
    return _of_listing(untried, holdings, listing)


def _of_listing(
    untried: PortfolioRebalance, holdings: Holdings, listing: Listing
) -> Valued | PortfolioRebalance:
    quantities, frozen = listing.held(holdings.quantities), listing.held_frozen(holdings.quantities)
    flow = untried.cash_flow or ZERO
    with localcontext(EXACT):
        values = [quantity * price for quantity, price in zip(quantities, listing.prices, strict=True)]
        market_value = sum(values, holdings.cash)
        base, cash = market_value + flow, holdings.cash + flow
    if error := _unusable(base, cash, market_value, flow, frozen):
        known = replace(untried, market_value=market_value, cash_before=holdings.cash)
        return replace(known, state=PortfolioState.FAILED, error=error)
    off = drift(listing.targets, values, base)
    known = replace(untried, market_value=market_value, cash_before=holdings.cash, drift_before=off)
    lines = list(zip(listing.priced, quantities, strict=True))
    return Valued(known, listing, lines, values, base, cash, frozen)


def _unusable(
    base: Decimal, cash: Decimal, market_value: Decimal, flow: Decimal, frozen: Sequence[FrozenPosition]
) -> OrderGenerationError | None:
    """Why nothing can be a weight of such a market value with its cash flow; None where it can."""
    if base <= 0:
        return _not_positive(market_value, flow, told_frozen(frozen))
    if max(base.adjusted(), cash.adjusted()) >= optimizer.MAX_DIGITS:
        return _too_large(flow)
    return None


def told_frozen(frozen: Sequence[FrozenPosition]) -> str:
    """What is to be said with an error of a portfolio that has such positions; empty where it has none."""
    if not frozen:
        return ""
    most = ", ".join(one.security.ticker for one in frozen[:TOLD_FROZEN])
    more = f" and {len(frozen) - TOLD_FROZEN:,} more" if len(frozen) > TOLD_FROZEN else ""
    return f", without what has no usable price and is frozen ({most}{more})"


def drift(targets: Sequence[Decimal], values: Sequence[Decimal], market_value: Decimal) -> Decimal:
    """Sum |MV t - v| / MV over target weights and values, one of each a line."""
    with localcontext(EXACT):
        lines = zip(targets, values, strict=True)
        off = sum([abs(market_value * target - value) for target, value in lines], ZERO)
    return ratio(off, market_value, DRIFT_PLACES)


def _too_many(count: int) -> PreconditionFailed:
    rule = f"must hold at most {MAXIMUM_POSITIONS:,} securities, those of its model included, not {count:,}"
    return PreconditionFailed(
        f"The portfolio cannot be rebalanced, it {rule}: split it.",
        violations=[Violation("positions", rule, "TOO_MANY_POSITIONS")],
    )


def _too_large(flow: Decimal) -> PreconditionFailed:
    rule = f"must leave market value and cash below 1E+{optimizer.MAX_DIGITS}, which {flow:f} does not"
    return PreconditionFailed(
        f"The portfolio cannot be rebalanced, its cash flow {rule}: have it looked at.",
        violations=[Violation("cash_flow", rule, "CASH_FLOW_TOO_LARGE")],
    )


def _not_positive(market_value: Decimal, flow: Decimal, frozen: str) -> MarketValueNotPositive:
    rule = f"market value must be above 0, not {money(market_value)}"
    mend = "it must be funded first"
    if flow:
        rule = f"market value plus cash flow must be above 0, not {money(market_value)} plus {money(flow)}"
        mend = "less can be paid out" if market_value > 0 else "it must be funded with more"
    rule += frozen
    return MarketValueNotPositive(
        f"The portfolio cannot be rebalanced, its {rule}: {mend}.",
        violations=[Violation("market_value", rule, "MARKET_VALUE_NOT_POSITIVE")],
    )
