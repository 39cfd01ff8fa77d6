"""Sheets of a workbook that are written row by row; numbers are numbers, and text is never a formula."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

#: Rows of a sheet and characters of a cell that Excel takes, and digits of a number that it keeps.
ROWS, CHARACTERS, DIGITS = 1_048_576, 32_767, 15
_FORMATS: Final = {
    "text": "@",
    "money": "#,##0.00",
    "price": "#,##0.00######",
    "whole": "#,##0",
    "quantity": "#,##0.0#####",
    "weight": "0.00%",
    "quotient": "0.00%",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, what it has (a kind of `_FORMATS`), and how many characters wide it is."""

    name: str
    kind: str
    width: int


class Styles:
    """The formats of a workbook; those of numbers that Excel rounds are in italics.

    Args:
        book: an xlsxwriter Workbook, which has no published types.
    """

    def __init__(self, book: Any) -> None:  # noqa: ANN401 - see above
        self.heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self._formats = {
            (kind, italic): book.add_format({"num_format": shown, "italic": italic})
            for kind, shown in _FORMATS.items()
            for italic in (False, True)
        }

    def of(self, kind: str, *, italic: bool = False) -> object:
        """One of them."""
        return self._formats[kind, italic]


class Sheet:
    """A sheet, and others after it where it is full.

    Args:
        book: an xlsxwriter Workbook.
        name: of the first sheet; the others have a number behind it.
        columns: what its rows have.
        styles: of the workbook.
        rows: how many a sheet has at most.

    Attributes:
        rounded: numbers that have more digits than Excel keeps.
    """

    def __init__(
        self,
        book: Any,  # noqa: ANN401 - it has no published types
        name: str,
        columns: Sequence[Column],
        styles: Styles,
        rows: int = ROWS,
    ) -> None:
        self._book, self._name, self._columns, self._styles, self._rows = book, name, columns, styles, rows
        self._count = 0
        self.rounded = 0
        self._begin(name)

    def add(self, values: Iterable[object]) -> None:
        """Write one more row: text, Decimals, or None for an empty cell."""
        if self._next == self._rows:
            self.finish()
            self._begin(f"{self._name} {self._count + 1}")
        for place, (column, value) in enumerate(zip(self._columns, values, strict=True)):
            self._write(place, column, value)
        self._next += 1

    def finish(self) -> None:
        """Nothing more is written to this sheet."""
        self._sheet.autofilter(0, 0, max(1, self._next - 1), len(self._columns) - 1)

    def _begin(self, name: str) -> None:
        self._sheet = self._book.add_worksheet(name)
        self._count += 1
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            self._sheet.set_column(place, place, column.width)
            self._sheet.write_string(0, place, column.name, self._styles.heading)
        self._next = 1

    def _write(self, place: int, column: Column, value: object) -> None:
        if isinstance(value, Decimal):
            too_long = column.kind != "quotient" and _digits(value) > DIGITS
            self.rounded += too_long
            style = self._styles.of(_kind(column.kind, value), italic=too_long)
            self._sheet.write_number(self._next, place, float(value), style)
        elif value is not None:
            self._sheet.write_string(self._next, place, str(value)[:CHARACTERS], self._styles.of("text"))


def _kind(kind: str, value: Decimal) -> str:
    if kind in ("quantity", "text") and value == value.to_integral_value():
        return "whole"
    return "money" if kind == "text" else kind


def _digits(value: Decimal) -> int:
    return len(format(value, "f").replace(".", "").lstrip("-0").rstrip("0"))
