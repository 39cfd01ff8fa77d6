"""Money that comes to portfolios of a run, or is to be paid out of them: given one by one, or by a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TextIO

import click

from ordergen_client.client import Client
from ordergen_client.commands.runs.choice import MODEL, cell, rows_of, text_of
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.decimals import exact
from ordergen_client.showing.output import Output

#: What the columns of a file may be called.
_PORTFOLIO: Final = "portfolio_id", "portfolio"
_AMOUNT: Final = "amount"
#: Mistakes of a file that are told.
_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class Flow:
    """An amount, and the portfolio that it is of, by id or name; `model_id` is empty where none is named."""

    portfolio: str
    amount: Decimal
    model_id: str = ""


def cash_flows(
    client: Client, output: Output, model_id: str, given: Sequence[str], file: TextIO | None
) -> dict[str, Decimal]:
    """The cash flows of a run by the ids of its portfolios.

    Rows of other models are left out, with a warning.

    Raises:
        click.UsageError: one is none, or a portfolio is named twice.
    """
    listed = read_flows(file) if file else []
    mine = [one for one in listed if one.model_id in ("", model_id)]
    if len(mine) < len(listed):
        output.warn(f"{len(listed) - len(mine):,} cash flows of other models are left out.")
    wanted = [*map(_given, given), *mine]
    ids = finding.portfolios(client, [one.portfolio for one in wanted]) if wanted else {}
    found: dict[str, Decimal] = {}
    for one in wanted:
        if ids[one.portfolio] in found:
            raise click.UsageError(f"{one.portfolio!r} has two cash flows: add them up.")
        found[ids[one.portfolio]] = one.amount
    return found


def cash_flow(given: Sequence[str], file: TextIO | None) -> Decimal | None:
    """The cash flow of a single portfolio, which is named already. Raises click.UsageError."""
    if file or len(given) > 1:
        raise click.UsageError("With --portfolio there is one --cash-flow at most, and no --cash-flows-from.")
    return _amount(given[0], "AMOUNT") if given else None


def read_flows(file: TextIO) -> list[Flow]:
    """What a CSV file lists, with columns `portfolio_id` or `portfolio`, and `amount`.

    Raises:
        click.UsageError: it cannot be read, or some of its rows are none.
    """
    option = "--cash-flows-from"
    names, rows = rows_of(text_of(file, option), file, option)
    column = next((name for name in _PORTFOLIO if name in names), None)
    if column is None or _AMOUNT not in names:
        raise click.UsageError(f"{option}: {file.name} has no columns portfolio_id and amount.")
    mistakes: list[str] = []
    found = list(_flows(rows, column, mistakes))
    if mistakes:
        more = f"\nand {len(mistakes) - _TOLD:,} more" if len(mistakes) > _TOLD else ""
        raise click.UsageError("\n".join(f"{option}: {one}" for one in mistakes[:_TOLD]) + more)
    return found


def _flows(rows: Iterator[dict[str, str]], column: str, mistakes: list[str]) -> Iterator[Flow]:
    for number, row in enumerate(rows, 1):
        portfolio, text = cell(row, column), cell(row, _AMOUNT)
        amount = exact(text, is_weight=False)
        if not portfolio or amount is None:
            mistakes.append(f"row {number}: {portfolio or 'no portfolio'!r} and {text!r}, which is no amount")
        else:
            yield Flow(portfolio, amount, cell(row, MODEL))


def _given(text: str) -> Flow:
    """A name may have an equals sign, an amount has none."""
    portfolio, _sign, amount = text.rpartition("=")
    if not portfolio.strip():
        raise click.UsageError(f"--cash-flow must be PORTFOLIO=-10000, not {text!r}")
    return Flow(portfolio.strip(), _amount(amount, "PORTFOLIO=AMOUNT"))


def _amount(text: str, like: str) -> Decimal:
    amount = exact(text, is_weight=False)
    if amount is None:
        raise click.UsageError(
            f"--cash-flow {like}: {text!r} is no amount, such as 5000 that comes or -10000 that goes."
        )
    return amount
