"""What a check has found, for eyes."""

from rich.table import Table
from rich.text import Text

from ordergen_client.telling.printable import printable
from ordergen_client.verification.verify import Report

#: How many findings are shown.
SHOWN = 20
#: Of an id, which is copied and looked for, and so is never broken.
ID_WIDTH = 24


def checked_table(report: Report, *, proved: bool) -> Table:
    """What was checked, and how much of it."""
    table = Table(title=f"Run {report.rebalance_id}")
    table.add_column("Checked", no_wrap=True)
    table.add_column("How many", justify="right", no_wrap=True)
    table.add_row("messages: in order, each portfolio once, counts, state", f"{report.messages:,}")
    table.add_row("portfolios: every number computed anew", f"{report.solved:,}")
    table.add_row("their lines", f"{report.lines:,}")
    if report.feasible:
        table.add_row("of the portfolios FEASIBLE: not said to be the best", f"{report.feasible:,}")
    for state, count in sorted(report.others.items()):
        table.add_row(f"{state} without lines: nothing to compute", f"{count:,}")
    if proved:
        table.add_row("portfolios solved again", f"{report.proved:,}")
        table.add_row("portfolios not solved again in time", f"{report.undecided:,}")
    return table


def findings_table(report: Report) -> Table:
    """The first things that are wrong."""
    table = Table(
        title=f"The first of {report.findings.count:,} that are wrong" if _more(report) else "Wrong"
    )
    for name in ("Where", "Line"):
        table.add_column(name, no_wrap=True, max_width=ID_WIDTH)
    for name in ("Rule", "There is", "There should be"):
        table.add_column(name, overflow="fold")
    for one in report.findings.first[:SHOWN]:
        # As they are: a file that somebody has changed may have markup in it, or commands for the terminal.
        texts = (one.where, one.line, one.rule, one.found, one.expected)
        table.add_row(*(Text(printable(text)) for text in texts))
    return table


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
