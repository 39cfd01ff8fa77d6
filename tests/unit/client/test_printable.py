"""What others have named commands no terminal, and ends no command."""

from io import StringIO

import pytest

from ordergen_client import OrderGenerationError
from ordergen_client.commands.runs import verify
from ordergen_client.commands.shared.failures import Failure, told_failures
from ordergen_client.showing.output import Output
from ordergen_client.telling.printable import PlainConsole, printable
from ordergen_client.verification.findings import Check
from ordergen_client.verification.verify import Report

#: Clears the screen, sets its title, ends a markup that was never begun, and turns letters round.
NASTY = "\x1b[2J\x1b]0;title\x07 [/b] [red]x[/red] :bomb: \x9b2J\u202e"
SHOWN = r"\x1b[2J\x1b]0;title\x07 [/b] [red]x[/red] :bomb: \x9b2J\u202e"


@pytest.mark.parametrize("text", ["", "Growth", "Größe 日本 €", "[/b]"])
def test_what_is_visible_stays(text: str) -> None:
    assert printable(text) == text


def test_findings_are_shown_and_obeyed_by_nobody() -> None:
    report = Report(NASTY)
    report.findings.add(NASTY, [Check("rule", NASTY, "")], NASTY)
    screen = StringIO()
    output = Output()
    output.console = PlainConsole(file=screen, force_terminal=True, color_system=None, width=1000)
    verify._show(report, output, proved=False)  # noqa: SLF001 - what the command shows of a report
    shown = screen.getvalue()
    assert not {one for one in shown if not one.isprintable()} - {"\n"}
    assert shown.count(r"\x1b[2J") == 5  # the run twice, where, line, and what there is


def test_a_failure_is_told_as_it_is() -> None:
    error = OrderGenerationError("NOT_FOUND", NASTY)
    with pytest.raises(Failure) as raised, told_failures("localhost:1", None, 1):
        raise error
    assert str(raised.value) == SHOWN
