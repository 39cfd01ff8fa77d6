"""Results of variants as rows."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, localcontext

from ordergen_server.domain.desk.comparisons import PLACES, ComparedPortfolio
from ordergen_server.domain.numbers import EXACT, ZERO, ratio
from ordergen_server.domain.rebalances.results import ANSWERED, PortfolioRebalance


def row(result: PortfolioRebalance, variant: str, *, proven: bool | None = None) -> ComparedPortfolio:
    """The row of what a variant would do; `proven` in the place of what the result says of it."""
    known = ComparedPortfolio(
        result.portfolio_id,
        result.portfolio_name,
        variant,
        result.state,
        result.error,
        result.market_value,
        result.drift_before,
    )
    if result.state not in ANSWERED or result.market_value is None:
        return known
    values = trade_values(result)
    bought = _total(value for value in values if value > 0)
    sold = _total(-value for value in values if value < 0)
    traded = EXACT.add(bought, sold)
    solved = result.solution is not None and result.solution.proven_optimal
    return replace(
        known,
        drift_after=result.drift_after,
        bought=bought,
        sold=sold,
        turnover_weight=ratio(traded, result.market_value, PLACES) if result.market_value else None,
        trade_count=len(result.transactions),
        cash_after=result.cash_after,
        cost=result.cost,
        proven_optimal=solved if proven is None else proven,
    )


def trade_values(result: PortfolioRebalance) -> list[Decimal]:
    """The value of each line's trade, in money: above 0 where it buys, below 0 where it sells."""
    return [
        EXACT.multiply(line.trade_quantity, line.security.price)
        for line in result.positions
        if line.trade_quantity
    ]


def turnover(result: PortfolioRebalance) -> Decimal:
    """The value of all trades, in money."""
    return _total(map(abs, trade_values(result)))


def drift_money(result: PortfolioRebalance) -> Decimal:
    """The sum of |value - target value| after the trades, in money, exact."""
    market_value = result.market_value or ZERO
    with localcontext(EXACT):
        off = (market_value * line.security.target - line.adjusted_market_value for line in result.positions)
        return sum(map(abs, off), ZERO)


def _total(values: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(values, ZERO)
