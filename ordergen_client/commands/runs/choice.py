"""Some of a model's portfolios, as they are chosen for a run: one by one, or by a file."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

import click

from ordergen_client.client import Client
from ordergen_client.commands.models.records import portfolio_ids
from ordergen_client.showing.output import Output

#: What `ordergen portfolios drift --output csv` calls the two.
_PORTFOLIO, _MODEL = "portfolio_id", "model_id"


@dataclass(frozen=True, slots=True)
class Listed:
    """A portfolio of a file, by id or name; `model_id` is empty where the file does not say whose it is."""

    portfolio: str
    model_id: str = ""


def chosen_portfolios(
    client: Client, output: Output, model_id: str, only: Sequence[str], file: TextIO | None
) -> list[str] | None:
    """The ids of the portfolios that are chosen, each once and in their order; None where none are asked for.

    Rows of other models are left out, with a warning. Raises click.UsageError where nothing is left: a run
    over no portfolios would be taken for one over all.
    """
    if not only and file is None:
        return None
    listed = read_listed(file) if file else []
    mine = [one.portfolio for one in listed if one.model_id in ("", model_id)]
    if len(mine) < len(listed):
        output.warn(f"{len(listed) - len(mine):,} rows of other models are left out.")
    found = portfolio_ids(client, [*only, *mine])
    if not found:
        raise click.UsageError("--only-from names no portfolio of this model: nothing is rebalanced.")
    return found


def read_listed(file: TextIO) -> list[Listed]:
    """What a file lists: a portfolio a line, or CSV with a column `portfolio_id`.

    Raises:
        click.UsageError: it cannot be read.
    """
    try:
        text = file.read().removeprefix("\ufeff").lstrip()
        head = text.partition("\n")[0]
        separator = max(",;\t", key=head.count)
        names = [name.strip().lower() for name in head.split(separator)]
        if _PORTFOLIO not in names:
            return [Listed(line.strip()) for line in text.splitlines() if line.strip()]
        table = io.StringIO(text.partition("\n")[2], newline="")
        rows = csv.DictReader(table, names, restval="", delimiter=separator, strict=True)
        filled = (row for row in rows if any(row[name] for name in names))
        return [Listed(_cell(row, _PORTFOLIO), _cell(row, _MODEL)) for row in filled]
    except (OSError, UnicodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else "it is neither CSV nor lines of UTF-8"
        raise click.UsageError(f"--only-from: {file.name} cannot be read: {why}") from error


def _cell(row: dict[str, str], name: str) -> str:
    return row.get(name, "").strip()
