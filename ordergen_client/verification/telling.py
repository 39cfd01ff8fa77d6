"""What a check has found, as rows and in words."""

from collections.abc import Iterator

from ordergen_client.verification.verify import Report

#: How many findings are shown.
SHOWN = 20


def checked(report: Report, *, proved: bool) -> Iterator[tuple[str, int]]:
    """What was checked, and how much of it."""
    yield "messages: in order, each portfolio once, counts, state", report.messages
    yield "portfolios: every number computed anew", report.solved
    yield "their lines", report.lines
    if report.frozen:
        yield "their lines without a usable price: as they were", report.frozen
    if report.feasible:
        yield "of the portfolios FEASIBLE: not said to be the best", report.feasible
    for state, count in sorted(report.others.items()):
        yield f"{state} without lines: nothing to compute", count
    if proved:
        yield "portfolios solved again", report.proved
        yield "portfolios not solved again in time", report.undecided
        if report.with_settings:
            yield "portfolios not solved again: their settings are not in an export", report.with_settings


def first_findings(report: Report) -> tuple[str, list[dict[str, object]]]:
    """A heading, and what is wrong first: where, in which line, which rule, what is, what should be."""
    heading = f"The first of {report.findings.count:,} that are wrong" if _more(report) else "Wrong"
    rows: list[dict[str, object]] = [
        {"where": one.where, "line": one.line, "rule": one.rule, "found": one.found, "expected": one.expected}
        for one in report.findings.first[:SHOWN]
    ]
    return heading, rows


def conclusion(report: Report, *, proved: bool) -> str:
    """A sentence that says no more than was checked."""
    run = f"Run {report.rebalance_id}"
    if report.findings.count:
        return f"{run}: {report.findings.count:,} wrong."
    told = f"{run}: {_scope(report)} are right, computed anew"
    if not proved:
        return f"{told}. Whether answers are the best is not computed: --prove does that."
    if report.proved < report.solved:
        return f"{told}; solved again without a contradiction: {report.proved:,} of {report.solved:,}."
    return f"{told}; solved again without a contradiction: all {report.solved:,}."


def _scope(report: Report) -> str:
    lines = f"{report.solved:,} portfolios and their {report.lines:,} lines"
    without = report.portfolios - report.solved
    return f"{lines} ({without:,} more have no lines)" if without else f"all {lines}"


def _more(report: Report) -> bool:
    return report.findings.count > SHOWN
