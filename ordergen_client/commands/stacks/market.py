"""Options of a stack on embedded parts, as `ordergen demo` and `ordergen serve` have them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from ordergen_client.commands.shared.failures import Failure
from ordergen_client.sandbox import SandboxError

_OPTIONS: Final = (
    click.option(
        "--portfolios",
        type=click.IntRange(min=1),
        default=25,
        show_default=True,
        help="How many portfolios there are.",
    ),
    click.option(
        "--positions",
        type=click.IntRange(1, 100),
        default=60,
        show_default=True,
        help="Positions of the model.",
    ),
    click.option("--seed", default=1, show_default=True, help="The same seed gives the same market."),
    click.option(
        "--market",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="CSV of securities and prices; without it the market is synthetic.",
    ),
)


def with_market(command: Any) -> Any:  # noqa: ANN401 - a click command's function
    """The options of a market."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def arguments(portfolios: int, positions: int, seed: int, market: Path | None) -> list[str]:
    """The same as the sandbox is given them."""
    given = [f"--portfolios={portfolios}", f"--positions={positions}", f"--seed={seed}"]
    return given + ([f"--market={market}"] if market else [])


class Once:
    """Says something once, whoever is first to notice that it must be said."""

    def __init__(self, say: Callable[[], object]) -> None:
        self._say: Callable[[], object] | None = say

    def __call__(self) -> None:
        """Say it, unless that was done."""
        say, self._say = self._say, None
        if say:
            say()


@contextmanager
def told_sandbox() -> Iterator[None]:
    """A block that starts a stack; where that fails it is told in a line."""
    try:
        yield
    except SandboxError as error:
        # Without a message the stack has said why on standard error.
        raise Failure(str(error) or "The embedded stack did not start: see above.") from error
