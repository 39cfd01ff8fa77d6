"""`ordergen demo`: the main job on embedded parts, and a report of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from ordergen_client.client import Client
from ordergen_client.commands.shared.failures import Failure, told
from ordergen_client.commands.shared.options import with_output
from ordergen_client.commands.shared.people import for_people
from ordergen_client.commands.stacks.market import Once, arguments, told_sandbox, with_market
from ordergen_client.errors import OrderGenerationError
from ordergen_client.sandbox import sandbox
from ordergen_client.showing.output import Form, Output
from ordergen_client.showing.run import RunRead, show_run
from ordergen_client.telling.following import until_interrupted, with_progress
from ordergen_client.telling.progress import slow_progress
from ordergen_client.whole_file import FileNotWrittenError


@click.command()
@with_market
@click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report of the run to this file, too, in place of one that is there.",
)
@with_output
def demo(
    *,
    output: Output,
    portfolios: int,
    positions: int,
    seed: int,
    market: Path | None,
    report_path: Path | None,
) -> None:
    """Rebalance portfolios on embedded parts: database, siblings and server of its own.

    Shows a summary, what needs a look, the largest orders, and a line a portfolio; nothing is left.
    """
    progress = output.progress
    progress.print("Starting database, siblings and server ...")
    stopping = Once(lambda: progress.print("Stopping ..."))
    with (
        told_sandbox(),
        _told_errors(),
        for_people(),
        sandbox(arguments(portfolios, positions, seed, market), stopping) as stack,
        Client(stack.target) as client,
    ):
        model = client.models.create(stack.model_name, stack.positions, stack.portfolio_ids)
        run = client.runs.start(model.model_id)
        read = RunRead()
        show_run(output, with_progress(until_interrupted(run.events()), progress), read)
        if report_path:
            _write_report(client, run.rebalance_id, report_path, progress)
            shown = output.console if output.form is Form.TABLE else progress
            shown.print(f"Report: {report_path.absolute().as_uri()}", soft_wrap=True, highlight=False)


def _write_report(client: Client, rebalance_id: str, path: Path, console: Console) -> None:
    from ordergen_client.report.write import write_report  # noqa: PLC0415 - it needs an extra

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileNotWrittenError(f"{path} cannot be written: {error.strerror or error}") from error
    events = until_interrupted(client.runs.watch(rebalance_id))
    with slow_progress("Reporting", console) as told_to:
        write_report(events, path, force=True, progress=told_to)


@contextmanager
def _told_errors() -> Iterator[None]:
    try:
        yield
    except OrderGenerationError as error:
        raise Failure(told(error)) from error
