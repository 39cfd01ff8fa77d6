"""Rows as a table that fits its terminal: no number and no id is ever cut."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ordergen_client.showing.columns import Column, Kind, shown
from ordergen_client.telling.printable import printable

Row = Mapping[str, object]

#: Rows of a table; longer lists are several, each shown once it is read.
PAGE = 500
#: Characters of a text after which it goes on in the next line.
_TEXT_WIDTH = 32


def print_rows(
    console: Console, rows: Iterable[Row], columns: Sequence[Column], *, title: str = "", headers: bool = True
) -> None:
    """Print rows as tables of `PAGE`; a narrow terminal gets fewer columns, or a line a value.

    Args:
        console: where; one that is no terminal has no width, and gets every column.
        rows: values by the keys of columns.
        columns: what is shown of each.
        title: above the first.
        headers: with headings, and with a word about columns that are left out.
    """
    heading, left_out = title, [column for column in columns if column.spare]
    for page in _pages(rows):
        fitting, table = _fitted(console, page, columns, heading, headers=headers)
        if table is None:
            _print_down(console, page, columns, heading)
            left_out = []
        else:
            _print_whole(console, table)
            left_out = [column for column in left_out if column not in fitting]
        heading = ""
    if heading:
        console.print(f"{heading}: none", highlight=False)
    elif headers and left_out:
        names = ", ".join(column.title for column in left_out)
        console.print(f"Too narrow for: {names}. --output csv has all.", style="dim", highlight=False)


def details(lines: Mapping[str, object]) -> Table:
    """Names and texts, a line each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines.items():
        table.add_row(name, text if isinstance(text, Text) else Text(printable(str(text))))
    return table


def _pages(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while page := list(islice(left, PAGE)):
        yield page


def _fitted(
    console: Console, rows: Sequence[Row], columns: Sequence[Column], title: str, *, headers: bool
) -> tuple[list[Column], Table | None]:
    """The columns that fit, and a table of them; no table where not even those fit that none does without."""
    kept = list(columns)
    while True:
        table = _table(rows, kept, title, headers=headers, folded=console.is_terminal)
        needed = console.measure(table, options=console.options.update(max_width=100_000)).minimum
        if not console.is_terminal or needed <= console.width:
            return kept, table
        spare = max((column for column in kept if column.spare), key=lambda one: one.spare, default=None)
        if spare is None:
            return kept, None
        kept.remove(spare)


def _table(
    rows: Sequence[Row], columns: Sequence[Column], title: str, *, headers: bool, folded: bool
) -> Table:
    table = Table(title=Text(printable(title)) if title else None, title_justify="left", box=SIMPLE_HEAD)
    table.show_header, table.pad_edge, table.show_edge = headers, False, False
    for column in columns:
        is_text = column.kind is Kind.TEXT and folded
        table.add_column(
            column.title,
            justify="right" if column.kind.is_number else "left",
            no_wrap=not is_text,
            overflow="fold",
            max_width=_TEXT_WIDTH if is_text else None,
        )
    for row in rows:
        table.add_row(*(shown(row.get(column.key), column.kind) for column in columns))
    return table


def _print_whole(console: Console, table: Table) -> None:
    if console.is_terminal:
        console.print(table)
        return
    own = console.width
    console.width = console.measure(table, options=console.options.update(max_width=100_000)).maximum
    try:
        console.print(table)
    finally:
        console.width = own


def _print_down(console: Console, rows: Sequence[Row], columns: Sequence[Column], title: str) -> None:
    """Each row as lines of its values."""
    if title:
        console.print(Text(printable(title), style="italic"))
    for row in rows:
        lines = {column.title: shown(row.get(column.key), column.kind) for column in columns}
        console.print(details(lines), soft_wrap=True)
        console.print()
