"""`ordergen runs export`: a run as a file."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

import click
from rich.console import Console

from ordergen_client.blocking.decided import read_decided
from ordergen_client.client import Client
from ordergen_client.commands.runs.ending import going_on
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.options import with_called
from ordergen_client.commands.shared.people import file_of, for_people
from ordergen_client.commands.shared.servers import Server
from ordergen_client.export import write_export
from ordergen_client.records.states import RebalanceState
from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalanceEvent
from ordergen_client.report.figures.portfolios import figures
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.showing.portfolio import LINES, MORE
from ordergen_client.showing.rows import line_row, run_row, whole_portfolio
from ordergen_client.telling.following import until_interrupted
from ordergen_client.telling.progress import slow_progress
from ordergen_client.whole_file import FileNotWrittenError, whole_file

#: Told how many portfolios are read, of how many.
Progress = Callable[[int, int], None]


@click.command()
@click.argument("run")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file, by its ending: .csv a line a security of a portfolio, .xlsx a workbook, .json one"
    " document; any other is what `ordergen verify` reads. RUN_ID.jsonl here where it is not given.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as one line of JSON.")
@with_called
def export(
    *, client: Client, server: Server, run: str, output: Path | None, force: bool, quiet: bool, as_json: bool
) -> None:
    """Write all that RUN did to a file.

    A run that goes on is followed to its end. Until the file is whole its name ends in .part.
    """
    run_id = finding.run_id(client, run)
    path = file_of(output, f"{run_id}.jsonl")
    told: dict[str, str] = {"file": str(path)}
    running = client.runs.get(run_id).state is RebalanceState.RUNNING
    with (
        for_people(),
        going_on(run_id, server) if running else nullcontext(),
        slow_progress("Exporting", Console(stderr=True, quiet=quiet)) as progress,
    ):
        told.update(_write(client, run_id, path, force=force, progress=progress))
    click.echo(json.dumps(told) if as_json else path)


def _write(client: Client, run_id: str, path: Path, *, force: bool, progress: Progress) -> dict[str, str]:
    ending = path.suffix.lower()
    if ending not in {".csv", ".json", ".xlsx"}:
        messages = until_interrupted(client.runs.watch_messages(run_id))
        return {"sha256": write_export(messages, run_id, path, force=force, progress=progress)}
    events = until_interrupted(client.runs.watch(run_id))
    if ending == ".xlsx":
        from ordergen_client.report.workbook import write_workbook  # noqa: PLC0415 - it needs an extra

        decided = read_decided(client.runs.attach(run_id), client.runs.get(run_id))
        write_workbook(events, path, force=force, progress=progress, decided=decided)
    else:
        _write_text(events, path, Form(ending[1:]), force=force, progress=progress)
    return {}


def _write_text(
    events: Iterable[RebalanceEvent], path: Path, form: Form, *, force: bool, progress: Progress
) -> None:
    """The run as CSV or JSON. Raises FileNotWrittenError, also where the events ended before the run."""
    ends: list[Rebalance] = []
    with whole_file(path, force=force) as file:
        output = Output(form, to=lambda text: file.write(text.encode()))
        portfolios = _portfolios(events, ends, progress)
        if form is Form.CSV:
            columns = (Column("portfolio_id", "", Kind.ID), Column("portfolio_name", ""), *LINES)
            output.listing(Listing("lines", "", columns, _lines(portfolios), MORE))
        else:
            rows = (whole_portfolio(one, figures(one)) for one in portfolios)
            output.listing(Listing("portfolios", "", (), rows), lambda: run_row(ends[0]))


def _portfolios(
    events: Iterable[RebalanceEvent], ends: list[Rebalance], progress: Progress
) -> Iterator[PortfolioRebalance]:
    """The portfolios of a run to its end, which is noted. Raises FileNotWrittenError where there is none."""
    done = total = 0
    for event in events:
        if event.started:
            total = event.started.portfolio_count
        if event.portfolio:
            done += 1
            yield event.portfolio
        if event.finished:
            ends.append(event.finished)
        progress(done, total)
    if not ends:
        raise FileNotWrittenError("The stream of the run ended before the run did: try again.")


def _lines(portfolios: Iterable[PortfolioRebalance]) -> Iterator[dict[str, object]]:
    for one in portfolios:
        for line in one.positions:
            named = {"portfolio_id": one.portfolio_id, "portfolio_name": one.portfolio_name}
            yield {**named, **line_row(one, line)}
