"""The `ordergen` command."""

import sys
from pathlib import Path

import click

from ordergen_client.demo import run_demo
from ordergen_client.errors import OrderGenerationError
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
        run_demo(arguments, as_json=as_json)
    except SandboxError:
        sys.exit(1)  # the stack has said why
    except OrderGenerationError as error:
        raise click.ClickException(_told(error)) from error


def _told(error: OrderGenerationError) -> str:
    lines = [str(error), *(f"  {violation.subject}: {violation.rule}" for violation in error.violations)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
