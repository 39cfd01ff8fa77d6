"""Progress of a submission for eyes: how many of its orders are done, and what went wrong as it comes."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ordergen_client.records.orders.states import OrderState
from ordergen_client.records.orders.values import SubmissionEvent
from ordergen_client.telling.printable import printable

#: What went wrong that is told as it comes; the rest is told at the end.
_TOLD = 10
_SELLS_FIRST = "Buys wait until the sells of their portfolio are FULL. It goes on without this command, too."
_DONE = {OrderState.SENT, OrderState.REFUSED, OrderState.NOT_SENT}


def with_sending(events: Iterable[SubmissionEvent], console: Console) -> Iterator[SubmissionEvent]:
    """The same events, with a bar on `console`: how many orders are done, and how many are in doubt."""
    columns = (
        TextColumn("Sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[doubts]}"),
        TimeElapsedColumn(),
    )
    states: dict[str, OrderState] = {}
    done = doubtful = told = 0
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None, doubts="")
        for event in events:
            if event.started:
                progress.update(task, total=event.started.order_count)
                if event.started.sells_first:
                    progress.console.print(_SELLS_FIRST, style="dim", soft_wrap=True)
            if event.order:
                before, now = states.get(event.order.order_id), event.order.state
                states[event.order.order_id] = now
                done += (now in _DONE) - (before in _DONE)
                doubtful += (now is OrderState.IN_DOUBT) - (before is OrderState.IN_DOUBT)
                progress.update(task, completed=done, doubts=f"{doubtful:,} in doubt" if doubtful else "")
            line = _wrong(event)
            if line and told < _TOLD:
                told += 1
                progress.console.print(Text(printable(line), style="yellow"), soft_wrap=True)
            yield event


def _wrong(event: SubmissionEvent) -> str:
    if event.stale_portfolio:
        return (
            f"Portfolio {event.stale_portfolio.portfolio_id} is out of date: none of what was left is sent."
        )
    order = event.order
    if order is None or order.state is not OrderState.REFUSED:
        return ""
    why = order.error.message if order.error else ""
    return f"{order.side} {order.quantity:,} {order.ticker} of {order.portfolio_id} {order.state}: {why}"
