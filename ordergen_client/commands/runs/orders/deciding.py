"""`ordergen runs approve` and `reject`: whether the orders of a run may be sent."""

from collections.abc import Sequence

import click

from ordergen_client.client import Client
from ordergen_client.commands.runs.orders.choosing import Some, with_some
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.values import Rebalance
from ordergen_client.showing.orders import counts_told
from ordergen_client.showing.output import Output
from ordergen_client.showing.rows import run_row


@click.command()
@click.argument("run")
@with_some
@click.option("--comment", default="", help="Why; kept with who approved, and when.")
@with_client
def approve(*, client: Client, server: Server, output: Output, run: str, some: Some, comment: str) -> None:
    """Approve what RUN proposes: all portfolios that are pending, or some with --only and --only-from.

    Where the server asks for no credentials, --actor says who approves.
    """
    found = client.runs.get(finding.run_id(client, run))
    chosen = some.ids(client, output, found, done="approved")
    after = client.runs.review(found.rebalance_id, "APPROVED", chosen, comment=comment)
    _tell(output, found, chosen, after)
    if after.review_counts and after.review_counts.approved:
        output.progress.print(
            f"ordergen runs submit {after.rebalance_id}{server.named} sends the orders of what is approved.",
            highlight=False,
            soft_wrap=True,
        )


@click.command()
@click.argument("run")
@with_some
@click.option("--comment", default="", help="Why; kept with who rejected, and when.")
@with_client
def reject(*, client: Client, server: Server, output: Output, run: str, some: Some, comment: str) -> None:
    """Reject what RUN proposes: all portfolios that are pending, or some with --only and --only-from.

    It takes back an approval of yours, too, as long as nothing of the portfolio is on its way.
    """
    del server
    found = client.runs.get(finding.run_id(client, run))
    chosen = some.ids(client, output, found, done="rejected")
    after = client.runs.review(found.rebalance_id, "REJECTED", chosen, comment=comment)
    _tell(output, found, chosen, after)


def _tell(output: Output, before: Rebalance, chosen: Sequence[str] | None, after: Rebalance) -> None:
    if chosen is None and before.review_counts and not before.review_counts.pending:
        output.warn("Nothing was pending: nothing is decided anew. --only names what was decided before.")
    told = counts_told(after.review_counts) if after.review_counts else "it proposes no trades"
    output.done(lambda: run_row(after), f"Run {after.rebalance_id} of {after.model_name}: {told}.")
