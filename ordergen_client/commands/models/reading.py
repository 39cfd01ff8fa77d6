"""`ordergen models`: models, their securities, and the portfolios that follow them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import click

from ordergen_client.client import Client
from ordergen_client.commands.models.changing import link, remove_position, set_position, unlink
from ordergen_client.commands.models.records import whole_model
from ordergen_client.commands.models.writing import create, diff, update
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.asking import ask
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.values import Model
from ordergen_client.showing.columns import Column, Kind, percent, time
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.showing.rows import model_row

_MODELS: Final = (
    Column("name", "Name"),
    Column("model_id", "Model", Kind.ID),
    Column("positions_count", "Positions", Kind.COUNT, 3),
    Column("portfolios_count", "Portfolios", Kind.COUNT, 1),
    Column("total_target", "Targets", Kind.PERCENT, 4),
    Column("last_rebalance_time", "Last rebalance", Kind.TIME, 2),
    Column("version", "Version", Kind.COUNT, 5),
)
_POSITIONS: Final = (
    Column("ticker", "Ticker"),
    Column("security_id", "Security", Kind.ID, 1),
    Column("target", "Target", Kind.PERCENT),
    Column("low_drift", "Drift down", Kind.PERCENT),
    Column("high_drift", "Drift up", Kind.PERCENT),
)
#: Portfolios of a model that are named for eyes.
_NAMED: Final = 20


@click.group()
def models() -> None:
    """Models: their securities, and the portfolios that follow them."""


for command in (create, update, diff, link, unlink, set_position, remove_position):
    models.add_command(command)


@models.command("list")
@click.option(
    "--order-by", default="name", show_default=True, help="name, model_id or last_rebalance_time; desc."
)
@with_client
def list_models(*, client: Client, server: Server, output: Output, order_by: str) -> None:
    """List every model."""
    del server
    found = client.models.list(order_by=order_by, page_size=1000)
    output.listing(
        Listing("models", "Models", _MODELS, map(model_row, found), ("create_time", "update_time"))
    )


@models.command()
@click.argument("model")
@with_client
def show(*, client: Client, server: Server, output: Output, model: str) -> None:
    """Show MODEL, its securities, and the portfolios that follow it."""
    del server
    _show(client, output, finding.model(client, model))


@models.command()
@click.argument("model")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_client
def delete(*, client: Client, server: Server, output: Output, model: str, yes: bool) -> None:
    """Delete MODEL. Its runs stay."""
    del server
    found = finding.model(client, model)
    ask(
        f"Delete model {found.name} ({found.model_id}), which {len(found.portfolio_ids)} portfolios follow?",
        yes=yes,
    )
    client.models.delete(found.model_id, found.version)
    output.done(lambda: {"model_id": found.model_id, "deleted": True}, f"Deleted model {found.name}.")


def _show(client: Client, output: Output, model: Model) -> None:
    record = whole_model(client, model)
    positions: Any = record["positions"]
    listing = Listing("positions", "", _POSITIONS, positions)
    if output.form is not Form.TABLE:
        output.record(record, {}, listing)
        return
    count = len(model.portfolio_ids)
    shown = {
        "Model": f"{model.name}  {model.model_id}",
        "Version": f"{model.version}, of {time(model.update_time)} UTC"
        + (f", by {model.update_actor}" if model.update_actor else ""),
        "Last rebalance": f"{time(model.last_rebalance_time)} UTC" if model.last_rebalance_time else "-",
        "Targets": f"{percent(Decimal(str(record['total_target'])))} in {len(model.positions)} positions,"
        " and the rest in cash",
        "Portfolios": f"{count:,}" + (f": {_named(client, model.portfolio_ids)}" if count else ""),
    }
    output.record(record, shown, listing)


def _named(client: Client, portfolio_ids: Sequence[str]) -> str:
    """So many of them by name."""
    first = portfolio_ids[:_NAMED]
    known = finding.portfolio_names(client, first) or {}
    names = [known.get(one) or one for one in first]
    more = len(portfolio_ids) - len(names)
    return ", ".join(names) + (f", and {more:,} more" if more else "")
