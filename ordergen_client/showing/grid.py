"""Rows as a table that fits its terminal: no number and no id is ever cut."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ordergen_client.showing.columns import Column, Kind, shown
from ordergen_client.telling.printable import printable

Row = Mapping[str, object]

#: Rows of a table; longer lists are several, each shown once it is read.
PAGE = 500
#: Characters of a text that may stand beside each other in a narrow terminal; more go on in the next line.
_TEXT_WIDTH = 32
#: Between two columns.
_GAP = 3


@dataclass(slots=True)
class _Fitted:
    """A column, its cells, and how wide it is: in full, folded no more than reads well, and word by word.

    The title is the heading; empty where there is none.
    """

    column: Column
    cells: list[Text]
    title: str
    least: int
    good: int
    most: int

    @classmethod
    def of(cls, column: Column, rows: Sequence[Row], *, headers: bool) -> "_Fitted":
        cells = [shown(row.get(column.key), column.kind) for row in rows]
        title = column.title if headers else ""
        texts = [cell.plain for cell in cells] + [title]
        most = max(map(cell_len, texts))
        if column.kind is not Kind.TEXT:
            return cls(column, cells, title, most, most, most)
        words = max((cell_len(word) for text in texts for word in text.split()), default=0)
        return cls(column, cells, title, min(words, _TEXT_WIDTH), min(most, _TEXT_WIDTH), most)

    def by_itself(self) -> "_Fitted":
        """The same without the column before it; a longer heading stands word below word."""
        if not (self.title and self.column.alone):
            return self
        word = max(map(cell_len, self.column.alone.split()))
        widths = (max(word, width) for width in (self.least, self.good, self.most))
        return _Fitted(self.column, self.cells, self.column.alone, *widths)


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
        fitted = _fitting(console, [_Fitted.of(column, page, headers=headers) for column in columns])
        if fitted:
            _print_table(console, fitted, heading, headers=headers)
            kept = [one.column for one in fitted]
            left_out = [column for column in left_out if column not in kept]
        else:
            _print_down(console, page, columns, heading)
            left_out = []
        heading = ""
    if heading:
        console.print(f"{heading}: none", highlight=False)
    elif headers and left_out:
        names = ", ".join(column.name for column in left_out)
        console.print(f"Too narrow for: {names}. --output csv has all.", style="dim", highlight=False)


def print_details(console: Console, lines: Mapping[str, object]) -> None:
    """Print names and what stands for them, a line each; long texts go on below their beginning.

    Where not even a word fits its line is left to the terminal, which breaks it and leaves it whole to copy.
    """
    texts = {
        name: text if isinstance(text, Text) else Text(printable(str(text))) for name, text in lines.items()
    }
    longest = max(map(cell_len, texts), default=0)
    words = max((cell_len(word) for text in texts.values() for word in text.plain.split()), default=0)
    if not console.is_terminal or longest + 2 + words > console.width:
        for name, text in texts.items():
            console.print(Text(f"{name:<{longest}}  ") + text, soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=longest)
    table.add_column()
    for name, text in texts.items():
        table.add_row(name, text)
    console.print(table)


def _pages(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while page := list(islice(left, PAGE)):
        yield page


def _fitting(console: Console, columns: list[_Fitted]) -> list[_Fitted]:
    """The columns that fit, each with its width as `most`; none where those do not that must be there."""
    if not console.is_terminal:
        return columns
    while sum(one.good for one in columns) + _gaps(columns) > console.width:
        place = max(range(len(columns)), key=lambda one: columns[one].column.spare)
        if not columns[place].column.spare:
            break
        _, *after = columns[place:]
        columns = [*columns[:place], *(one.by_itself() for one in after[:1]), *after[1:]]
    left = console.width - sum(one.least for one in columns) - _gaps(columns)
    if left < 0:
        return []
    for one in columns:  # what is left is for texts
        wider = min(one.most - one.least, left)
        one.most, left = one.least + wider, left - wider
    return columns


def _gaps(columns: Sequence[_Fitted]) -> int:
    return _GAP * (len(columns) - 1)


def _print_table(console: Console, columns: Sequence[_Fitted], title: str, *, headers: bool) -> None:
    table = Table(title=Text(printable(title)) if title else None, title_justify="left", box=SIMPLE_HEAD)
    table.show_header, table.pad_edge, table.show_edge = headers, False, False
    for one in columns:
        table.add_column(
            one.title,
            justify="right" if one.column.kind.is_number else "left",
            width=one.most,
            overflow="fold",
        )
    for cells in zip(*(one.cells for one in columns), strict=True):
        table.add_row(*cells)
    own = console.width
    if not console.is_terminal:
        console.width = max(sum(one.most for one in columns) + _gaps(columns), cell_len(title))
    try:
        console.print(table)
    finally:
        console.width = own


def _print_down(console: Console, rows: Sequence[Row], columns: Sequence[Column], title: str) -> None:
    """Each row as lines of its values."""
    if title:
        console.print(Text(printable(title), style="italic"))
    for row in rows:
        print_details(console, {one.name: shown(row.get(one.key), one.kind) for one in columns})
        console.print()
