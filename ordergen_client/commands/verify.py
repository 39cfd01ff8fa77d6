"""`ordergen runs verify`: checks an exported run by itself, without a server."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from ordergen_client.telling.following import output_console
from ordergen_client.telling.printable import printable
from ordergen_client.telling.progress import slow_progress
from ordergen_client.verification.reading import NotAnExportError
from ordergen_client.verification.telling import checked_table, conclusion, findings_table
from ordergen_client.verification.verify import Prover, Report, verify_export


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--prove", is_flag=True, help="Solve each portfolio again, too, with the optimizer that is installed."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
def verify(*, file: Path, prove: bool, as_json: bool) -> None:
    """Compute every number of the export FILE anew, and check every rule.

    Ends with 1 where anything is wrong, and names what was found first.
    """
    prover = _prover() if prove else None
    try:
        with slow_progress("Checking", Console(stderr=True)) as progress:
            report = verify_export(file, prover, progress)
    except NotAnExportError as error:
        raise click.ClickException(printable(str(error))) from error
    if as_json:
        click.echo(json.dumps(_as_json(report)))
    else:
        console = output_console()
        console.print(checked_table(report, proved=prove))
        if report.findings.first:
            console.print(findings_table(report))
        console.print(conclusion(report, proved=prove), soft_wrap=True, highlight=False)
    if report.findings.count:
        sys.exit(1)


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


def _as_json(report: Report) -> dict[str, object]:
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
