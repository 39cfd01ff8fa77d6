"""A report for eyes: a table of what became of all, and a line for each finding."""

from collections.abc import Iterator

from rich.table import Table

from ordergen_server.legacy.report import Finding, Outcome, Report
from ordergen_server.legacy.source import COLLECTIONS

#: Findings that are shown; `--json` has more.
SHOWN_FINDINGS = 100


def told_report(report: Report) -> Iterator[Table | str]:
    """The counts, the first findings, and what there is to say of them."""
    yield _counts(report)
    yield from map(_told, report.findings[:SHOWN_FINDINGS])
    more = len(report.findings) - SHOWN_FINDINGS + report.more_findings
    if more > 0:
        yield f"... and {more:,} more: --json has the first {len(report.findings):,}."
    if report.dry_run:
        yield "Nothing was written."


def _counts(report: Report) -> Table:
    table = Table(title="What would become of them" if report.dry_run else "What became of them")
    table.add_column("Collection")
    for outcome in Outcome:
        table.add_column(outcome.value.capitalize(), justify="right")
    for collection in COLLECTIONS:
        table.add_row(collection, *(f"{count:,}" for count in report.of(collection).values()))
    return table


def _told(finding: Finding) -> str:
    """A finding in a line, as `not taken: models 65..., name: must not be blank`."""
    what = "left out" if finding.taken else "not taken"
    field = f", {finding.field}" if finding.field else ""
    value = f"; it is {finding.value}" if finding.value else ""
    return f"{what}: {finding.collection} {finding.id}{field}: {finding.rule}{value}"
