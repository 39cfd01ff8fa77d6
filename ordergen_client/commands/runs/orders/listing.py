"""`ordergen runs orders` and `blocks`: what a run trades, and what became of it, as tables and files."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click

from ordergen_client.client import Client
from ordergen_client.commands.runs.reading_on import counted, so_far
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.people import file_of, for_people
from ordergen_client.commands.shared.servers import Server
from ordergen_client.errors import Unsupported
from ordergen_client.records.orders.states import OrderState
from ordergen_client.records.orders.values import Order
from ordergen_client.records.values import Rebalance
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.grid import Row
from ordergen_client.showing.orders import BLOCKS, block_row
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.showing.rows import order_rows, run_row
from ordergen_client.telling.following import until_interrupted
from ordergen_client.telling.progress import slow_progress
from ordergen_client.whole_file import whole_file

_ORDERS: Final = (
    Column("portfolio_name", "Portfolio"),
    Column("portfolio_id", "Id", Kind.ID, 4),
    Column("side", "Side", Kind.SIDE),
    Column("quantity", "Shares", Kind.COUNT),
    Column("ticker", "Ticker"),
    Column("security_id", "Security", Kind.ID, 5),
    Column("price", "Price", Kind.PRICE, 3),
    Column("value", "Value", Kind.MONEY),
    Column("trade_date", "Trade date", Kind.TIME, 2),
)
#: Of a run that was submitted.
_STATES: Final = (Column("state", "State", Kind.ID), Column("external_order_id", "Order", Kind.ID, 1))
_MORE: Final = "state", "external_order_id", "error"
_FORMS: Final = {f".{one}": one for one in Form if one is not Form.TABLE}


def with_file(command: Any) -> Any:  # noqa: ANN401 - a click command's function
    """The options of a file in place of standard output."""
    for option in (
        click.option("--force", is_flag=True, help="Overwrite a file that is there."),
        click.option(
            "-o",
            "file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write to this file, by its ending: .csv, .json, .ndjson or .yaml.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("run")
@click.option(
    "--state",
    type=click.Choice([one.value for one in OrderState], case_sensitive=False),
    help="Only orders in this state, of what was submitted.",
)
@with_file
@with_client
def orders(
    *,
    client: Client,
    server: Server,
    output: Output,
    run: str,
    state: str | None,
    file: Path | None,
    force: bool,
) -> None:
    """List the orders of RUN and what became of them, those of a portfolio together, the largest first."""
    del server
    found = client.runs.get(finding.run_id(client, run))
    with slow_progress("Reading", output.progress) as progress:
        sent = _sent(client, found)
        events = counted(until_interrupted(so_far(client, found)), found, progress)
        rows: Iterable[Row] = (
            row
            for event in events
            if event.portfolio
            for order in order_rows(event.portfolio)
            if (row := _joined(found, order, sent))["state"] == state or state is None
        )
        if output.form is Form.TABLE and not file:  # programs get them as they come
            rows = sorted(rows, key=lambda row: str(row["portfolio_id"]))
        columns = (*_ORDERS, *_STATES) if sent and output.form is Form.TABLE and not file else _ORDERS
        title = f"Orders of run {found.rebalance_id}"
        more = () if columns is not _ORDERS else _MORE
        written(
            output, Listing("orders", title, columns, rows, more), lambda: run_row(found), file, force=force
        )


@click.command()
@click.argument("run")
@with_file
@with_client
def blocks(
    *, client: Client, server: Server, output: Output, run: str, file: Path | None, force: bool
) -> None:
    """Add up what approved portfolios of RUN trade: a block a security and side, the largest first."""
    del server
    run_id = finding.run_id(client, run)
    found = sorted(client.runs.blocks(run_id), key=lambda one: (-one.value, one.security_id))
    listing = Listing("blocks", f"Blocks of run {run_id}", BLOCKS, map(block_row, found))
    written(output, listing, lambda: {"rebalance_id": run_id}, file, force=force)


def written(
    output: Output, listing: Listing, about: Callable[[], Row], path: Path | None, *, force: bool
) -> None:
    """Write rows to standard output, or to a file that is whole or not there at all."""
    if path is None:
        output.listing(listing, about)
        return
    form = _FORMS.get(file_of(path, "").suffix.lower())
    if form is None:
        raise click.UsageError(f"-o {path}: its ending must be one of {', '.join(_FORMS)}.")
    with for_people(), whole_file(path, force=force) as file:
        to_file = Output(form, headers=output.headers, to=lambda text: file.write(text.encode()))
        to_file.listing(listing, about)
    output.done(lambda: {"file": str(path)}, str(path))


def _sent(client: Client, run: Rebalance) -> dict[tuple[str, str], Order]:
    """The orders of a run that were submitted, by portfolio and security; none of an older server's."""
    with suppress(Unsupported):
        return {
            (one.portfolio_id, one.security_id): one
            for one in client.runs.orders(run.rebalance_id, page_size=1000)
        }
    return {}


def _joined(
    run: Rebalance, order: Mapping[str, object], sent: Mapping[tuple[str, str], Order]
) -> dict[str, object]:
    known = sent.get((str(order["portfolio_id"]), str(order["security_id"])))
    return {
        "rebalance_id": run.rebalance_id,
        **order,
        "state": known.state if known else None,
        "external_order_id": known.external_order_id if known else None,
        "error": known.error.message if known and known.error else None,
    }
