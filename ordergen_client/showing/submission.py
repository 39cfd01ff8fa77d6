"""A submission of orders, followed to its end: for eyes what needs a look, for programs every order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from rich.text import Text

from ordergen_client.records.orders.states import OrderState
from ordergen_client.records.orders.values import Order, OrderSubmission, StalePortfolio, SubmissionEvent
from ordergen_client.showing.columns import Column, Kind
from ordergen_client.showing.grid import Row, print_details, print_rows
from ordergen_client.showing.orders import (
    SENT,
    SENT_MORE,
    sent_row,
    stale_row,
    submission_details,
    submission_row,
)
from ordergen_client.showing.output import Form, Listing, Output

_STALE: Final = (
    Column("portfolio_name", "Portfolio"),
    Column("portfolio_id", "Id", Kind.ID, 1),
    Column("why", "What is not as the run saw it"),
)

_UNSENT: Final = tuple(column for column in SENT if column.key != "external_order_id")

#: The names of portfolios by their ids, as far as they are known.
Named = Callable[[Iterable[str]], Mapping[str, str]]


class SubmissionRead:
    """What is read of a submission, event after event.

    Attributes:
        submission: as it was told last; None before it is told.
        orders: each as it was told last, by its id.
        stale: portfolios that are out of date.
    """

    def __init__(self) -> None:
        self.submission: OrderSubmission | None = None
        self.orders: dict[str, Order] = {}
        self.stale: list[StalePortfolio] = []

    def changes(self, events: Iterable[SubmissionEvent]) -> Iterator[Order]:
        """Each order, as more is known of it."""
        for event in events:
            self.submission = event.started or event.finished or self.submission
            if event.stale_portfolio:
                self.stale.append(event.stale_portfolio)
            if event.order:
                self.orders[event.order.order_id] = event.order
                yield event.order


def show_submission(
    output: Output, events: Iterable[SubmissionEvent], read: SubmissionRead, named: Named
) -> None:
    """Read a submission to the end of its events, and write it; as ndjson every change, as it comes."""
    changes = read.changes(events)
    if output.form is Form.NDJSON:
        output.listing(Listing("orders", "", SENT, map(sent_row, changes), SENT_MORE))
        return
    for _order in changes:
        pass
    if read.submission is None:
        return
    if output.form is Form.TABLE:
        _show(output, read.submission, read, named)
        return
    rows = map(sent_row, read.orders.values())
    about = {
        **submission_row(read.submission),
        "stale_portfolios": [stale_row(one, "") for one in read.stale],
    }
    output.listing(Listing("orders", "", SENT, rows, SENT_MORE), lambda: about)


def _show(output: Output, submission: OrderSubmission, read: SubmissionRead, named: Named) -> None:
    console = output.console
    print_details(console, submission_details(submission))
    left = [one for one in read.orders.values() if one.state is not OrderState.SENT]
    names = named({*(one.portfolio_id for one in left), *(one.portfolio_id for one in read.stale)})
    if read.stale:
        console.print()
        stale: list[Row] = [stale_row(one, names.get(one.portfolio_id, "")) for one in read.stale]
        print_rows(console, stale, _STALE, title="Out of date: not sent", headers=output.headers)
        console.print(Text("A new run proposes anew: ordergen rebalance", style="dim"))
    if left:
        console.print()
        rows: list[Row] = [sent_row(one, names.get(one.portfolio_id, "")) for one in left]
        print_rows(console, rows, _UNSENT, title="Orders that are not sent", headers=output.headers)
