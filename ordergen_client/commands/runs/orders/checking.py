"""`ordergen runs events`, `allocate` and `reconcile`: who did what, who gets what, and what differs."""

import sys

import click

from ordergen_client.client import Client
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.decimals import shares
from ordergen_client.commands.shared.failures import REFUSED
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.states import Side
from ordergen_client.showing.orders import (
    ACTIONS,
    ALLOCATIONS,
    DIFFERENCES,
    DIFFERENCES_MORE,
    action_row,
    allocation_row,
    difference_row,
    for_eyes,
)
from ordergen_client.showing.output import Form, Listing, Output


@click.command()
@click.argument("run")
@with_client
def events(*, client: Client, server: Server, output: Output, run: str) -> None:
    """List who did what with RUN and when, oldest first; also of a run that was deleted, by its whole id."""
    del server
    run_id = finding.run_id(client, run)
    rows = map(action_row, client.runs.history(run_id, page_size=1000))
    if output.form is Form.TABLE:
        rows = map(for_eyes, rows)
    listing = Listing("events", f"Events of run {run_id}", ACTIONS, rows, ("authenticated",))
    output.listing(listing, lambda: {"rebalance_id": run_id})


@click.command()
@click.argument("run")
@click.argument("security")
@click.option(
    "--side",
    required=True,
    type=click.Choice([str(one) for one in Side], case_sensitive=False),
    help="That of the block.",
)
@click.option("--filled", required=True, type=shares, help="How many shares of the block were filled.")
@with_client
def allocate(
    *, client: Client, server: Server, output: Output, run: str, security: str, side: str, filled: int
) -> None:
    """Share out what was filled of a block of RUN among its portfolios; nothing is stored.

    SECURITY is a ticker or an id. Each portfolio gets its part of the fill in whole shares, within one share
    of its exact part, and none more than it ordered.
    """
    del server
    run_id = finding.run_id(client, run)
    security_id = finding.securities(client, [security])[security]
    found = client.runs.allocate(run_id, security_id, Side(side), filled)
    names = finding.portfolio_names(client, [one.portfolio_id for one in found]) or {}
    rows = [allocation_row(one, names.get(one.portfolio_id, "")) for one in found]
    title = f"{side} {filled:,} {security} of run {run_id}"
    about = {
        "rebalance_id": run_id,
        "security_id": security_id,
        "side": side,
        "filled_quantity": filled,
    }
    output.listing(Listing("allocations", title, ALLOCATIONS, rows), lambda: about)


@click.command()
@click.argument("run")
@with_client
def reconcile(*, client: Client, server: Server, output: Output, run: str) -> None:
    """Compare the orders of RUN with what the order service has. Ends with 1 where anything differs."""
    del server
    run_id = finding.run_id(client, run)
    found = client.runs.reconcile(run_id)
    about = {
        "rebalance_id": run_id,
        "compared_count": found.compared_count,
        "difference_count": found.difference_count,
    }
    if output.form is Form.TABLE:
        differing = f"{found.difference_count:,} differ" if found.difference_count else "nothing differs"
        click.echo(f"Run {run_id}: {found.compared_count:,} orders compared, {differing}.")
    if found.differences or output.form is not Form.TABLE:
        rows = map(difference_row, found.differences)
        output.listing(Listing("differences", "", DIFFERENCES, rows, DIFFERENCES_MORE), lambda: about)
    if found.difference_count:
        sys.exit(REFUSED)
