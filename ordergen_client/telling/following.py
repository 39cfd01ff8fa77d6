"""Following a run: its progress while it goes on, and what became of it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalanceEvent
from ordergen_client.telling.printable import WIDEST, PlainConsole, print_whole
from ordergen_client.telling.tables import portfolios_table

#: How long an interrupt may take to be heard.
WAKE_SECONDS = 0.2
#: Events that are read ahead of whoever takes them.
AHEAD = 64

Event = TypeVar("Event")


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


def until_interrupted(events: Iterable[Event]) -> Iterator[Event]:
    """The same events, read by a thread of its own, so that Ctrl-C meets a wait of ours and never gRPC.

    What an interrupt raises within gRPC can be lost, or leave its locks taken, and the command hangs.
    """
    told: Queue[Event | Exception | None] = Queue(AHEAD)

    def read() -> None:
        try:
            for event in events:
                told.put(event)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            told.put(error)
        else:
            told.put(None)

    Thread(target=read, name="events", daemon=True).start()
    while True:
        with suppress(Empty):  # time to hear of a signal that another thread was given
            one = told.get(timeout=WAKE_SECONDS)
            if one is None:
                return
            if isinstance(one, Exception):
                raise one
            yield one


def output_console() -> Console:
    """Standard output, wide enough for the tables where it is not a terminal; no text commands it."""
    console = PlainConsole()
    return console if console.is_terminal else PlainConsole(width=WIDEST)


def show_portfolios(console: Console, run: Rebalance, portfolios: Sequence[PortfolioRebalance]) -> None:
    """Print a line a portfolio, and why those failed that did."""
    print_whole(console, portfolios_table(portfolios, run.model_name))
    for portfolio in portfolios:
        if portfolio.error:
            console.print(f"{portfolio.portfolio_id}: {portfolio.error.message}", soft_wrap=True)


def summary(run: Rebalance) -> str:
    """A run in a line."""
    counts = ", ".join(f"{count} {state}" for state, count in run.counts.items() if count)
    return f"Run {run.rebalance_id} {run.state}: {counts}"
