"""What every command that talks to a server has: its options, and its failures in words."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ordergen_client.client import Client
from ordergen_client.connecting.credentials import Tls
from ordergen_client.errors import OrderGenerationError
from ordergen_client.telling.printable import printable


def _file(name: str, variable: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option(name, type=kind, envvar=variable, help=f"{text} [{variable}]")


def with_server(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that talks to a server, and a client of it in their place.

    A token itself is no option: everybody on the machine can see those of a process.
    """

    @functools.wraps(command)
    def with_client(
        *,
        target: str,
        tls: bool,
        ca: Path | None,
        certificate: Path | None,
        key: Path | None,
        token_file: Path | None,
        **options: object,
    ) -> None:
        token = token_file or os.environ.get("ORDERGEN_TOKEN") or None
        try:
            files = Tls(ca, certificate, key) if tls or ca or certificate or key else None
            opened = Client(target, tls=files, token=token)
        except (ValueError, OSError) as error:
            raise click.UsageError(str(error)) from error
        with told_failures(), opened as client:
            command(client=client, **options)

    shared: list[Callable[[Callable[..., None]], Callable[..., None]]] = [
        click.option(
            "--target",
            default="localhost:8088",
            show_default=True,
            envvar="ORDERGEN_TARGET",
            help="host:port. [ORDERGEN_TARGET]",
        ),
        click.option("--tls", is_flag=True, help="Connect with TLS; implied by the files of it."),
        _file("--ca", "ORDERGEN_CA", "PEM file of the CA of the server."),
        _file("--certificate", "ORDERGEN_CERTIFICATE", "PEM file of a certificate of yours, with --key."),
        _file("--key", "ORDERGEN_KEY", "PEM file of its private key."),
        _file("--token-file", "ORDERGEN_TOKEN_FILE", "File of a bearer token; or ORDERGEN_TOKEN has it."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON."),
    ]
    options: Callable[..., None] = with_client
    for option in reversed(shared):
        options = option(options)
    return options


@contextmanager
def told_failures() -> Iterator[None]:
    """A block whose failures are told in words, with exit code 1."""
    try:
        yield
    except OrderGenerationError as error:
        raise click.ClickException(_told(error)) from error


def _told(error: OrderGenerationError) -> str:
    lines = [str(error), *(f"  {violation.subject}: {violation.rule}" for violation in error.violations)]
    return "\n".join(map(printable, lines))
