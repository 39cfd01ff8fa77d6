"""A report as tables for eyes."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from ordergen_client.printable import printable
from ordergen_server.legacy.report import Outcome, Report
from ordergen_server.legacy.source import COLLECTIONS

#: Findings that are shown; `--json` has more.
SHOWN_FINDINGS = 100


def report_tables(report: Report) -> Iterator[Table | str]:
    """The counts, the first findings, and what there is to say of them."""
    yield _counts(report)
    if report.findings:
        yield _findings(report)
    more = len(report.findings) - SHOWN_FINDINGS + report.more_findings
    if more > 0:
        yield f"{more:,} more findings: --json has up to {len(report.findings):,} of them."
    if report.dry_run:
        yield "Nothing was written."


def _counts(report: Report) -> Table:
    table = Table(title="Would be imported" if report.dry_run else "Imported")
    table.add_column("Collection")
    for outcome in Outcome:
        table.add_column(outcome.value.capitalize(), justify="right")
    for collection in COLLECTIONS:
        table.add_row(collection, *(f"{count:,}" for count in report.of(collection).values()))
    return table


def _findings(report: Report) -> Table:
    table = Table(title="What could not be taken")
    for name in ("Collection", "Id", "Field", "Rule", "Value", "The rest"):
        table.add_column(name, overflow="fold", no_wrap=name == "Id")
    for one in report.findings[:SHOWN_FINDINGS]:
        rest = "taken" if one.taken else "not taken"
        cells = (one.collection, one.id, one.field, one.rule, one.value, rest)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table
