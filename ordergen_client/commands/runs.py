"""`ordergen runs`: what runs did, as tables, as files, and checked."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import click
from rich.console import Console

from ordergen_client.client import Client
from ordergen_client.commands.report import for_people
from ordergen_client.commands.server import with_server
from ordergen_client.commands.verify import verify
from ordergen_client.export import write_export
from ordergen_client.records.states import PortfolioState
from ordergen_client.records.values import PortfolioRebalance
from ordergen_client.telling.as_json import portfolio_as_json, run_in_parts, runs_as_json
from ordergen_client.telling.following import output_console, show_portfolios, until_interrupted
from ordergen_client.telling.printable import print_whole
from ordergen_client.telling.progress import slow_progress
from ordergen_client.telling.tables import orders_table, portfolio_details, run_details, runs_table

#: Portfolios of a table; a longer run is several of them, each shown once it is read.
PAGE = 500


@click.group()
def runs() -> None:
    """Show what runs did, write them to files, and check those."""


runs.add_command(verify)


@runs.command("list")
@click.option("--model", "model_id", default="", help="Only runs of this model.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@with_server
def list_runs(*, client: Client, model_id: str, limit: int, as_json: bool) -> None:
    """Show the newest runs."""
    found = list(islice(client.runs.list(model_id=model_id, page_size=min(limit, 1000)), limit))
    if as_json:
        click.echo(runs_as_json(found))
    else:
        print_whole(output_console(), runs_table(found))


@runs.command()
@click.argument("run_id")
@click.option("--portfolio", "portfolio_id", help="Show the lines of this portfolio.")
@click.option(
    "--state", type=click.Choice([one.value for one in PortfolioState]), help="Only portfolios in this state."
)
@with_server
def show(
    *, client: Client, run_id: str, portfolio_id: str | None, state: PortfolioState | None, as_json: bool
) -> None:
    """Show the run RUN_ID and a line for each portfolio it has done so far."""
    if portfolio_id and state:
        raise click.UsageError("--state chooses among all portfolios: it goes without --portfolio.")
    if portfolio_id:
        _show_portfolio(client.runs.portfolio(run_id, portfolio_id), as_json=as_json)
        return
    run = client.runs.get(run_id)
    portfolios = client.runs.portfolios(run_id, state=state, page_size=PAGE)
    if as_json:
        for part in run_in_parts(run, portfolios):
            click.echo(part, nl=False)
        click.echo()
        return
    console = output_console()
    console.print(run_details(run), soft_wrap=True)
    for page in _pages(portfolios):
        show_portfolios(console, run, page)


def _show_portfolio(portfolio: PortfolioRebalance, *, as_json: bool) -> None:
    if as_json:
        click.echo(portfolio_as_json(portfolio))
        return
    console = output_console()
    console.print(portfolio_details(portfolio), soft_wrap=True)
    if portfolio.positions:
        print_whole(console, orders_table(portfolio))


def _pages(portfolios: Iterable[PortfolioRebalance]) -> Iterator[list[PortfolioRebalance]]:
    """So many at a time as a table has."""
    left = iter(portfolios)
    while page := list(islice(left, PAGE)):
        yield page


@runs.command()
@click.argument("run_id")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; RUN_ID.jsonl in this folder where it is not given. FILE.xlsx is a workbook.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@with_server
def export(*, client: Client, run_id: str, output: Path | None, force: bool, as_json: bool) -> None:
    """Write all that the run RUN_ID did to a file, for `ordergen runs verify` and other programs.

    A run that goes on is followed to its end. Until the file is whole its name ends in .part. A workbook has
    sheets of the portfolios, orders and lines for people; it is nothing that `verify` reads.
    """
    path = output or Path(f"{run_id}.jsonl")
    told: dict[str, str] = {"file": str(path)}
    with for_people(), slow_progress("Exporting", Console(stderr=True)) as progress:
        if path.suffix.lower() == ".xlsx":
            from ordergen_client.report.workbook import write_workbook  # noqa: PLC0415 - it needs an extra

            events = until_interrupted(client.runs.watch(run_id))
            write_workbook(events, path, force=force, progress=progress)
        else:
            messages = until_interrupted(client.runs.watch_messages(run_id))
            told["sha256"] = write_export(messages, run_id, path, force=force, progress=progress)
    click.echo(json.dumps(told) if as_json else path)
