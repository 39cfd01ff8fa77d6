"""Where a command's result goes: to eyes, or to programs in the form that they asked for."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Final

import yaml

from ordergen_client.showing.columns import Column
from ordergen_client.showing.grid import Row, print_details, print_rows
from ordergen_client.showing.rows import plain
from ordergen_client.telling.printable import PlainConsole, printable

if TYPE_CHECKING:
    from rich.console import Console


#: Characters of a document that are kept in memory; longer ones are in a file until they are whole.
_IN_MEMORY: Final = 2**20


class Form(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows with a name for programs and a title for eyes; `more` are keys of rows that no table has."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Iterable[Row]
    more: Sequence[str] = ()


class Output:
    """Writes what a command found.

    Args:
        form: how.
        headers: with headings.
        quiet: nothing but results: no progress, and no word about what was done.
        to: takes what programs get; standard output where it is not given.
    """

    def __init__(
        self,
        form: Form = Form.TABLE,
        *,
        headers: bool = True,
        quiet: bool = False,
        to: Callable[[str], object] | None = None,
    ) -> None:
        self.form = form
        self._write = to or write
        self.headers = headers
        self.quiet = quiet
        self.console: Console = PlainConsole()
        self.progress: Console = PlainConsole(stderr=True, quiet=quiet)

    def listing(self, listing: Listing, about: Callable[[], Row] = dict) -> None:
        """Write rows as they come; JSON and YAML have what they belong to, asked `about` after the rows."""
        match self.form:
            case Form.TABLE:
                print_rows(
                    self.console,
                    listing.rows,
                    listing.columns,
                    title=listing.title if self.headers else "",
                    headers=self.headers,
                )
            case Form.CSV:
                self._csv(listing)
            case Form.NDJSON:
                for row in listing.rows:
                    self._write(f"{json.dumps(plain(row))}\n")
            case Form.JSON:
                self._whole(_json(listing, about))
            case Form.YAML:
                rows = list(listing.rows)
                self._yaml({**about(), listing.name: rows})

    def record(self, record: Row, shown: Mapping[str, object], listing: Listing | None = None) -> None:
        """Write one thing and the rows that belong to it.

        Args:
            record: all of it, for programs.
            shown: what eyes see of it, by name.
            listing: its rows; for CSV they alone, or the record itself where there are none.
        """
        match self.form:
            case Form.TABLE:
                print_details(self.console, shown)
                if listing:
                    self.console.print()
                    self.listing(listing)
            case Form.CSV:
                self._csv(listing or Listing("", "", [Column(key, key) for key in record], [record]))
            case Form.YAML:
                self._yaml(record)
            case Form.JSON | Form.NDJSON:
                self._write(f"{json.dumps(plain(record))}\n")

    def done(self, record: Callable[[], Row], text: str) -> None:
        """Write that something was done: a sentence for eyes, or the record that says what."""
        if self.form is not Form.TABLE:
            self.record(record(), {})
        elif not self.quiet:
            self._write(f"{printable(text)}\n")

    def _whole(self, parts: Iterable[str]) -> None:
        """Write parts once all are there: half a document is none."""
        with SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8", newline="") as kept:
            kept.writelines(parts)
            kept.seek(0)
            while part := kept.read(_IN_MEMORY):
                self._write(part)

    def warn(self, text: str) -> None:
        """Say something that is worth a look, beside the result."""
        self.progress.print(f"Warning: {text}", highlight=False, soft_wrap=True, style="yellow")

    def _csv(self, listing: Listing) -> None:
        keys = [*(column.key for column in listing.columns), *listing.more]
        writer = csv.writer(_Written(self._write), lineterminator="\n")
        if self.headers:
            writer.writerow(keys)
        for row in listing.rows:
            writer.writerow([_cell(row.get(key)) for key in keys])

    def _yaml(self, document: Row) -> None:
        yaml.safe_dump(plain(document), _Written(self._write), sort_keys=False, allow_unicode=True)


def write(text: str) -> None:
    """Write to standard output, whichever it is now."""
    sys.stdout.write(text)


class _Written:
    """What takes texts, as csv and yaml want it."""

    def __init__(self, take: Callable[[str], object]) -> None:
        self._take = take

    def write(self, text: str, /) -> int:
        self._take(text)
        return len(text)


def _json(listing: Listing, about: Callable[[], Row]) -> Iterator[str]:
    """One line of JSON in parts, of which no one has more than a row."""
    yield f"{{{json.dumps(listing.name)}: ["
    for place, row in enumerate(listing.rows):
        yield f"{', ' if place else ''}{json.dumps(plain(row))}"
    rest = json.dumps(plain(about()))[1:]
    yield f"]{', ' if rest != '}' else ''}{rest}\n"


#: A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = tuple("=+-@\t\r")


def _cell(value: object) -> object:
    told = plain(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{told}"
    return json.dumps(told) if isinstance(told, dict | list) else told
