"""`ordergen runs compare`: what different options would do, side by side."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Final

import click

from ordergen_client.client import Client
from ordergen_client.commands.runs.variants import read_variants
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.failures import NEEDS_A_LOOK
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.desk.comparisons import (
    ComparedPortfolio,
    ComparedVariant,
    ComparisonEvent,
    Variant,
)
from ordergen_client.records.states import PortfolioState
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.grid import Row
from ordergen_client.showing.output import Form, Listing, Output
from ordergen_client.telling.following import until_interrupted
from ordergen_client.telling.progress import slow_progress

_VARIANTS: Final = (
    Column("variant", "Variant"),
    Column("rebalanced", "Trade", Kind.COUNT, 3),
    Column("no_action", "Rest", Kind.COUNT, 5),
    Column("infeasible_or_failed", "Infeasible, failed", Kind.COUNT, 1),
    Column("skipped", "Skipped", Kind.COUNT, 8),
    Column("drift_before", "Drift", Kind.PERCENT, 2),
    Column("drift_after", "then", Kind.PERCENT, 0, "Drift then"),
    Column("turnover", "Turnover", Kind.MONEY),
    Column("trade_count", "Trades", Kind.COUNT),
    Column("cost", "Cost", Kind.MONEY, 7),
    Column("bought", "Bought", Kind.MONEY, 6),
    Column("sold", "Sold", Kind.MONEY, 6),
    Column("proven_count", "Proven", Kind.COUNT, 4),
)
_PORTFOLIOS: Final = (
    Column("portfolio_name", "Name"),
    Column("portfolio_id", "Portfolio", Kind.ID, 4),
    Column("variant", "Variant"),
    Column("state", "State", Kind.ID),
    Column("drift_before", "Drift", Kind.PERCENT, 2),
    Column("drift_after", "then", Kind.PERCENT, 0, "Drift then"),
    Column("turnover", "Turnover", Kind.MONEY),
    Column("turnover_weight", "of value", Kind.PERCENT, 3, "Turnover of value"),
    Column("trade_count", "Trades", Kind.COUNT, 1),
    Column("cost", "Cost", Kind.MONEY, 7),
    Column("cash_after", "Cash then", Kind.MONEY, 5),
    Column("proven_optimal", "Proven", Kind.TEXT, 6),
)
_OF_VARIANT: Final = ("market_value", "infeasible", "failed")
_OF_PORTFOLIO: Final = ("market_value", "error")
_WORTH_A_LOOK: Final = (PortfolioState.INFEASIBLE, PortfolioState.FAILED)
#: The only variant of a frontier that nothing else is compared with.
_DEFAULT: Final = "default"


@click.command()
@click.argument("model", required=False)
@click.option("--portfolio", help="This portfolio alone, without naming its model; by id or name.")
@click.option(
    "-f",
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML with `variants`: 2 to 10 of name, options, and positions in place of the model's.",
)
@click.option(
    "--frontier",
    type=click.IntRange(2, 20),
    default=None,
    help="So many points between the least turnover and the least drift, with the first variant's options.",
)
@click.option("--portfolios", is_flag=True, help="A row a portfolio and variant, too.")
@with_client
def compare(
    *,
    client: Client,
    server: Server,
    output: Output,
    model: str | None,
    portfolio: str | None,
    file: Path | None,
    frontier: int | None,
    portfolios: bool,
) -> None:
    """Show what different options would do for every portfolio of MODEL, or for one with --portfolio.

    All variants are computed on the same prices and holdings, and nothing is stored. Ends with 3 where some
    portfolios are INFEASIBLE or FAILED with some variant.
    """
    del server
    if bool(model) == bool(portfolio):
        raise click.UsageError("Name a model, or one portfolio with --portfolio: one of the two.")
    if not (file or frontier):
        raise click.UsageError("There is nothing to compare: give variants with --file, or --frontier.")
    variants = read_variants(client, file) if file else [Variant(_DEFAULT)]
    whole = finding.model(client, model) if model else None
    total = (len(whole.portfolio_ids) if whole else 1) * (len(variants) + (frontier or 0))
    sums: list[ComparedVariant] = []
    with slow_progress("Comparing", output.progress) as progress:
        progress(0, total)
        events = until_interrupted(
            client.runs.compare(
                variants,
                model_id=whole.model_id if whole else "",
                portfolio_id=finding.portfolios(client, [portfolio])[portfolio] if portfolio else "",
                frontier_points=frontier or 0,
            )
        )
        rows = _rows(events, sums, lambda done: progress(done, total))
        if portfolios:
            _show_portfolios(output, rows, sums)
        else:
            deque(rows, maxlen=0)  # to the end, where the sums are
    if not portfolios or output.form is Form.TABLE:
        output.listing(Listing("variants", "Variants", _VARIANTS, map(_sums, sums), _OF_VARIANT))
    if any(one.counts.get(state, 0) for one in sums for state in _WORTH_A_LOOK):
        sys.exit(NEEDS_A_LOOK)


def _show_portfolios(output: Output, rows: Iterable[Row], sums: list[ComparedVariant]) -> None:
    """Programs get them as they come, and in documents the sums after them; eyes see those in a table."""
    if output.form is Form.TABLE:
        rows = sorted(rows, key=lambda row: str(row["portfolio_id"]))
    listing = Listing("portfolios", "Portfolios", _PORTFOLIOS, rows, _OF_PORTFOLIO)
    output.listing(listing, lambda: {"variants": list(map(_sums, sums))})
    if output.form is Form.TABLE:
        output.console.print()


def _rows(
    events: Iterable[ComparisonEvent], sums: list[ComparedVariant], progress: Callable[[int], object]
) -> Iterator[Row]:
    """A row a portfolio and variant, counted; what is told of variants goes into `sums`."""
    done = 0
    for event in events:
        if event.portfolio:
            done += 1
            progress(done)
            yield _portfolio(event.portfolio)
        if event.variant:
            sums.append(event.variant)


def _portfolio(one: ComparedPortfolio) -> Row:
    return {**_fields(one), "error": one.error.message if one.error else None}


def _sums(one: ComparedVariant) -> Row:
    counts = {state.lower(): one.counts.get(state, 0) for state in one.counts}
    return {
        **{name: value for name, value in _fields(one).items() if name != "counts"},
        **counts,
        "infeasible_or_failed": sum(one.counts.get(state, 0) for state in _WORTH_A_LOOK),
    }


def _fields(record: ComparedPortfolio | ComparedVariant) -> dict[str, object]:
    return {one.name: getattr(record, one.name) for one in fields(record)}
