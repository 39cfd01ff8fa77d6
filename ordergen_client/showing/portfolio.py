"""One portfolio of a run for eyes: what it is worth, and every line with its band, its order and why."""

from typing import Final

from ordergen_client.records.values import PortfolioRebalance
from ordergen_client.report.figures import figures
from ordergen_client.showing.columns import Column, Kind, count, money, percent, time
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.showing.rows import line_row, whole_portfolio
from ordergen_client.telling.reasons import reason

LINES: Final = (
    Column("ticker", "Ticker"),
    Column("security_id", "Security", Kind.ID, 9),
    Column("side", "Side", Kind.SIDE),
    Column("quantity", "Shares", Kind.COUNT),
    Column("price", "Price", Kind.PRICE, 3),
    Column("value", "Value", Kind.MONEY, 2),
    Column("original_quantity", "Held", Kind.COUNT, 7),
    Column("adjusted_quantity", "then", Kind.COUNT, 7),
    Column("weight_before", "Weight", Kind.PERCENT, 5),
    Column("weight_after", "then", Kind.PERCENT),
    Column("target", "Target", Kind.PERCENT, 4),
    Column("low", "Band from", Kind.PERCENT, 6),
    Column("high", "to", Kind.PERCENT, 6),
    Column("reason", "Why"),
)
#: What programs get of a line beside these.
MORE: Final = (
    "original_market_value",
    "adjusted_market_value",
    "low_drift",
    "high_drift",
    "actual",
    "actual_drift",
    "trade_date",
)


def show_portfolio(output: Output, portfolio: PortfolioRebalance) -> None:
    """Write it with all its lines, those that trade the most first."""
    rows = [line_row(portfolio, line) for line in portfolio.positions]
    if output.form is Form.TABLE:
        rows.sort(key=lambda row: (-(row["value"] or 0), str(row["ticker"])))  # type: ignore[operator] # a Decimal
        rows = [{**row, "reason": reason(str(row["reason"]))} for row in rows]
    listing = Listing("positions", "", LINES, rows, MORE) if rows or output.form is Form.CSV else None
    output.record(whole_portfolio(portfolio, figures(portfolio)), _details(portfolio), listing)


def _details(portfolio: PortfolioRebalance) -> dict[str, object]:
    its = figures(portfolio)
    solution = portfolio.solution
    told = "-"
    if solution:
        bounds = f"objective {count(solution.objective)}, lower bound {count(solution.lower_bound)}"
        told = f"{solution.status}: {bounds}"
    taken = portfolio.snapshot_time
    return {
        "Portfolio": f"{portfolio.portfolio_name}  {portfolio.portfolio_id}".strip(),
        "State": portfolio.state,
        "Market value": money(portfolio.market_value),
        "Cash": f"{money(portfolio.cash_before)}, then {money(portfolio.cash_after)}",
        "Drift": f"{percent(portfolio.drift_before)}, then {percent(portfolio.drift_after)}",
        "Orders": f"{its.buys} buys for {money(its.bought)}, {its.sells} sells for {money(its.sold)}",
        "Answer": told,
        "Snapshot": f"{time(taken)} UTC" if taken else "-",
        **_breaches(portfolio),
        **({"Error": portfolio.error.message} if portfolio.error else {}),
        **_causes(portfolio),
    }


def _breaches(portfolio: PortfolioRebalance) -> dict[str, object]:
    if not portfolio.limit_breaches:
        return {}
    tickers = {line.security_id: line.ticker for line in portfolio.positions}
    told = (
        f"{tickers.get(one.security_id) or one.security_id or f'group {one.group}'} at {money(one.value)}"
        for one in portfolio.limit_breaches
    )
    return {"Limits broken": f"{'; '.join(told)}: restrictions forbid to mend them"}


def _causes(portfolio: PortfolioRebalance) -> dict[str, object]:
    if not (portfolio.error and portfolio.error.violations):
        return {}
    return {"Causes": "; ".join(f"{one.subject}: {one.rule}" for one in portfolio.error.violations)}
