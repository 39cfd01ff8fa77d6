"""Following a run: read by a thread of its own, so that an interrupt is heard, with its progress for eyes."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ordergen_client.records.values import PortfolioRebalance, RebalanceEvent
from ordergen_client.telling.printable import printable

#: How long an interrupt may take to be heard.
WAKE_SECONDS = 0.2
#: Events that are read ahead of whoever takes them.
AHEAD = 64
#: Failures that are told as they come; the rest is told at the end.
_TOLD = 10

Event = TypeVar("Event")


def with_progress(
    events: Iterable[RebalanceEvent], console: Console, text: str = "Rebalancing"
) -> Iterator[RebalanceEvent]:
    """The same events, with a bar on `console`: how many are done, how fast, how long yet, what failed."""
    columns = (
        TextColumn(text),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    told = 0
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None, rate="")
        for event in events:
            if event.started:
                progress.update(task, total=event.started.portfolio_count)
            if event.portfolio:
                speed = progress.tasks[0].speed
                progress.update(task, advance=1, rate=f"{speed:,.0f}/s" if speed else "")
                if event.portfolio.error and told < _TOLD:
                    told += 1
                    progress.console.print(_failure(event.portfolio), soft_wrap=True)
            yield event


def _failure(portfolio: PortfolioRebalance) -> Text:
    name = f"{portfolio.portfolio_name} {portfolio.portfolio_id}".strip()
    message = portfolio.error.message if portfolio.error else ""
    return Text(printable(f"{name} {portfolio.state}: {message}"), style="yellow")


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
