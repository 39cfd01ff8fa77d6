"""What others have named commands no terminal, and ends no command."""

from io import StringIO

import pytest
from rich.console import Console

from ordergen_client import OrderGenerationError
from ordergen_client.commands.failures import Failure, told_failures
from ordergen_client.telling.printable import PlainConsole, printable
from ordergen_client.verification.findings import Check
from ordergen_client.verification.telling import conclusion, findings_table
from ordergen_client.verification.verify import Report

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


def test_findings_are_shown_and_obeyed_by_nobody() -> None:
    report = Report(NASTY)
    report.findings.add(NASTY, [Check("rule", NASTY, NASTY)], NASTY)
    shown = on_a_terminal(findings_table(report), conclusion(report, proved=False))
    assert not {one for one in shown if not one.isprintable()} - {"\n"}
    assert SHOWN in shown


def test_a_failure_is_told_as_it_is() -> None:
    error = OrderGenerationError("NOT_FOUND", NASTY)
    with pytest.raises(Failure, match="NOT_FOUND") as raised, told_failures("localhost:1", None, 1):
        raise error
    assert str(raised.value) == f"NOT_FOUND: {SHOWN}"


def test_findings_are_safe_on_any_console() -> None:
    report, screen = Report("a" * 24), StringIO()
    report.findings.add("file", [Check("rule", NASTY, "")])
    Console(file=screen, width=1000).print(findings_table(report))
    assert "\x1b" not in screen.getvalue()
