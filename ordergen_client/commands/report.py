"""`ordergen report`: a run as a page for people."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from ordergen_client.client import Client
from ordergen_client.commands.server import with_server
from ordergen_client.telling.following import until_interrupted
from ordergen_client.telling.printable import printable
from ordergen_client.telling.progress import slow_progress
from ordergen_client.verification.reading import NotAnExportError
from ordergen_client.whole_file import FileNotWrittenError


@click.command()
@click.argument("run_id", required=False)
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
@with_server
def report(
    *,
    client: Client,
    run_id: str | None,
    output: Path | None,
    export: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write the run RUN_ID as one page that any browser opens, without a network.

    A run that goes on is followed to its end. Until the file is whole its name ends in .part.
    """
    if bool(run_id) == bool(export):
        raise click.UsageError("Name a run, or an export with --from: one of the two.")
    path = output or Path(f"{run_id or (export or Path()).stem}.html")
    with for_people():
        from ordergen_client.report.reading import events_of  # noqa: PLC0415 - it needs an extra
        from ordergen_client.report.write import write_report  # noqa: PLC0415 - it needs an extra

        events = events_of(export) if export else client.runs.watch(run_id or "")
        with slow_progress("Reporting", Console(stderr=True)) as progress:
            run = write_report(until_interrupted(events), path, force=force, progress=progress)
    click.echo(json.dumps({"file": str(path), "rebalance_id": run.rebalance_id}) if as_json else path)


@contextmanager
def for_people() -> Iterator[None]:
    """A block that imports and uses what writes files for people; its failures are told in words."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("ordergen_client"):
            raise
        raise click.UsageError(
            f"This needs {error.name}, which is not installed: install globeco-ordergen-client[report]."
        ) from error
    except (FileNotWrittenError, NotAnExportError) as error:
        raise click.ClickException(printable(str(error))) from error
