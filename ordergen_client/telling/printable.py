"""What others have written, on a terminal: it is shown as it is, and commands nothing."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Characters of a line, wide enough for every table.
WIDEST = 132


def printable(text: str) -> str:
    """The text, with escapes of its code in the place of each that is no visible character or space."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(one: str) -> str:
    return one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode()


class PlainConsole(Console):
    """A console that takes text for text: names may have markup, or commands for the terminal, in them."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of Console
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - those of Console
        """See Console."""
        return super().render_str(printable(text), **options)


def print_whole(console: Console, table: Table) -> None:
    """Print a table in its own width: a narrower terminal breaks its lines, and no id in it is cut."""
    own = console.width
    needed = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    console.width = max(own, needed)
    try:
        console.print(table)
    finally:
        console.width = own


def output_console() -> Console:
    """Standard output, wide enough for the tables where it is not a terminal; no text commands it."""
    console = PlainConsole()
    return console if console.is_terminal else PlainConsole(width=WIDEST)
