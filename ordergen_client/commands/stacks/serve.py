"""`ordergen serve`: a server with a market of its own, and a model to play with."""

import shlex
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import click

from ordergen_client.client import Client
from ordergen_client.commands.shared.failures import Failure, told
from ordergen_client.commands.shared.options import with_output
from ordergen_client.commands.stacks.market import Once, arguments, told_sandbox, with_market
from ordergen_client.connecting.credentials import Tls
from ordergen_client.errors import AlreadyExists, OrderGenerationError
from ordergen_client.sandbox import Sandbox, sandbox
from ordergen_client.showing.output import Form, Output

_SUBJECT = "trader"
_WAKE_SECONDS = 0.5
#: Portfolios beside those of the model, which follow none: for a model of one's own.
_FREE = 2


@click.command()
@with_market
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8088, show_default=True, help="0 takes a free one."
)
@click.option(
    "--rest-port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Of HTTP and JSON."
)
@click.option(
    "--secure",
    is_flag=False,
    flag_value="tokens",
    type=click.Choice(["tokens", "mutual"]),
    help="Ask for TLS and tokens, and with `mutual` for a certificate as well.",
)
@click.option(
    "--data-folder", type=click.Path(file_okay=False, path_type=Path), help="Keep the database here."
)
@with_output
def serve(
    *,
    output: Output,
    portfolios: int,
    positions: int,
    seed: int,
    market: Path | None,
    host: str,
    port: int,
    rest_port: int,
    secure: str | None,
    data_folder: Path | None,
) -> None:
    """Keep a server up until Ctrl-C, with siblings, a market and a model to play with."""
    given = [
        *arguments(portfolios + _FREE, positions, seed, market),
        *(f"--host={host}", f"--port={port}", f"--rest-port={rest_port}"),
        *([f"--secure={secure}"] if secure else []),
        *([f"--data-folder={data_folder}"] if data_folder else []),
    ]
    progress = output.progress
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop is a stop, however it is said
    stopping = Once(lambda: progress.print("Stopping ..."))
    try:
        progress.print("Starting database, siblings and server ...")
        with told_sandbox(), sandbox(given, stopping) as stack:
            _make_model(stack)
            _announce(output, stack)
            _wait(stack)
    except KeyboardInterrupt:
        stopping()
        progress.print("Stopped.")
        return
    raise Failure("The embedded stack ended by itself: see above.")


def _make_model(stack: Sandbox) -> None:
    tls, token = _access(stack)
    with suppress(AlreadyExists), Client(stack.target, tls=tls, token=token) as client:
        try:
            client.models.create(_name(stack), stack.positions, stack.portfolio_ids[_FREE:])
        except AlreadyExists:
            raise
        except OrderGenerationError as error:
            raise Failure(told(error)) from error


def _name(stack: Sandbox) -> str:
    return f"Demo {len(stack.positions)}"


def _access(stack: Sandbox) -> tuple[Tls | None, Path | None]:
    """How a trader reaches it."""
    files = stack.credentials
    if files is None:
        return None, None
    return Tls(files["ca"], files["client_certificate"], files["client_key"]), Path(files["tokens"][_SUBJECT])


def _announce(output: Output, stack: Sandbox) -> None:
    if output.form is not Form.TABLE:
        output.record(stack.announced, {})
    else:
        click.echo("\n".join(_lines(stack)))
    sys.stdout.flush()


def _lines(stack: Sandbox) -> list[str]:
    command, server, told = _command(), _options(stack), stack.announced
    name = _name(stack)
    model = shlex.quote(name)
    tries = (f"models show {model}", f"rebalance {model}", "report latest -o report.html --force")
    return [
        f"Order generation service   {stack.target}   (health alone: {told['health_target']})",
        f"HTTP and JSON              {stack.rest}   (documented: {stack.rest}/docs)",
        f"Database                   {told['mongodb_uri']}",
        *(f"Sibling {name:<18} {url}" for name, url in told["siblings"].items()),
        f"Siblings over gRPC         {told['siblings_grpc']}",
        "",
        f"Model {name}: {len(stack.positions)} positions, {len(stack.portfolio_ids) - _FREE:,} portfolios.",
        "Try, in another terminal:",
        *(f"  {command} {one}{server}" for one in tries),
        *told["commands"],
        "Ctrl-C stops everything.",
    ]


def _command() -> str:
    """This command, as it is typed from anywhere."""
    beside = Path(sys.executable).with_name("ordergen")
    return shlex.quote(str(beside)) if beside.exists() else "ordergen"


def _options(stack: Sandbox) -> str:
    files = stack.credentials
    if files is None:
        return f" --target {stack.target}"
    options = {
        "target": stack.target,
        "ca": files["ca"],
        "certificate": files["client_certificate"],
        "key": files["client_key"],
        "token-file": files["tokens"][_SUBJECT],
    }
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in options.items())


def _wait(stack: Sandbox) -> None:
    while stack.is_running():
        time.sleep(_WAKE_SECONDS)
