"""The main job on embedded parts: a model, its portfolios, whole-share orders and why."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ordergen_client.client import Client
from ordergen_client.records.values import PortfolioRebalance, Rebalance
from ordergen_client.sandbox import sandbox
from ordergen_client.telling.as_json import run_as_json
from ordergen_client.telling.following import (
    follow,
    output_console,
    show_portfolios,
    summary,
    until_interrupted,
)
from ordergen_client.telling.printable import print_whole
from ordergen_client.telling.progress import slow_progress
from ordergen_client.telling.tables import orders_table
from ordergen_client.whole_file import FileNotWrittenError


def run_demo(arguments: Sequence[str], *, report: Path | None, as_json: bool) -> None:
    """Start a stack, create a model, rebalance its portfolios, and show what became of each.

    Args:
        arguments: of the stack.
        report: where to write the report of the run, too.
        as_json: print the results as JSON.

    Raises:
        SandboxError: the stack did not start.
        OrderGenerationError: the service refused something.
        FileNotWrittenError: the report cannot be written.
    """
    progress = Console(stderr=True)
    progress.print("Starting database, siblings and server ...")
    with sandbox(arguments) as stack, Client(stack.target) as client:
        model = client.models.create(stack.model_name, stack.positions, stack.portfolio_ids)
        started = time.perf_counter()
        run, portfolios = follow(client.runs.start(model.model_id).events(view="BASIC"), progress)
        seconds = time.perf_counter() - started
        first = next((one for one in portfolios if one.state == "REBALANCED"), None)
        detail = first and client.runs.portfolio(run.rebalance_id, first.portfolio_id)
        if as_json:
            print(run_as_json(run, portfolios))  # noqa: T201 - the command's output
        else:
            _show(run, portfolios, detail, seconds)
        if report:
            _write_report(client, run, report, progress)
            (progress if as_json else output_console()).print(
                f"Report: {report.absolute().as_uri()}", soft_wrap=True
            )


def _write_report(client: Client, run: Rebalance, path: Path, console: Console) -> None:
    from ordergen_client.report.write import write_report  # noqa: PLC0415 - it needs an extra

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileNotWrittenError(f"{path} cannot be written: {error.strerror or error}") from error
    events = until_interrupted(client.runs.watch(run.rebalance_id))
    with slow_progress("Reporting", console) as told:
        write_report(events, path, force=True, progress=told)


def _show(
    run: Rebalance,
    portfolios: Sequence[PortfolioRebalance],
    detail: PortfolioRebalance | None,
    seconds: float,
) -> None:
    console = output_console()
    show_portfolios(console, run, portfolios)
    if detail:
        print_whole(console, orders_table(detail))
    proven = sum(one.solution is not None and one.solution.status == "PROVEN_OPTIMAL" for one in portfolios)
    console.print(f"{summary(run)}; {proven} proven optimal; {seconds:.2f} s.")
