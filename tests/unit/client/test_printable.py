"""What others have named commands no terminal, and ends no command."""

from dataclasses import replace
from io import StringIO
from typing import cast

import pytest
from rich.console import Console

from ordergen_client import OrderGenerationError, PositionReason
from ordergen_client.commands.server import told_failures
from ordergen_client.telling import tables
from ordergen_client.telling.following import show_portfolios
from ordergen_client.telling.printable import PlainConsole, print_whole, printable
from ordergen_client.verification.findings import Check
from ordergen_client.verification.telling import conclusion, findings_table
from ordergen_client.verification.verify import Report
from tests.unit.client.test_following import STARTED
from tests.unit.client.test_tables import PORTFOLIO, POSITION

#: Clears the screen, sets its title, ends a markup that was never begun, and turns letters round.
NASTY = "\x1b[2J\x1b]0;title\x07 [/b] [red]x[/red] :bomb: \x9b2J\u202e"
SHOWN = r"\x1b[2J\x1b]0;title\x07 [/b] [red]x[/red] :bomb: \x9b2J\u202e"


def on_a_terminal(*shown: object) -> str:
    screen = StringIO()
    console = PlainConsole(file=screen, force_terminal=True, color_system=None, width=1000)
    for one in shown:
        console.print(one, soft_wrap=True)
    return screen.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[3m", "")


@pytest.mark.parametrize("text", ["", "Growth", "Größe 日本 €", "[/b]"])
def test_what_is_visible_stays(text: str) -> None:
    assert printable(text) == text


def test_names_are_shown_and_obeyed_by_nobody() -> None:
    run = replace(STARTED, model_name=NASTY, actor=NASTY)
    error = OrderGenerationError("FAILED_PRECONDITION", NASTY)
    portfolio = replace(
        PORTFOLIO,
        portfolio_name=NASTY,
        positions=(replace(POSITION, ticker=NASTY, reason=cast("PositionReason", NASTY)),),
        error=error,
    )
    report = Report(NASTY)
    report.findings.add(NASTY, [Check("rule", NASTY, NASTY)], NASTY)
    screen = StringIO()
    show_portfolios(PlainConsole(file=screen, width=1000), run, [portfolio])
    shown = screen.getvalue() + on_a_terminal(
        tables.runs_table([run]),
        tables.run_details(run),
        tables.orders_table(portfolio),
        tables.portfolio_details(portfolio),
        findings_table(report),
        conclusion(report, proved=False),
    )
    assert not {one for one in shown if not one.isprintable()} - {"\n"}
    assert shown.count(SHOWN) >= 10


def test_a_failure_is_told_as_it_is() -> None:
    error = OrderGenerationError("NOT_FOUND", NASTY)
    with pytest.raises(Exception, match="NOT_FOUND") as raised, told_failures():
        raise error
    assert str(raised.value) == f"NOT_FOUND: {SHOWN}"


def test_findings_are_safe_on_any_console() -> None:
    report, screen = Report("a" * 24), StringIO()
    report.findings.add("file", [Check("rule", NASTY, "")])
    Console(file=screen, width=1000).print(findings_table(report))
    assert "\x1b" not in screen.getvalue()


def test_a_narrow_terminal_cuts_no_table() -> None:
    """Ids are there to be copied, and every column is shown; nothing else becomes wider by that."""
    run = replace(STARTED, model_name="Growth", actor="desk@example.org")
    screen = StringIO()
    console = PlainConsole(file=screen, force_terminal=True, color_system=None, width=60)
    for table in (tables.runs_table([run]), tables.orders_table(PORTFOLIO)):
        print_whole(console, table)
    show_portfolios(console, run, [PORTFOLIO])
    shown = screen.getvalue()
    assert "…" not in shown
    for whole in (
        STARTED.rebalance_id,
        PORTFOLIO.portfolio_id,
        "desk@example.org",
        "2026-01-02 00:00:00 UTC",
    ):
        assert whole in shown
    assert console.width == 60
