"""Some of a model's portfolios, as they are chosen for a run: one by one, or by a file."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

import click

from ordergen_client.client import Client
from ordergen_client.commands.models.records import portfolio_ids
from ordergen_client.showing.output import Output

#: What `ordergen portfolios drift --output csv` calls the two.
_PORTFOLIO, MODEL = "portfolio_id", "model_id"

_NO_TABLE = "it is neither CSV nor lines of UTF-8"


@dataclass(frozen=True, slots=True)
class Listed:
    """A portfolio of a file, by id or name; `model_id` is empty where the file does not say whose it is."""

    portfolio: str
    model_id: str = ""


def chosen_portfolios(
    client: Client,
    output: Output,
    model_id: str,
    only: Sequence[str],
    file: TextIO | None,
    *,
    otherwise: str = "nothing is rebalanced",
) -> list[str] | None:
    """The ids of the portfolios that are chosen, each once and in their order; None where none are asked for.

    Rows of other models are left out, with a warning. Raises click.UsageError where nothing is left, and says
    what that comes to: a run over no portfolios would be taken for one over all.
    """
    if not only and file is None:
        return None
    listed = read_listed(file) if file else []
    mine = [one.portfolio for one in listed if one.model_id in ("", model_id)]
    if len(mine) < len(listed):
        output.warn(f"{len(listed) - len(mine):,} rows of other models are left out.")
    found = portfolio_ids(client, [*only, *mine])
    if not found:
        raise click.UsageError(f"--only-from names no portfolio of this model: {otherwise}.")
    return found


def read_listed(file: TextIO) -> list[Listed]:
    """What a file lists: a portfolio a line, or CSV with a column `portfolio_id`.

    Raises:
        click.UsageError: it cannot be read.
    """
    option = "--only-from"
    text = text_of(file, option)
    names, rows = rows_of(text, file, option)
    if _PORTFOLIO not in names:
        return [Listed(line.strip()) for line in text.splitlines() if line.strip()]
    return [Listed(cell(row, _PORTFOLIO), cell(row, MODEL)) for row in rows]


def text_of(file: TextIO, option: str) -> str:
    """All that an option's file says. Raises click.UsageError where it cannot be read."""
    try:
        return file.read().removeprefix("\ufeff").lstrip()
    except OSError as error:
        raise _unreadable(option, file, str(error.strerror)) from error
    except UnicodeError as error:
        raise _unreadable(option, file, _NO_TABLE) from error


def rows_of(text: str, file: TextIO, option: str) -> tuple[list[str], Iterator[dict[str, str]]]:
    """The columns of a table by their names in lower case, and its rows but for empty ones.

    Args:
        text: of the file; commas, semicolons or tabs separate columns.
        file: that it is of, for people.
        option: that it was given to, for people.

    Raises:
        click.UsageError: while rows are read, where it is no CSV.
    """
    head, _, rest = text.partition("\n")
    separator = max(",;\t", key=head.count)
    names = [one.strip().lower() for one in head.split(separator)]
    rows = csv.DictReader(io.StringIO(rest, newline=""), names, restval="", delimiter=separator, strict=True)
    return names, _filled(rows, names, file, option)


def _filled(
    rows: Iterable[dict[str, str]], names: Sequence[str], file: TextIO, option: str
) -> Iterator[dict[str, str]]:
    try:
        yield from (row for row in rows if any(row[one] for one in names))
    except csv.Error as error:
        raise _unreadable(option, file, _NO_TABLE) from error


def cell(row: dict[str, str], name: str) -> str:
    """A value of a row, without the spaces about it."""
    return row.get(name, "").strip()


def _unreadable(option: str, file: TextIO, why: str) -> click.UsageError:
    return click.UsageError(f"{option}: {file.name} cannot be read: {why}")
