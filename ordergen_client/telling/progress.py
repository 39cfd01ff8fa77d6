"""Progress on standard error of what takes more than a moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

#: Nothing is shown of what is done within this.
QUIET_SECONDS = 1.0


@contextmanager
def slow_progress(
    text: str, console: Console, quiet_seconds: float = QUIET_SECONDS
) -> Iterator[Callable[[int, int], None]]:
    """A block that takes its time: a function to tell how much is done, of how much.

    Args:
        text: what is done.
        console: where it is shown.
        quiet_seconds: how long nothing is shown.
    """
    progress = Progress(
        TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    task = progress.add_task("", total=None)
    timer = Timer(quiet_seconds, progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, total: progress.update(task, completed=done, total=total or None)
    finally:
        timer.cancel()
        timer.join()
        if progress.live.is_started:
            progress.stop()
