"""Rebalances as tables for eyes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from ordergen_client.records.states import Side
from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalancePosition
from ordergen_client.telling.as_json import set_options
from ordergen_client.telling.printable import printable
from ordergen_client.telling.reasons import reason


def portfolios_table(portfolios: Iterable[PortfolioRebalance], title: str) -> Table:
    """A line a portfolio: what it is worth, how far it was and is from its model, and its trades."""
    table = Table(title=title)
    table.add_column("Portfolio", no_wrap=True)
    for name in ("Market value", "Drift before", "Drift after", "Cash after", "Buys", "Sells"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    for portfolio in portfolios:
        sides = [trade.side for trade in portfolio.transactions]
        table.add_row(
            portfolio.portfolio_id,
            money(portfolio.market_value),
            percent(portfolio.drift_before),
            percent(portfolio.drift_after),
            money(portfolio.cash_after),
            str(sides.count(Side.BUY)),
            str(sides.count(Side.SELL)),
            status(portfolio),
        )
    return table


def orders_table(portfolio: PortfolioRebalance) -> Table:
    """A line a security of one portfolio: what it trades, and why."""
    table = Table(title=f"Orders of portfolio {portfolio.portfolio_id} {portfolio.portfolio_name}".rstrip())
    table.add_column("Ticker", no_wrap=True)
    table.add_column("Side", no_wrap=True)
    for name in ("Quantity", "Price", "Held", "Then", "Target", "Weight"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Reason", no_wrap=True)
    for position in portfolio.positions:
        table.add_row(
            position.ticker,
            _side(position),
            f"{abs(position.trade_quantity):,}" if position.trade_quantity else "",
            money(position.price),
            f"{position.original_quantity:,f}",
            f"{position.adjusted_quantity:,f}",
            percent(position.target, 1),
            percent(position.actual, 2),
            reason(position.reason),
        )
    return table


def status(portfolio: PortfolioRebalance) -> str:
    """PROVEN_OPTIMAL where there is such an answer, otherwise what became of the portfolio."""
    return portfolio.solution.status if portfolio.solution else portfolio.state


def money(value: Decimal | None) -> str:
    """Money to the cent, or to as many decimals as a price has; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:,.2f}" if value == round(value, 2) else f"{value:,.4f}"


def percent(weight: Decimal | None, places: int = 4) -> str:
    """A weight as a percentage; a dash where there is none."""
    return "-" if weight is None else f"{weight:.{places}%}"


def _side(position: RebalancePosition) -> str:
    if not position.trade_quantity:
        return ""
    return "BUY" if position.trade_quantity > 0 else "SELL"


def runs_table(runs: Iterable[Rebalance]) -> Table:
    """A line a run."""
    table = Table(title="Runs")
    for name in ("Run", "State", "Began", "Model", "Actor"):
        table.add_column(name, no_wrap=name != "Model")
    table.add_column("Portfolios", justify="right", no_wrap=True)
    for run in runs:
        count = f"{run.portfolio_count:,}"
        table.add_row(run.rebalance_id, run.state, _time(run.create_time), run.model_name, run.actor, count)
    return table


def run_details(run: Rebalance) -> Table:
    """All that is known of a run but its portfolios."""
    counts = ", ".join(f"{count:,} {state}" for state, count in run.counts.items() if count)
    version = f"version {run.model_version}" if run.model_version else "its version is not known"
    return _details(
        {
            "Run": f"{run.rebalance_id} {run.state}",
            "Model": f"{run.model_id} {run.model_name}, {version}",
            "Portfolios": f"{run.portfolio_count:,}: {counts or 'none done'}",
            "Began": f"{_time(run.create_time)}, for {run.rebalance_date}",
            "Ended": _time(run.finish_time),
            "Actor": run.actor or "-",
            "Options": _options(run),
            **({"Error": run.error.message} if run.error else {}),
        }
    )


def _options(run: Rebalance) -> str:
    if run.options is None:
        return "not known"
    return (
        ", ".join(f"{name} {value}" for name, value in set_options(run.options).items()) or "all by default"
    )


def portfolio_details(portfolio: PortfolioRebalance) -> Table:
    """All that is known of a portfolio but its lines."""
    solution = portfolio.solution
    told = "-"
    if solution:
        told = f"{solution.status}, objective {solution.objective:,f}, lower bound {solution.lower_bound:,f}"
    return _details(
        {
            "Portfolio": f"{portfolio.portfolio_id} {portfolio.portfolio_name}".rstrip(),
            "State": portfolio.state,
            "Market value": money(portfolio.market_value),
            "Cash": f"{money(portfolio.cash_before)}, then {money(portfolio.cash_after)}",
            "Drift": f"{percent(portfolio.drift_before)}, then {percent(portfolio.drift_after)}",
            "Solution": told,
            "Snapshot": _time(portfolio.snapshot_time),
            **({"Error": portfolio.error.message} if portfolio.error else {}),
        }
    )


def _details(lines: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines.items():
        table.add_row(name, Text(printable(text)))
    return table


def _time(value: datetime | None) -> str:
    return "-" if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"
