"""The main job on embedded parts: a model, its portfolios, whole-share orders and why."""

import json
import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ordergen_client.client import Client
from ordergen_client.sandbox import sandbox
from ordergen_client.tables import orders_table, portfolios_table
from ordergen_client.values import Model, PortfolioRebalance, Rebalance

#: Wide enough for every table where output is not a terminal.
PIPE_WIDTH = 132


def run_demo(arguments: Sequence[str], *, as_json: bool) -> None:
    """Start a stack, create a model, rebalance its portfolios, and show what became of each.

    Raises:
        SandboxError: the stack did not start.
        OrderGenerationError: the service refused something.
    """
    progress = Console(stderr=True)
    progress.print("Starting database, siblings and server ...")
    with sandbox(arguments) as stack, Client(stack.target) as client:
        model = client.create_model(stack.model_name, stack.positions, stack.portfolio_ids)
        started = time.perf_counter()
        run, portfolios = _rebalance(client, model, progress)
        seconds = time.perf_counter() - started
        first = next((one for one in portfolios if one.state == "REBALANCED"), None)
        detail = first and client.get_portfolio_rebalance(run.rebalance_id, first.portfolio_id)
        if as_json:
            print(json.dumps(_as_json(model, run, portfolios)))  # noqa: T201 - the command's output
        else:
            _show(run, portfolios, detail, seconds)


def _rebalance(client: Client, model: Model, console: Console) -> tuple[Rebalance, list[PortfolioRebalance]]:
    portfolios: list[PortfolioRebalance] = []
    finished: list[Rebalance] = []
    columns = (TextColumn("Rebalancing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(model.portfolio_ids))
        for event in client.rebalance_model(model.model_id):
            if event.portfolio:
                portfolios.append(event.portfolio)
                progress.advance(task)
            if event.finished:
                finished.append(event.finished)
    return finished[0], sorted(portfolios, key=lambda one: one.portfolio_id)


def _show(
    run: Rebalance,
    portfolios: Sequence[PortfolioRebalance],
    detail: PortfolioRebalance | None,
    seconds: float,
) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    console.print(portfolios_table(portfolios, run.model_name))
    for portfolio in portfolios:
        if portfolio.error:
            console.print(f"{portfolio.portfolio_id}: {portfolio.error.message}", soft_wrap=True)
    if detail:
        console.print(orders_table(detail))
    proven = sum(one.solution is not None and one.solution.status == "PROVEN_OPTIMAL" for one in portfolios)
    counts = ", ".join(f"{count} {state}" for state, count in run.counts.items() if count)
    console.print(f"Run {run.rebalance_id} {run.state}: {counts}; {proven} proven optimal; {seconds:.2f} s.")


def _as_json(model: Model, run: Rebalance, portfolios: Sequence[PortfolioRebalance]) -> dict[str, object]:
    return {
        "model_id": model.model_id,
        "rebalance_id": run.rebalance_id,
        "state": run.state,
        "counts": run.counts,
        "portfolios": [_portfolio_as_json(portfolio) for portfolio in portfolios],
    }


def _portfolio_as_json(portfolio: PortfolioRebalance) -> dict[str, object]:
    numbers = {
        name: None if getattr(portfolio, name) is None else format(getattr(portfolio, name), "f")
        for name in ("market_value", "cash_before", "cash_after", "drift_before", "drift_after")
    }
    return {
        "portfolio_id": portfolio.portfolio_id,
        "state": portfolio.state,
        "status": portfolio.solution.status if portfolio.solution else None,
        **numbers,
        "transactions": [
            {"side": trade.side, "security_id": trade.security_id, "quantity": trade.quantity}
            for trade in portfolio.transactions
        ],
        "error": portfolio.error.message if portfolio.error else None,
    }
