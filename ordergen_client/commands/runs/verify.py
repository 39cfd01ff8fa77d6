"""`ordergen verify`: checks a run, or an exported one, by itself."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
from rich.text import Text

from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.failures import REFUSED, told_failures
from ordergen_client.commands.shared.options import with_output, with_server
from ordergen_client.commands.shared.people import for_people
from ordergen_client.commands.shared.servers import Server
from ordergen_client.export import write_export
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.grid import print_rows
from ordergen_client.showing.output import Form, Output
from ordergen_client.telling.following import until_interrupted
from ordergen_client.telling.printable import printable
from ordergen_client.telling.progress import slow_progress
from ordergen_client.verification.telling import checked, conclusion, first_findings
from ordergen_client.verification.verify import Prover, Report, verify_export

_CHECKED: Final = (Column("checked", "Checked"), Column("count", "How many", Kind.COUNT))
_FINDINGS: Final = (
    Column("where", "Where", Kind.ID),
    Column("line", "Line", Kind.ID),
    Column("rule", "Rule"),
    Column("found", "There is"),
    Column("expected", "There should be"),
)


@click.command()
@click.argument("run")
@click.option(
    "--prove", is_flag=True, help="Solve each portfolio again, too, with the optimizer that is installed."
)
@with_output
@with_server
def verify(*, server: Server, output: Output, run: str, prove: bool) -> None:
    """Compute every number of RUN anew, and check every rule.

    RUN is a run, or a FILE that `ordergen runs export` wrote: for that no server is asked. Ends with 1 where
    anything is wrong, and names what was found first.
    """
    prover = _prover() if prove else None
    with (
        for_people(),
        _exported(run, server, output) as file,
        slow_progress("Checking", output.progress) as progress,
    ):
        report = verify_export(file, prover, progress)
    if output.form is Form.TABLE:
        _show(report, output, proved=prove)
    else:
        output.record(_as_record(report), {})
    if report.findings.count:
        sys.exit(REFUSED)


def _show(report: Report, output: Output, *, proved: bool) -> None:
    rows = [{"checked": what, "count": count} for what, count in checked(report, proved=proved)]
    print_rows(output.console, rows, _CHECKED, title=f"Run {report.rebalance_id}", headers=output.headers)
    if report.findings.first:
        heading, found = first_findings(report)
        print_rows(output.console, found, _FINDINGS, title=heading, headers=output.headers)
    said = Text(printable(conclusion(report, proved=proved)))
    output.console.print(said, soft_wrap=not output.console.is_terminal)


@contextmanager
def _exported(asked: str, server: Server, output: Output) -> Iterator[Path]:
    """A file that is there, or one of a run for the time of the block."""
    if Path(asked).is_file():
        yield Path(asked)
        return
    if "/" in asked or "." in asked:
        raise click.UsageError(f"There is no file {asked}.")
    with TemporaryDirectory(prefix="ordergen-") as folder:
        path = Path(folder, "run.jsonl")
        with (
            told_failures(server.target, server.tls, server.timeout_seconds),
            server.client() as client,
            slow_progress("Reading", output.progress) as progress,
        ):
            run_id = finding.run_id(client, asked)
            messages = until_interrupted(client.runs.watch_messages(run_id))
            write_export(messages, run_id, path, force=False, progress=progress)
        yield path


def _prover() -> Prover:
    try:
        from ordergen_client.verification.proving import prove  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("ordergen_client"):
            raise
        raise click.UsageError(
            f"--prove needs {error.name}, which is not installed: install globeco-ordergen[optimizer]."
        ) from error
    return prove


def _as_record(report: Report) -> dict[str, object]:
    return {
        "rebalance_id": report.rebalance_id,
        "messages": report.messages,
        "portfolios_computed": report.solved,
        "lines_computed": report.lines,
        "portfolios_feasible": report.feasible,
        "portfolios_without_lines": report.others,
        "portfolios_proved": report.proved,
        "portfolios_undecided": report.undecided,
        "wrong": report.findings.count,
        "findings": [asdict(one) for one in report.findings.first],
    }
