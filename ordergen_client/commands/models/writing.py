"""`ordergen models create, update, diff`: models from files."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from ordergen_client.client import Client
from ordergen_client.commands.models.changes import Change, changes, meaning, shown
from ordergen_client.commands.models.files import ModelFile, read_model
from ordergen_client.commands.models.records import (
    portfolio_ids,
    positions_of,
    warn_of_unknown,
    warn_of_unknown_securities,
    whole_model,
)
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.values import Model, Position
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.output import Form, Listing, Output

_FILE: Final = click.option(
    "-f",
    "--file",
    "path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML of name, positions and portfolios; or CSV: security,target,low_drift,high_drift.",
)
_CHANGES: Final = (
    Column("what", "Change"),
    Column("ticker", "Ticker", Kind.TEXT),
    Column("id", "Id", Kind.ID, 1),
    Column("shown_before", "Before", Kind.ID),
    Column("shown_after", "After", Kind.ID),
)
_WEIGHTS: Final = "target", "low_drift", "high_drift"
#: What programs get in place of what eyes see: every digit.
_EXACT: Final = (
    *_CHANGES[:3],
    *(
        Column(key, key)
        for when in ("before", "after")
        for key in (when, *(f"{one}_{when}" for one in _WEIGHTS))
    ),
)


@click.command()
@_FILE
@click.option("--name", help="Of the model, where the file has none.")
@click.option(
    "--portfolio", "portfolios", multiple=True, help="A portfolio that follows it, too; by id or name."
)
@with_client
def create(
    *,
    client: Client,
    server: Server,
    output: Output,
    path: Path,
    name: str | None,
    portfolios: tuple[str, ...],
) -> None:
    """Create a model from a file."""
    del server
    file = read_model(path)
    named = name or file.name
    if not named:
        raise click.UsageError("The model needs a name: --name, or `name:` in a YAML file.")
    positions = positions_of(client, file)
    linked = portfolio_ids(client, (*(file.portfolios or ()), *portfolios))
    warn_of_unknown(client, output, linked or ())
    warn_of_unknown_securities(client, output, [one.security_id for one in positions or ()])
    made = client.models.create(named, positions or (), linked or ())
    output.done(lambda: whole_model(client, made), f"Created model {made.name}: {made.model_id}")


@click.command()
@click.argument("model")
@_FILE
@click.option("--name", help="The new name of the model.")
@with_client
def update(
    *, client: Client, server: Server, output: Output, model: str, path: Path, name: str | None
) -> None:
    """Replace what the file has of MODEL: its positions, its portfolios, its name.

    A file of `ordergen models show --output yaml` has the version that was read: where somebody else has
    changed the model since, nothing is written.
    """
    del server
    file = read_model(path)
    before = finding.model(client, model)
    _refuse_another(file, before, path)
    after = _as_it_would_be(client, before, replace(file, name=name or file.name))
    if not list(changes(before, after)):
        output.done(lambda: whole_model(client, before), f"Model {before.name} is like that already.")
        return
    warn_of_unknown(client, output, [one for one in after.portfolio_ids if one not in before.portfolio_ids])
    made = client.models.update(
        before.model_id,
        before.version if file.version is None else file.version,
        name=after.name,
        positions=after.positions,
        portfolio_ids=after.portfolio_ids,
    )
    done = len(list(changes(before, made)))
    output.done(
        lambda: whole_model(client, made),
        f"Updated model {made.name} to version {made.version}: {done} changes.",
    )


@click.command()
@click.argument("model")
@_FILE
@with_client
def diff(*, client: Client, server: Server, output: Output, model: str, path: Path) -> None:
    """Show what an update by this file would change in MODEL, and what that means. Nothing is written."""
    del server
    file = read_model(path)
    before = finding.model(client, model)
    _refuse_another(file, before, path)
    after = _as_it_would_be(client, before, file)
    found = list(changes(before, after))
    tickers = finding.tickers(client, {one.key for one in found if one.is_security})
    rows = [_change_row(one, tickers) for one in found]
    told = meaning(before, after)
    columns = _CHANGES if output.form is Form.TABLE else _EXACT
    if output.form is not Form.TABLE:
        rows = [{column.key: row[column.key] for column in _EXACT} for row in rows]
    output.listing(
        Listing("changes", f"Changes of {before.name}", columns, rows),
        lambda: {"model_id": before.model_id, **told},
    )
    if output.form is Form.TABLE and found:
        output.console.print(told["meaning"], soft_wrap=not output.console.is_terminal, highlight=False)


def _as_it_would_be(client: Client, before: Model, file: ModelFile) -> Model:
    positions, linked = positions_of(client, file), portfolio_ids(client, file.portfolios)
    changed: dict[str, Any] = {
        "name": file.name or before.name,
        "positions": before.positions if positions is None else [one for one in positions if one.target],
        "portfolio_ids": before.portfolio_ids if linked is None else tuple(linked),
    }
    return replace(before, **changed)


def _change_row(change: Change, tickers: dict[str, str]) -> dict[str, object]:
    row: dict[str, object] = {
        "what": change.what,
        "ticker": tickers.get(change.key, "") if change.is_security else "",
        "id": change.key,
        "shown_before": shown(change.before),
        "shown_after": shown(change.after),
    }
    for when, state in (("before", change.before), ("after", change.after)):
        is_position = isinstance(state, Position)
        row[when] = None if is_position else state
        row.update({f"{name}_{when}": getattr(state, name) if is_position else None for name in _WEIGHTS})
    return row


def _refuse_another(file: ModelFile, model: Model, path: Path) -> None:
    if file.model_id not in {None, model.model_id}:
        raise click.UsageError(f"{path} is of model {file.model_id}, and {model.name} is {model.model_id}.")
