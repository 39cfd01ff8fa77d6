"""Questions before what cannot be undone."""

import sys

import click

from ordergen_client.commands.shared.failures import Failure


def ask(question: str, *, yes: bool) -> None:
    """Go on where somebody agrees, or did beforehand. Raises Failure, or UsageError where none is there."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here: --yes does it without a question.")
    if not click.confirm(question, err=True):
        raise Failure("Nothing is changed.")
