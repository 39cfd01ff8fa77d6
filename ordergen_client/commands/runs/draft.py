"""A model file that is tried before it is saved."""

from pathlib import Path

import click

from ordergen_client.client import Client
from ordergen_client.commands.models.files import ModelFile, read_model
from ordergen_client.commands.models.records import portfolio_ids, positions_of
from ordergen_client.records.values import Model, Position
from ordergen_client.showing.output import Output


def draft_positions(client: Client, output: Output, model: Model, path: Path) -> list[Position]:
    """The positions of a file, to be tried in place of the model's; warns of what is not tried with them.

    Raises:
        click.UsageError: it has none.
    """
    file = read_model(path)
    found = positions_of(client, file)
    if not found:
        raise click.UsageError(f"--draft: {path} has no positions, so there is nothing to try.")
    _warn_of_rest(client, output, model, file)
    return found


def _warn_of_rest(client: Client, output: Output, model: Model, file: ModelFile) -> None:
    if file.version not in (None, model.version):
        output.warn(
            f"the file has version {file.version} of the model, which has version {model.version} by now."
        )
    linked = portfolio_ids(client, file.portfolios)
    if linked is not None and set(linked) != set(model.portfolio_ids):
        output.warn("the file has other portfolios than the model: its positions alone are tried.")
