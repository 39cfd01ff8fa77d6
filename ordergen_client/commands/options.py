"""Options that commands share: which server, who we are, and in what form the result comes."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ordergen_client.client import Client
from ordergen_client.commands.decimals import seconds
from ordergen_client.commands.failures import told_failures
from ordergen_client.connecting.contexts import Context, ContextError, contexts_path, read_contexts
from ordergen_client.connecting.credentials import Tls, Token
from ordergen_client.showing.output import Form, Output
from ordergen_client.variables import misspelt

Command = TypeVar("Command", bound=Callable[..., Any])
#: Variables of the command, beside those of the server's programs.
VARIABLES: Final = (
    "ORDERGEN_TARGET",
    "ORDERGEN_CONTEXT",
    "ORDERGEN_TIMEOUT",
    "ORDERGEN_TLS",
    "ORDERGEN_CA",
    "ORDERGEN_CERTIFICATE",
    "ORDERGEN_KEY",
    "ORDERGEN_TOKEN_FILE",
    "ORDERGEN_TOKEN",
)
#: How those of the server's programs begin.
OTHERS: Final = ("ORDERGEN_TLS_", "ORDERGEN_REST_", "ORDERGEN_LEGACY_", "ORDERGEN_SIBLING_")
DEFAULT_TARGET: Final = "localhost:8088"
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, repr=False)  # the token may be one
class Server:
    """The server that a command talks to.

    Attributes:
        target: its `host:port`.
        tls: files of TLS; None is plain text.
        token: who we are.
        timeout_seconds: of a call.
        named: the options that say so, as they are typed again.
    """

    target: str
    tls: Tls | None
    token: Token | None
    timeout_seconds: float
    named: str

    def client(self) -> Client:
        """A client of it. Raises click.UsageError for what cannot be."""
        try:
            return Client(self.target, tls=self.tls, token=self.token, timeout_seconds=self.timeout_seconds)
        except (ValueError, OSError) as error:
            raise click.UsageError(str(error)) from error


def with_output(command: Command) -> Command:
    """The options of the form of a result, and an `Output` in their place."""

    @functools.wraps(command)
    def with_form(
        *args: Any,  # noqa: ANN401 - click's
        form: str,
        as_json: bool,
        no_headers: bool,
        quiet: bool,
        **options: Any,  # noqa: ANN401 - click's
    ) -> None:
        chosen = Form.JSON if as_json else Form(form)
        command(*args, output=Output(chosen, headers=not no_headers, quiet=quiet), **options)

    wrapped: Command = _with(
        with_form,
        click.option(
            "--output",
            "form",
            type=click.Choice([str(one) for one in Form]),
            default="table",
            show_default=True,
            help="The form of the result; ndjson is a line of JSON a row, as they come.",
        ),
        click.option("--json", "as_json", is_flag=True, help="The same as --output json."),
        click.option("--no-headers", is_flag=True, help="Leave headings out of tables and CSV."),
        click.option("-q", "--quiet", is_flag=True, help="Nothing but the result: no progress, no remarks."),
    )
    return wrapped


def with_server(command: Command) -> Command:
    """The options of which server, and a `Server` in their place."""

    @functools.wraps(command)
    def with_chosen(
        *args: Any,  # noqa: ANN401 - click's
        context: str | None,
        target: str | None,
        tls: bool | None,
        ca: Path | None,
        certificate: Path | None,
        key: Path | None,
        token_file: Path | None,
        timeout: float | None,
        **options: Any,  # noqa: ANN401 - click's
    ) -> None:
        given = {
            "target": target,
            "tls": tls or None,
            "ca": ca and str(ca),
            "certificate": certificate and str(certificate),
            "key": key and str(key),
            "token_file": token_file and str(token_file),
            "timeout": timeout,
        }
        for found, meant in misspelt(os.environ, VARIABLES, OTHERS).items():
            click.echo(f"Warning: {found} is no variable of ordergen: is {meant} meant?", err=True)
        command(*args, server=_server(context, Context(**given)), **options)  # type: ignore[arg-type] # each its own type

    wrapped: Command = _with(
        with_chosen,
        click.option(
            "--context",
            envvar="ORDERGEN_CONTEXT",
            show_envvar=True,
            help="A server by its name: `ordergen context`.",
        ),
        click.option(
            "--target",
            envvar="ORDERGEN_TARGET",
            show_envvar=True,
            help=f"The server's HOST:PORT; {DEFAULT_TARGET} where none is given.",
        ),
        click.option(
            "--timeout",
            type=seconds,
            envvar="ORDERGEN_TIMEOUT",
            show_envvar=True,
            help="Seconds that a call may take; 30 where none are given.",
        ),
        click.option(
            "--tls",
            is_flag=True,
            envvar="ORDERGEN_TLS",
            show_envvar=True,
            help="Connect with TLS; its files imply it.",
        ),
        click.option(
            "--ca", type=_FILE, envvar="ORDERGEN_CA", show_envvar=True, help="PEM file of the server's CA."
        ),
        click.option(
            "--certificate",
            type=_FILE,
            envvar="ORDERGEN_CERTIFICATE",
            show_envvar=True,
            help="PEM file of our certificate.",
        ),
        click.option(
            "--key", type=_FILE, envvar="ORDERGEN_KEY", show_envvar=True, help="PEM file of its private key."
        ),
        click.option(
            "--token-file",
            type=_FILE,
            envvar="ORDERGEN_TOKEN_FILE",
            show_envvar=True,
            help="File of a bearer token; or ORDERGEN_TOKEN has it.",
        ),
    )
    return wrapped


def with_called(command: Command) -> Command:
    """The options of a server: the command gets a `client` of it and the `server`; its failures are told."""

    @functools.wraps(command)
    def with_opened(*args: Any, server: Server, **options: Any) -> None:  # noqa: ANN401 - click's
        with told_failures(server.target, server.tls, server.timeout_seconds), server.client() as client:
            command(*args, client=client, server=server, **options)

    return with_server(with_opened)  # type: ignore[return-value] # click calls it by the options


def with_client(command: Command) -> Command:
    """The options of a server and of a result: the command gets `client`, `server` and `output`."""
    return with_output(with_called(command))


def _server(name: str | None, given: Context) -> Server:
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
        of_context.timeout or 30.0,
        _typed(name, given),
    )


def _typed(name: str | None, given: Context) -> str:
    """The options of a server as somebody types them again."""
    options = {"context": name, **given.given()}
    told = [
        f" --{key.replace('_', '-')}" + ("" if value is True else f" {value}")
        for key, value in options.items()
        if value is not None and value is not False
    ]
    return "".join(told)


def _with(command: Callable[..., None], *options: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - as it was
    for option in reversed(options):
        command = option(command)
    return command
