"""The `ordergen` command."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from ordergen_client.blocking.run import Run
from ordergen_client.client import Client
from ordergen_client.commands.import_legacy import import_legacy
from ordergen_client.commands.report import for_people, report
from ordergen_client.commands.runs import runs
from ordergen_client.commands.server import told_failures, with_server
from ordergen_client.demo import run_demo
from ordergen_client.sandbox import SandboxError
from ordergen_client.telling.as_json import run_as_json
from ordergen_client.telling.following import (
    follow,
    output_console,
    show_portfolios,
    summary,
    until_interrupted,
)


@click.group()
@click.version_option(package_name="globeco-ordergen-client")
def main() -> None:
    """Turn investment models into proven optimal whole-share orders."""


main.add_command(runs)
main.add_command(report)
main.add_command(import_legacy)


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
@click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report of the run to this file, too, in place of one that is there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as one line of JSON.")
def demo(
    *,
    portfolios: int,
    positions: int,
    seed: int,
    market: Path | None,
    report_path: Path | None,
    as_json: bool,
) -> None:
    """Rebalance portfolios on embedded parts: database, siblings and server of its own."""
    arguments = [f"--portfolios={portfolios}", f"--positions={positions}", f"--seed={seed}"]
    if market:
        arguments.append(f"--market={market}")
    try:
        with told_failures(), for_people():
            run_demo(arguments, report=report_path, as_json=as_json)
    except SandboxError as error:
        if str(error):
            raise click.ClickException(str(error)) from error
        sys.exit(1)  # the stack has said why


@main.command()
@click.argument("model_id")
@click.option("--detach", is_flag=True, help="Print the run's id and leave it to go on by itself.")
@with_server
def rebalance(*, client: Client, model_id: str, detach: bool, as_json: bool) -> None:
    """Rebalance every portfolio of MODEL_ID.

    The run goes on when this command is interrupted: `ordergen watch` comes back to it.
    """
    run = client.runs.start(model_id)
    if detach:
        answer = json.dumps({"rebalance_id": run.rebalance_id}) if as_json else run.rebalance_id
        click.echo(answer)
        return
    click.echo(f"Run {run.rebalance_id}", err=True)
    _follow(run, as_json=as_json)


@main.command()
@click.argument("rebalance_id")
@with_server
def watch(*, client: Client, rebalance_id: str, as_json: bool) -> None:
    """Show what the run REBALANCE_ID has done, and follow it to its end."""
    _follow(client.runs.attach(rebalance_id), as_json=as_json)


def _follow(run: Run, *, as_json: bool) -> None:
    events = until_interrupted(run.events(view="BASIC"))
    ended, portfolios = follow(events, Console(stderr=True))
    if as_json:
        click.echo(run_as_json(ended, portfolios))
    else:
        console = output_console()
        show_portfolios(console, ended, portfolios)
        console.print(f"{summary(ended)}.")
    if ended.error:
        raise ended.error


if __name__ == "__main__":
    main()
