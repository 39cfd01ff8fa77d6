"""Some of a run's portfolios, as options of its commands name them."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TextIO

import click

from ordergen_client.client import Client
from ordergen_client.commands.runs.choice import chosen_portfolios
from ordergen_client.records.values import Rebalance
from ordergen_client.showing.output import Output

_OPTIONS: Final = (
    click.option("--only", multiple=True, help="This portfolio of RUN; by id or name. Repeatable."),
    click.option(
        "--only-from",
        type=click.File(encoding="utf-8"),
        help="These portfolios: a file with one a line, or a CSV with a column portfolio_id. `-` is standard"
        " input.",
    ),
)


@dataclass(frozen=True, slots=True)
class Some:
    """What was chosen, one by one and by a file; nothing of either is all."""

    only: tuple[str, ...]
    file: TextIO | None

    def ids(self, client: Client, output: Output, run: Rebalance, *, done: str) -> list[str] | None:
        """The ids of the portfolios; None where none are asked for, which is all.

        Args:
            client: asks what names stand for.
            output: is told of rows that are of other models.
            run: whose portfolios they are.
            done: what becomes of none where nothing is left of a choice.

        Raises:
            click.UsageError: nothing is left of it: that is never taken for all.
        """
        otherwise = f"nothing is {done}"
        return chosen_portfolios(client, output, run.model_id, self.only, self.file, otherwise=otherwise)


def with_some(command: Callable[..., None]) -> Any:  # noqa: ANN401 - a click command's function
    """The options that choose portfolios of a run, and a `Some` in their place."""

    @functools.wraps(command)
    def with_chosen(
        *args: Any,  # noqa: ANN401 - click's
        only: tuple[str, ...],
        only_from: TextIO | None,
        **options: Any,  # noqa: ANN401 - click's
    ) -> None:
        command(*args, some=Some(only, only_from), **options)

    wrapped: Any = with_chosen
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
