"""Options that commands share: which server, who we are, and in what form the result comes."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from ordergen_client.commands.shared.decimals import seconds
from ordergen_client.commands.shared.failures import told_failures
from ordergen_client.commands.shared.servers import DEFAULT_TARGET, Server, chosen_server
from ordergen_client.connecting.contexts import Context
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
    "ORDERGEN_ACTOR",
)
#: How those of the server's programs begin.
OTHERS: Final = ("ORDERGEN_TLS_", "ORDERGEN_REST_", "ORDERGEN_LEGACY_", "ORDERGEN_SIBLING_")
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


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
        actor: str | None,
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
            "actor": actor,
            "timeout": timeout,
        }
        for found, meant in misspelt(os.environ, VARIABLES, OTHERS).items():
            click.echo(f"Warning: {found} is no variable of ordergen: is {meant} meant?", err=True)
        command(*args, server=chosen_server(context, Context(**given)), **options)  # type: ignore[arg-type] # each its own type

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
        click.option(
            "--actor",
            envvar="ORDERGEN_ACTOR",
            show_envvar=True,
            help="Who we are, for servers that ask for no credentials; it is noted, and proves nothing.",
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


def _with(command: Callable[..., None], *options: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - as it was
    for option in reversed(options):
        command = option(command)
    return command
