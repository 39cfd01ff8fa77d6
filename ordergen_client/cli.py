"""The `ordergen` command."""

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from ordergen_client.client import Client
from ordergen_client.credentials import Tls
from ordergen_client.demo import run_demo
from ordergen_client.errors import OrderGenerationError
from ordergen_client.following import (
    follow,
    output_console,
    run_as_json,
    show_portfolios,
    summary,
    until_interrupted,
)
from ordergen_client.sandbox import SandboxError


@click.group()
@click.version_option(package_name="globeco-ordergen")
def main() -> None:
    """Turn investment models into proven optimal whole-share orders."""


@main.command()
@click.option(
    "--portfolios",
    type=click.IntRange(min=1),
    default=25,
    show_default=True,
    help="How many portfolios to rebalance.",
)
@click.option(
    "--positions",
    type=click.IntRange(1, 100),
    default=60,
    show_default=True,
    help="Positions of the model, 1 to 100.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same market.")
@click.option(
    "--market",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of securities and prices; without it the market is synthetic.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as one line of JSON.")
def demo(*, portfolios: int, positions: int, seed: int, market: Path | None, as_json: bool) -> None:
    """Rebalance portfolios on embedded parts: database, siblings and server of its own."""
    arguments = [f"--portfolios={portfolios}", f"--positions={positions}", f"--seed={seed}"]
    if market:
        arguments.append(f"--market={market}")
    try:
        with _told_failures():
            run_demo(arguments, as_json=as_json)
    except SandboxError:
        sys.exit(1)  # the stack has said why


def _file(name: str, variable: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option(name, type=kind, envvar=variable, help=f"{text} [{variable}]")


def _server(command: Callable[..., None]) -> Callable[..., None]:
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
        with _told_failures(), opened as client:
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


@main.command()
@click.argument("model_id")
@click.option("--detach", is_flag=True, help="Print the run's id and leave it to go on by itself.")
@_server
def rebalance(*, client: Client, model_id: str, detach: bool, as_json: bool) -> None:
    """Rebalance every portfolio of MODEL_ID.

    The run goes on when this command is interrupted: `ordergen watch` comes back to it.
    """
    started = client.start_rebalance(model_id)
    if detach:
        answer = json.dumps({"rebalance_id": started.rebalance_id}) if as_json else started.rebalance_id
        click.echo(answer)
        return
    click.echo(f"Run {started.rebalance_id}", err=True)
    _follow(client, started.rebalance_id, as_json=as_json)


@main.command()
@click.argument("rebalance_id")
@_server
def watch(*, client: Client, rebalance_id: str, as_json: bool) -> None:
    """Show what the run REBALANCE_ID has done, and follow it to its end."""
    _follow(client, rebalance_id, as_json=as_json)


def _follow(client: Client, rebalance_id: str, *, as_json: bool) -> None:
    events = until_interrupted(client.watch_rebalance(rebalance_id))
    run, portfolios = follow(events, Console(stderr=True))
    if as_json:
        click.echo(run_as_json(run, portfolios))
    else:
        console = output_console()
        show_portfolios(console, run, portfolios)
        console.print(f"{summary(run)}.")
    if run.error:
        raise run.error


@contextmanager
def _told_failures() -> Iterator[None]:
    """A block whose failures are told in words, with exit code 1."""
    try:
        yield
    except OrderGenerationError as error:
        raise click.ClickException(_told(error)) from error


def _told(error: OrderGenerationError) -> str:
    lines = [str(error), *(f"  {violation.subject}: {violation.rule}" for violation in error.violations)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
