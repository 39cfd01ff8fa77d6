"""`ordergen context`: servers by name, so that nobody types an address twice."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from ordergen_client.commands.shared.decimals import seconds
from ordergen_client.commands.shared.failures import Failure
from ordergen_client.commands.shared.options import with_output
from ordergen_client.connecting.contexts import (
    Context,
    ContextError,
    Contexts,
    contexts_path,
    read_contexts,
    write_contexts,
)
from ordergen_client.connecting.terms import check_target, checked_actor
from ordergen_client.showing.columns import Column
from ordergen_client.showing.output import Listing, Output

if TYPE_CHECKING:
    from pathlib import Path

_FILE: Final = click.Path(exists=True, dir_okay=False, resolve_path=True)
_COLUMNS: Final = (
    Column("current", "Used"),
    Column("name", "Context"),
    Column("target", "Target"),
    Column("tls", "TLS", spare=1),
    Column("token_file", "Token file", spare=3),
    Column("ca", "CA", spare=2),
)


@click.group()
def context() -> None:
    """Servers by name; `ordergen context use NAME` is the one that is talked to where no other is named."""


@context.command()
@click.argument("name")
@click.option("--target", required=True, help="The server's HOST:PORT.")
@click.option("--tls", is_flag=True, help="Connect with TLS; its files imply it.")
@click.option("--ca", type=_FILE, help="PEM file of the server's CA.")
@click.option("--certificate", type=_FILE, help="PEM file of our certificate.")
@click.option("--key", type=_FILE, help="PEM file of its private key.")
@click.option("--token-file", type=_FILE, help="File of a bearer token, read with every call.")
@click.option("--timeout", type=seconds, help="Seconds that a call may take.")
@click.option("--actor", help="Who we are, where the server asks for no credentials.")
@with_output
def add(
    *,
    output: Output,
    name: str,
    target: str,
    tls: bool,
    ca: str | None,
    certificate: str | None,
    key: str | None,
    token_file: str | None,
    timeout: float | None,
    actor: str | None,
) -> None:
    """Keep a server as NAME, in place of one of that name. The first one is used at once."""
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key need each other.")
    try:
        check_target(target, tls=None, token=None)
        checked_actor(actor or "")
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    made = Context(target, tls or None, ca, certificate, key, token_file, timeout, actor)
    known = _known()
    _keep(Contexts({**known.known, name: made}, known.current or name))
    output.done(lambda: {"name": name, **made.given()}, f"Context {name} is {target}.")


@context.command()
@click.argument("name")
@with_output
def use(*, output: Output, name: str) -> None:
    """Talk to NAME from now on."""
    known = _known()
    _chosen(known, name)
    _keep(replace(known, current=name))
    output.done(lambda: {"current": name}, f"Using {name}: {known.known[name].target}.")


@context.command("list")
@with_output
def list_contexts(*, output: Output) -> None:
    """List every context; none has a token in it, only the file of one."""
    known = _known()
    rows = [
        {"current": "*" if name == known.current else "", "name": name, **one.given()}
        for name, one in sorted(known.known.items())
    ]
    output.listing(
        Listing("contexts", "Contexts", _COLUMNS, rows, ("certificate", "key", "timeout", "actor"))
    )


@context.command()
@click.argument("name")
@with_output
def remove(*, output: Output, name: str) -> None:
    """Forget NAME."""
    known = _known()
    _chosen(known, name)
    left = {key: one for key, one in known.known.items() if key != name}
    _keep(Contexts(left, None if known.current == name else known.current))
    output.done(lambda: {"name": name, "removed": True}, f"Removed context {name}.")


def _known() -> Contexts:
    try:
        return read_contexts(contexts_path())
    except ContextError as error:
        raise Failure(str(error)) from error


def _chosen(known: Contexts, name: str) -> None:
    try:
        known.chosen(name)
    except ContextError as error:
        raise click.UsageError(str(error)) from error


def _keep(contexts: Contexts) -> None:
    path: Path = contexts_path()
    try:
        write_contexts(path, contexts)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror or error}") from error
