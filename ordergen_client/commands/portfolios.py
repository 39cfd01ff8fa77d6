"""`ordergen portfolios`: how portfolios stand to their models now, and their settings."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

import click

from ordergen_client.client import Client
from ordergen_client.commands.portfolio_settings import settings
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.desk.drifts import PortfolioDrift, WorstPosition
from ordergen_client.records.states import DriftState
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.grid import Row
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.showing.portfolio import show_portfolio
from ordergen_client.telling.following import until_interrupted
from ordergen_client.telling.progress import slow_progress

_DRIFTS: Final = (
    Column("portfolio_name", "Portfolio"),
    Column("portfolio_id", "Id", Kind.ID, 4),
    Column("model_name", "Model", Kind.TEXT, 6),
    Column("state", "State", Kind.ID),
    Column("drift", "Drift", Kind.PERCENT),
    Column("outside_bands", "Out", Kind.COUNT, 1),
    Column("worst_ticker", "Worst", Kind.TEXT, 2),
    Column("worst_side", "Side", Kind.ID, 2),
    Column("worst_distance", "Off band", Kind.PERCENT, 2),
    Column("cash_weight", "Cash", Kind.PERCENT, 3),
    Column("market_value", "Market value", Kind.MONEY, 5),
)
_MORE: Final = (
    *("model_id", "worst_security_id", "worst_weight", "worst_band_low", "worst_band_high"),
    *("snapshot_time", "error"),
)
_STATES: Final = [one.value for one in DriftState if one is not DriftState.UNSPECIFIED]
#: Failures that are told as they come; programs get all of them.
_TOLD: Final = 10


@click.group()
def portfolios() -> None:
    """Portfolios: how they stand to their models now, and what is to hold for them in every run.

    Of these commands `settings` alone stores anything.
    """


portfolios.add_command(settings)


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
@click.option(
    "--state",
    "states",
    type=click.Choice(_STATES, case_sensitive=False),
    multiple=True,
    help="Only portfolios in this state; may be given again for others.",
)
@with_client
def drift(
    *, client: Client, server: Server, output: Output, model: str | None, states: tuple[str, ...]
) -> None:
    """Show who needs a rebalance: every portfolio of MODEL, or of all models, the farthest from it first.

    In tables, that is; programs get them as they come.
    """
    del server
    wanted = finding.model(client, model) if model else None
    total = len(wanted.portfolio_ids) if wanted else 0
    with slow_progress("Reading", output.progress) as progress:
        progress(0, total)
        found = _read(client, output, wanted.model_id if wanted else "", lambda done: progress(done, total))
        chosen: Iterable[PortfolioDrift] = (one for one in found if not states or one.state in states)
        if output.form is Form.TABLE:
            chosen = sorted(chosen, key=_farthest_first)
        output.listing(Listing("portfolios", "Drift", _DRIFTS, map(_row, chosen), _MORE))


def _read(
    client: Client, output: Output, model_id: str, progress: Callable[[int], None]
) -> Iterator[PortfolioDrift]:
    told = 0
    for done, one in enumerate(until_interrupted(client.portfolios.drift(model_id)), 1):
        progress(done)
        if one.error and told < _TOLD:
            told += 1
            name = f"{one.portfolio_name} {one.portfolio_id}".strip()
            output.warn(f"{name} {one.state}: {one.error.message}")
        yield one


def _row(one: PortfolioDrift) -> Row:
    worst = one.worst_position
    return {
        "portfolio_id": one.portfolio_id,
        "portfolio_name": one.portfolio_name,
        "model_id": one.model_id,
        "model_name": one.model_name,
        "state": one.state,
        "drift": one.drift,
        "outside_bands": one.outside_count,
        "worst_ticker": worst.ticker if worst else None,
        "worst_security_id": worst.security_id if worst else None,
        "worst_side": _side(worst) if worst else None,
        "worst_weight": worst.weight if worst else None,
        "worst_band_low": worst.band_low if worst else None,
        "worst_band_high": worst.band_high if worst else None,
        "worst_distance": worst.distance if worst else None,
        "cash_weight": one.cash_weight,
        "market_value": one.market_value,
        "snapshot_time": one.snapshot_time,
        "error": one.error.message if one.error else None,
    }


def _side(worst: WorstPosition) -> str | None:
    """Whether it weighs more than its band allows, or less; None where it is inside."""
    if worst.distance <= 0:
        return None
    return "over" if worst.weight >= worst.band_high else "under"


def _farthest_first(one: PortfolioDrift) -> tuple[bool, bool, Decimal, str]:
    """As the server sorts a page: what FAILED is worth a look first, and what has nothing comes last."""
    unknown = one.state is not DriftState.FAILED, one.drift is None
    return (*unknown, Decimal(0) if one.drift is None else -one.drift, one.portfolio_id)
