"""Following a run: its progress while it goes on, and what became of it."""

import json
import signal
from collections.abc import Iterable, Iterator, Sequence
from threading import Event
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ordergen_client.tables import portfolios_table
from ordergen_client.values import PortfolioRebalance, Rebalance, RebalanceEvent

#: Wide enough for every table where output is not a terminal.
PIPE_WIDTH = 132


def follow(events: Iterable[RebalanceEvent], console: Console) -> tuple[Rebalance, list[PortfolioRebalance]]:
    """Read a run to its end with a progress bar on `console`; its portfolios come by id."""
    portfolios: list[PortfolioRebalance] = []
    finished: list[Rebalance] = []
    columns = (TextColumn("Rebalancing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)
        for event in events:
            if event.started:
                progress.update(task, total=event.started.portfolio_count)
            if event.portfolio:
                portfolios.append(event.portfolio)
                progress.advance(task)
            if event.finished:
                finished.append(event.finished)
    return finished[0], sorted(portfolios, key=lambda one: one.portfolio_id)


def until_interrupted(events: Iterable[RebalanceEvent]) -> Iterator[RebalanceEvent]:
    """The events, until Ctrl-C, which ends them with KeyboardInterrupt.

    It falls on whatever runs, which may be a callback or a destructor of gRPC; what is raised there is lost.
    So it is also remembered, until the next event at the latest. For the main thread alone.
    """
    interrupted = Event()

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        interrupted.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        for event in events:
            _raise_if(interrupted)
            yield event
        _raise_if(interrupted)
    finally:
        signal.signal(signal.SIGINT, before)


def _raise_if(interrupted: Event) -> None:
    if interrupted.is_set():
        raise KeyboardInterrupt


def output_console() -> Console:
    """Standard output, wide enough for the tables where it is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


def show_portfolios(console: Console, run: Rebalance, portfolios: Sequence[PortfolioRebalance]) -> None:
    """Print a line a portfolio, and why those failed that did."""
    console.print(portfolios_table(portfolios, run.model_name))
    for portfolio in portfolios:
        if portfolio.error:
            console.print(f"{portfolio.portfolio_id}: {portfolio.error.message}", soft_wrap=True)


def summary(run: Rebalance) -> str:
    """A run in a line."""
    counts = ", ".join(f"{count} {state}" for state, count in run.counts.items() if count)
    return f"Run {run.rebalance_id} {run.state}: {counts}"


def run_as_json(run: Rebalance, portfolios: Sequence[PortfolioRebalance]) -> str:
    """A run and its portfolios as one line of JSON; numbers are strings, digit for digit."""
    return json.dumps(
        {
            "model_id": run.model_id,
            "rebalance_id": run.rebalance_id,
            "state": run.state,
            "counts": run.counts,
            "portfolios": [_portfolio_as_json(portfolio) for portfolio in portfolios],
        }
    )


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
