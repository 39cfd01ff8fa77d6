"""The server that a command talks to, of options, variables and contexts."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from ordergen_client.client import Client
from ordergen_client.connecting.contexts import Context, ContextError, contexts_path, read_contexts
from ordergen_client.connecting.credentials import Tls, Token

DEFAULT_TARGET: Final = "localhost:8088"
#: What is followed until it ends or Ctrl-C: submissions may wait a day for what they sell.
_FOLLOWED_SECONDS: Final = 2 * 86_400.0


@dataclass(frozen=True, slots=True, repr=False)  # the token may be one
class Server:
    """The server that a command talks to.

    Attributes:
        target: its `host:port`.
        tls: files of TLS; None is plain text.
        token: who we are.
        actor: who we say that we are.
        timeout_seconds: of a call.
        named: the options that say so, as they are typed again.
    """

    target: str
    tls: Tls | None
    token: Token | None
    actor: str
    timeout_seconds: float
    named: str

    def client(self) -> Client:
        """A client of it. Raises click.UsageError for what cannot be."""
        try:
            return Client(
                self.target,
                tls=self.tls,
                token=self.token,
                actor=self.actor,
                timeout_seconds=self.timeout_seconds,
                run_timeout_seconds=_FOLLOWED_SECONDS,
            )
        except (ValueError, OSError) as error:
            raise click.UsageError(str(error)) from error


def chosen_server(name: str | None, given: Context) -> Server:
    """What is given by options and variables, then what the context says, then defaults."""
    try:
        # A target of its own leaves the current context aside: its token is for its server alone.
        aside = given.target is not None and not name
        chosen = Context() if aside else read_contexts(contexts_path()).chosen(name)
    except ContextError as error:
        raise click.UsageError(str(error)) from error
    options = {**chosen.given(), **given.given()}
    of_context = Context.of("chosen", options)
    files = (of_context.ca, of_context.certificate, of_context.key)
    try:
        tls = Tls(*files) if of_context.tls or any(files) else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    token_file = of_context.token_file
    token: Token | None = Path(token_file) if token_file else os.environ.get("ORDERGEN_TOKEN") or None
    return Server(
        DEFAULT_TARGET if of_context.target is None else of_context.target,
        tls,
        token,
        of_context.actor or "",
        of_context.timeout or 30.0,
        _typed(name, given),
    )


def _typed(name: str | None, given: Context) -> str:
    """The options of a server as somebody types them again."""
    options = {"context": name, **given.given()}
    told = [
        f" --{key.replace('_', '-')}" + ("" if value is True else f" {shlex.quote(str(value))}")
        for key, value in options.items()
        if value is not None and value is not False
    ]
    return "".join(told)
