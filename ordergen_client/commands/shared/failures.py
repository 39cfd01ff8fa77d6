"""How commands end: their exit codes, and failures in words with what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from ordergen_client.connecting.credentials import Tls
from ordergen_client.connecting.reaching import way_to
from ordergen_client.errors import DeadlineExceeded, OrderGenerationError, Unavailable, Unsupported
from ordergen_client.telling.advice import advice
from ordergen_client.telling.printable import printable

REFUSED: Final = 1
NEEDS_A_LOOK: Final = 3
UNREACHABLE: Final = 4
INTERRUPTED: Final = 130


class Failure(click.ClickException):
    """A command cannot do what it is told."""

    exit_code = REFUSED

    def __init__(self, message: str) -> None:
        super().__init__(printable_lines(message))


class Unreachable(Failure):
    """The server cannot be reached."""

    exit_code = UNREACHABLE


class Interrupted(Failure):
    """Somebody no longer waits; what was begun goes on."""

    exit_code = INTERRUPTED

    def show(self, file: object = None) -> None:
        """Say so; it is no error."""
        del file
        click.echo(self.message, err=True)


@contextmanager
def told_failures(target: str, tls: Tls | None, timeout_seconds: float) -> Iterator[None]:
    """A block whose failures are told in words, with the exit code of their kind."""
    try:
        yield
    except OrderGenerationError as error:
        if is_of_the_way(error):
            raise unreachable(target, tls, timeout_seconds, error) from error
        raise Failure(told(error)) from error


def told(error: OrderGenerationError) -> str:
    """What failed, each rule that was broken, and what to do; a message may have the first rule in it."""
    rules = [f"{one.subject}: {one.rule}" for one in error.violations]
    first = error.message
    if len(rules) > 1 and rules[0] in first:
        first = f"{len(rules)} rules are broken:"
    elif len(rules) == 1 and error.violations[0].rule in first:
        rules = []
    what_to_do = [advice(error)] if advice(error) else []
    return "\n".join([first, *(f"  {rule}" for rule in rules), *what_to_do])


def printable_lines(text: str) -> str:
    """Lines in which no character commands a terminal."""
    return "\n".join(map(printable, text.split("\n")))


def is_of_the_way(error: OrderGenerationError) -> bool:
    """Whether the service did not say it: with each error of its own it says a reason."""
    return not error.reason and isinstance(error, Unavailable | DeadlineExceeded | Unsupported)


def unreachable(
    target: str, tls: Tls | None, timeout_seconds: float, error: OrderGenerationError
) -> Unreachable:
    """Which address was tried, why that failed, and what to do."""
    if isinstance(error, Unsupported):
        return Unreachable(
            f"What answers at {target} is no order generation service, or an older one: it has no such call."
            f"{_HELP}"
        )
    steps = way_to(target, tls)
    failed = next((step for step in steps if step.failed), None)
    if failed:
        return Unreachable(
            f"The service at {target} cannot be reached: {failed.told}.\n{failed.advice}{_HELP}"
        )
    if isinstance(error, DeadlineExceeded):
        return Unreachable(
            f"The service at {target} did not answer within {timeout_seconds:g} s, and may have done what it"
            " was asked all the same. Look what is there before trying again, or give it longer: --timeout."
        )
    if not steps:
        return Unreachable(f"The service at {target} cannot be reached: is it there?{_HELP}")
    return Unreachable(f"The service at {target} answers, but no call comes through: try again.{_HELP}")


_HELP: Final = (
    "\n--target HOST:PORT names another; `ordergen serve` starts one to try; `ordergen doctor` looks closer."
)
