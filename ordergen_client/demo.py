"""The main job on embedded parts: a model, its portfolios, whole-share orders and why."""

import time
from collections.abc import Sequence

from rich.console import Console

from ordergen_client.as_json import run_as_json
from ordergen_client.client import Client
from ordergen_client.following import follow, output_console, show_portfolios, summary
from ordergen_client.sandbox import sandbox
from ordergen_client.tables import orders_table
from ordergen_client.values import PortfolioRebalance, Rebalance


def run_demo(arguments: Sequence[str], *, as_json: bool) -> None:
    """Start a stack, create a model, rebalance its portfolios, and show what became of each.

    Raises:
        SandboxError: the stack did not start.
        OrderGenerationError: the service refused something.
    """
    progress = Console(stderr=True)
    progress.print("Starting database, siblings and server ...")
    with sandbox(arguments) as stack, Client(stack.target) as client:
        model = client.models.create(stack.model_name, stack.positions, stack.portfolio_ids)
        started = time.perf_counter()
        run, portfolios = follow(client.runs.start(model.model_id).events(view="BASIC"), progress)
        seconds = time.perf_counter() - started
        first = next((one for one in portfolios if one.state == "REBALANCED"), None)
        detail = first and client.runs.portfolio(run.rebalance_id, first.portfolio_id)
        if as_json:
            print(run_as_json(run, portfolios))  # noqa: T201 - the command's output
        else:
            _show(run, portfolios, detail, seconds)


def _show(
    run: Rebalance,
    portfolios: Sequence[PortfolioRebalance],
    detail: PortfolioRebalance | None,
    seconds: float,
) -> None:
    console = output_console()
    show_portfolios(console, run, portfolios)
    if detail:
        console.print(orders_table(detail))
    proven = sum(one.solution is not None and one.solution.status == "PROVEN_OPTIMAL" for one in portfolios)
    console.print(f"{summary(run)}; {proven} proven optimal; {seconds:.2f} s.")
