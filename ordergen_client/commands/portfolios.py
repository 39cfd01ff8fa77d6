"""`ordergen portfolios`: how portfolios stand to their models now."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

import click

from ordergen_client.client import Client
from ordergen_client.commands import finding
from ordergen_client.commands.options import with_client
from ordergen_client.commands.servers import Server
from ordergen_client.records.values import Model, RebalanceEvent
from ordergen_client.report.figures import figures
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.grid import Row
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.showing.portfolio import show_portfolio
from ordergen_client.telling.following import until_interrupted, with_progress

_DRIFTS: Final = (
    Column("portfolio_name", "Portfolio"),
    Column("portfolio_id", "Id", Kind.ID, 4),
    Column("model_name", "Model", Kind.TEXT, 5),
    Column("drift", "Drift", Kind.PERCENT),
    Column("outside_bands", "Outside bands", Kind.COUNT),
    Column("market_value", "Market value", Kind.MONEY, 2),
    Column("drift_after", "Drift then", Kind.PERCENT, 3),
    Column("turnover", "Would trade", Kind.MONEY, 1),
    Column("state", "State", Kind.ID, 1),
)


@click.group()
def portfolios() -> None:
    """Portfolios: how they stand to their models now. Nothing is stored by these commands."""


@portfolios.command()
@click.argument("portfolio")
@with_client
def show(*, client: Client, server: Server, output: Output, portfolio: str) -> None:
    """Show the holdings of PORTFOLIO against its model now, and what a rebalance would do."""
    del server
    portfolio_id = finding.portfolios(client, [portfolio])[portfolio]
    show_portfolio(output, client.portfolios.rebalance(portfolio_id, validate_only=True))


@portfolios.command()
@click.argument("model", required=False)
@with_client
def drift(*, client: Client, server: Server, output: Output, model: str | None) -> None:
    """Show who needs a rebalance: every portfolio of MODEL, or of all models, the farthest from it first.

    In tables, that is; programs get them as they come.
    """
    del server
    wanted = [finding.model(client, model)] if model else list(client.models.list(page_size=1000))
    rows: Iterator[Row] = (
        row for one in wanted if one.portfolio_ids and one.positions for row in _drifts(client, output, one)
    )
    if output.form is Form.TABLE:
        rows = iter(sorted(rows, key=_farthest_first))
    output.listing(Listing("portfolios", "Drift", _DRIFTS, rows, ("model_id", "error")))


def _drifts(client: Client, output: Output, model: Model) -> Iterator[Row]:
    events: Iterable[RebalanceEvent] = until_interrupted(
        client.runs.stream(model.model_id, validate_only=True)
    )
    for event in with_progress(events, output.progress, f"Reading {model.name}"):
        if portfolio := event.portfolio:
            its = figures(portfolio)
            yield {
                "portfolio_id": portfolio.portfolio_id,
                "portfolio_name": portfolio.portfolio_name,
                "model_id": model.model_id,
                "model_name": model.name,
                "state": portfolio.state,
                "market_value": portfolio.market_value,
                "drift": portfolio.drift_before,
                "drift_after": portfolio.drift_after,
                "outside_bands": its.outside_before if portfolio.positions else None,
                "turnover": its.turnover if portfolio.solution else None,
                "error": portfolio.error.message if portfolio.error else None,
            }


def _farthest_first(row: Row) -> tuple[bool, Decimal, str]:
    drifted = row["drift"]
    if not isinstance(drifted, Decimal):  # what is not known is worth a look first
        return False, Decimal(0), str(row["portfolio_id"])
    return True, -drifted, str(row["portfolio_id"])
