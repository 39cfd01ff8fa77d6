"""One portfolio of a run for eyes: what it is worth, and every line with its band, its order and why."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

from ordergen_client.records.price_ranges import PriceRange
from ordergen_client.records.values import PortfolioRebalance, RebalancePosition
from ordergen_client.report.figures.portfolios import figures
from ordergen_client.report.words import counted
from ordergen_client.showing.columns import Column, Kind, count, money, percent, time
from ordergen_client.showing.explanations import rules_told
from ordergen_client.showing.orders import review_told
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.showing.rows import line_row, whole_portfolio
from ordergen_client.telling.reasons import reason

LINES: Final = (
    Column("ticker", "Ticker"),
    Column("security_id", "Security", Kind.ID, 9),
    Column("side", "Side", Kind.SIDE),
    Column("quantity", "Shares", Kind.COUNT),
    Column("price", "Price", Kind.PRICE, 3),
    Column("price_date", "of", Kind.TIME, 10, "Price date"),
    Column("value", "Value", Kind.MONEY, 2),
    Column("original_quantity", "Held", Kind.COUNT, 7),
    Column("adjusted_quantity", "then", Kind.COUNT, 7, "Held then"),
    Column("weight_before", "Weight", Kind.PERCENT, 5),
    Column("weight_after", "then", Kind.PERCENT, 0, "Weight then"),
    Column("target", "Target", Kind.PERCENT, 4),
    Column("low", "Band from", Kind.PERCENT, 6),
    Column("high", "to", Kind.PERCENT, 6, "Band to"),
    Column("reason", "Why"),
)
_WITH_RANGES: Final = (
    *LINES[:-1],
    Column("good_from", "Good from", Kind.COUNT, 8),
    Column("good_to", "to", Kind.COUNT, 8, "Good to"),
    LINES[-1],
)
_CENT: Final = Decimal("0.01")
#: More digits than any price has.
_WIDE: Final = Context(prec=200)
#: What programs get of a line beside these.
MORE: Final = (
    "original_market_value",
    "adjusted_market_value",
    "low_drift",
    "high_drift",
    "actual",
    "actual_drift",
    "trade_date",
    "bound_by",
    "price_problem",
)


def show_portfolio(output: Output, portfolio: PortfolioRebalance) -> None:
    """Write it with all its lines, those that trade the most first."""
    rows = [{**line_row(portfolio, line), **_ends(line, output.form)} for line in portfolio.positions]
    columns: Sequence[Column] = _WITH_RANGES
    if output.form is Form.TABLE:
        if not any(line.good_until for line in portfolio.positions):
            columns = LINES
        rows.sort(key=lambda row: (-(row["value"] or 0), str(row["ticker"])))  # type: ignore[operator] # a Decimal
        rows = [{**row, "reason": _why(row)} for row in rows]
    listing = Listing("positions", "", columns, rows, MORE) if rows or output.form is Form.CSV else None
    output.record(whole_portfolio(portfolio, figures(portfolio)), _details(portfolio), listing)


def _ends(line: RebalancePosition, form: Form) -> dict[str, object]:
    """The prices between which the orders hold; for eyes in cents, and never more than is true."""
    found = line.good_until or PriceRange(None, None)
    low, high = found.low, found.high
    if form is Form.TABLE and line.price is not None:
        low = low if low is None else min(_cents(low, ROUND_CEILING), line.price)
        high = high if high is None else max(_cents(high, ROUND_FLOOR), line.price)
    return {"good_from": low, "good_to": high}


def _why(row: Mapping[str, object]) -> str:
    return reason(*(str(row[name]) for name in ("reason", "bound_by", "price_problem")))


def _cents(value: Decimal, rounding: str) -> Decimal:
    return value.quantize(_CENT, rounding, _WIDE)


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
        **({} if portfolio.cash_flow is None else {"Cash flow": money(portfolio.cash_flow)}),
        "Cash": f"{money(portfolio.cash_before)}, then {money(portfolio.cash_after)}",
        **({"Costs": money(portfolio.cost)} if portfolio.cost is not None else {}),
        "Drift": f"{percent(portfolio.drift_before)}, then {percent(portfolio.drift_after)}",
        "Orders": f"{its.buys} buys for {money(its.bought)}, {its.sells} sells for {money(its.sold)}",
        "Answer": told,
        **({"Settings": f"version {portfolio.settings_version}"} if portfolio.settings_version else {}),
        **({"Review": review_told(portfolio.review)} if portfolio.review else {}),
        **({"Sent": portfolio.order_state} if portfolio.order_state else {}),
        "Snapshot": f"{time(taken)} UTC" if taken else "-",
        **_breaches(portfolio),
        **_frozen(portfolio),
        **({"Error": portfolio.error.message} if portfolio.error else {}),
        **_causes(portfolio),
        **rules_told(portfolio),
    }


def _breaches(portfolio: PortfolioRebalance) -> dict[str, object]:
    if not portfolio.limit_breaches:
        return {}
    tickers = {line.security_id: line.ticker for line in portfolio.positions}
    told = (
        f"{tickers.get(one.security_id) or one.security_id or f'group {one.group}'} at {money(one.value)}"
        + (", by the portfolio's settings" if one.source == "SETTINGS" else "")
        for one in portfolio.limit_breaches
    )
    return {"Limits broken": f"{'; '.join(told)}: restrictions or sides forbid to mend them"}


def _frozen(portfolio: PortfolioRebalance) -> dict[str, object]:
    if not portfolio.frozen_count:
        return {}
    tickers = ", ".join(line.ticker for line in portfolio.positions if line.price is None)
    return {
        "Frozen": f"{tickers or counted(portfolio.frozen_count, 'position')}: no usable price, kept as held"
    }


def _causes(portfolio: PortfolioRebalance) -> dict[str, object]:
    if not (portfolio.error and portfolio.error.violations):
        return {}
    return {"Causes": "; ".join(f"{one.subject}: {one.rule}" for one in portfolio.error.violations)}
