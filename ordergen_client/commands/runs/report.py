"""`ordergen report`: a run as a page for people."""

import json
from pathlib import Path

import click
from rich.console import Console

from ordergen_client.blocking.decided import read_decided
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.failures import told_failures
from ordergen_client.commands.shared.options import with_server
from ordergen_client.commands.shared.people import file_of, for_people
from ordergen_client.commands.shared.servers import Server
from ordergen_client.report.decided import NOTHING
from ordergen_client.telling.following import until_interrupted
from ordergen_client.telling.progress import slow_progress


@click.command()
@click.argument("run", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; RUN_ID.html in this folder where it is not given.",
)
@click.option(
    "--from",
    "export",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read this export of a run (ordergen runs export), and ask no server.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as one line of JSON.")
@with_server
def report(
    *,
    server: Server,
    run: str | None,
    output: Path | None,
    export: Path | None,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write RUN as one page that any browser opens, without a network.

    A run that goes on is followed to its end. Until the file is whole its name ends in .part.
    """
    if bool(run) == bool(export):
        raise click.UsageError("Name a run, or an export with --from: one of the two.")
    with (
        for_people(),
        told_failures(server.target, server.tls, server.timeout_seconds),
        server.client() as client,
        slow_progress("Reporting", Console(stderr=True, quiet=quiet)) as progress,
    ):
        from ordergen_client.report.reading import events_of  # noqa: PLC0415 - it needs an extra
        from ordergen_client.report.write import write_report  # noqa: PLC0415 - it needs an extra

        run_id = finding.run_id(client, run) if run else ""
        path = file_of(output, f"{run_id or (export or Path()).stem}.html")
        events = events_of(export) if export else client.runs.watch(run_id)
        decided = NOTHING if export else read_decided(client.runs.attach(run_id), client.runs.get(run_id))
        told = until_interrupted(events)
        written = write_report(told, path, force=force, progress=progress, decided=decided)
    click.echo(json.dumps({"file": str(path), "rebalance_id": written.rebalance_id}) if as_json else path)
