"""`ordergen runs`: what runs did, followed, as tables and as files."""

from itertools import islice
from typing import Final

import click

from ordergen_client.client import Client
from ordergen_client.commands.runs.compare import compare
from ordergen_client.commands.runs.ending import end_as, going_on
from ordergen_client.commands.runs.export import export
from ordergen_client.commands.runs.orders.checking import allocate, events, reconcile
from ordergen_client.commands.runs.orders.deciding import approve, reject
from ordergen_client.commands.runs.orders.listing import blocks, orders
from ordergen_client.commands.runs.orders.submitting import submit
from ordergen_client.commands.runs.reading_on import counted, so_far
from ordergen_client.commands.runs.verify import verify
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.asking import ask
from ordergen_client.commands.shared.failures import Failure
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.states import PortfolioState, RebalanceState
from ordergen_client.records.values import PortfolioRebalance, Rebalance
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.output import Listing, Output
from ordergen_client.showing.portfolio import show_portfolio
from ordergen_client.showing.rows import run_row
from ordergen_client.showing.run import RunRead, show_run
from ordergen_client.telling.following import until_interrupted, with_progress
from ordergen_client.telling.progress import slow_progress

_RUNS: Final = (
    Column("rebalance_id", "Run", Kind.ID),
    Column("state", "State", Kind.ID),
    Column("create_time", "Began (UTC)", Kind.TIME, 2),
    Column("model_name", "Model"),
    Column("portfolio_count", "Portfolios", Kind.COUNT, 3),
    Column("infeasible_or_failed", "Infeasible, failed", Kind.COUNT, 4),
    Column("turnover_weight", "Turnover", Kind.PERCENT, 6),
    Column("actor", "By", Kind.TEXT, 5),
)


@click.group()
def runs() -> None:
    """Runs: what they did, as tables and as files; their review, and their orders."""


for one in (export, compare, approve, reject, submit, orders, events, blocks, allocate, reconcile):
    runs.add_command(one)
old_verify = click.Command(
    "verify", callback=verify.callback, params=verify.params, help=verify.help, hidden=True, deprecated=True
)
runs.add_command(old_verify)


@runs.command("list")
@click.option("--model", help="Only runs of this model; by id or name.")
@click.option("--portfolio", help="Only runs over this portfolio; by id or name.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@with_client
def list_runs(
    *, client: Client, server: Server, output: Output, model: str | None, portfolio: str | None, limit: int
) -> None:
    """List the newest runs."""
    del server
    model_id = finding.model_id(client, model) if model else ""
    portfolio_ids = finding.portfolios(client, [portfolio]).values() if portfolio else ()
    found = client.runs.list(model_id=model_id, portfolio_ids=portfolio_ids, page_size=min(limit, 1000))
    more = "model_id", "model_version", "finish_time", "rebalance_date", "partial"
    output.listing(Listing("rebalances", "Runs", _RUNS, map(run_row, islice(found, limit)), more))


@runs.command()
@click.argument("run")
@click.argument("portfolio", required=False)
@click.option("--portfolio", "old_portfolio", hidden=True)
@click.option(
    "--state",
    type=click.Choice([one.value for one in PortfolioState], case_sensitive=False),
    help="Only portfolios in this state.",
)
@with_client
def show(
    *,
    client: Client,
    server: Server,
    output: Output,
    run: str,
    portfolio: str | None,
    old_portfolio: str | None,
    state: str | None,
) -> None:
    """Show what RUN did so far; with PORTFOLIO (id or name) every line of it, and why.

    RUN is an id, the beginning of one, a model's name for its latest run, or `latest`.
    """
    del server
    one = portfolio or old_portfolio
    if one and state:
        raise click.UsageError("--state chooses among all portfolios: it goes without a portfolio.")
    run_id = finding.run_id(client, run)
    if one:
        show_portfolio(output, client.runs.portfolio(run_id, finding.portfolios(client, [one])[one]))
        return
    found = client.runs.get(run_id)
    with slow_progress("Reading", output.progress) as progress:
        read = RunRead(lambda its: state in {None, its}, reviewed=_reviewed(client, found))
        read.run = found
        show_run(output, counted(until_interrupted(so_far(client, found)), found, progress), read)


@runs.command()
@click.argument("run")
@with_client
def watch(*, client: Client, server: Server, output: Output, run: str) -> None:
    """Follow RUN to its end, and show what it did. Its exit code says how it ended."""
    run_id = finding.run_id(client, run)
    read = RunRead()
    with going_on(run_id, server):
        events = until_interrupted(client.runs.attach(run_id).events())
        show_run(output, with_progress(events, output.progress), read)
    end_as(read.run)


@runs.command()
@click.argument("run")
@with_client
def cancel(*, client: Client, server: Server, output: Output, run: str) -> None:
    """Cancel RUN: what is not done is left out, and what is done stays."""
    del server
    run_id = finding.run_id(client, run)
    before = client.runs.get(run_id)
    after = client.runs.cancel(run_id)
    if before.state is not RebalanceState.RUNNING:
        raise Failure(f"Run {run_id} had ended before: {before.state}. Nothing is changed.")
    output.done(lambda: run_row(after), f"Run {run_id} is {after.state}.")


@runs.command()
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_client
def delete(*, client: Client, server: Server, output: Output, run: str, yes: bool) -> None:
    """Delete RUN, which has ended, and all that is stored of it."""
    del server
    found = client.runs.get(finding.run_id(client, run))
    ask(
        f"Delete run {found.rebalance_id} of {found.model_name}, {found.portfolio_count} portfolios?", yes=yes
    )
    client.runs.delete(found.rebalance_id, found.version)
    output.done(
        lambda: {"rebalance_id": found.rebalance_id, "deleted": True}, f"Deleted run {found.rebalance_id}."
    )


def _reviewed(client: Client, run: Rebalance) -> dict[str, PortfolioRebalance]:
    """The portfolios of a run that trade, with their reviews and what became of their orders."""
    if run.review_counts is None:
        return {}
    trading = client.runs.portfolios(run.rebalance_id, state=PortfolioState.REBALANCED, page_size=1000)
    return {one.portfolio_id: one for one in trading}


old_watch = click.Command(
    "watch", callback=watch.callback, params=watch.params, help=watch.help, deprecated=True
)
