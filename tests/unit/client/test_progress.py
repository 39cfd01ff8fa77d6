"""Progress is shown of what takes its time, and of nothing else."""

from io import StringIO

from rich.console import Console

from ordergen_client.telling.progress import slow_progress
from tests.limits import PATIENCE
from tests.waiting import eventually


def test_what_is_quick_says_nothing() -> None:
    screen = StringIO()
    with slow_progress("Exporting", Console(file=screen, force_terminal=True), PATIENCE) as progress:
        progress(1, 2)
    assert screen.getvalue() == ""


def test_what_takes_its_time_says_how_far_it_is() -> None:
    screen = StringIO()
    with slow_progress("Exporting", Console(file=screen, force_terminal=True, width=80), 0) as progress:
        progress(3, 7)
        eventually(lambda: "3/7" in screen.getvalue())
    assert "Exporting" in screen.getvalue()
