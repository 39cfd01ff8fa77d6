"""Takes lists of orders as the order service does, with the faults that are about single orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ordergen_server.sandbox.market.orders import OrderRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ordergen_server.sandbox.market.orders import Order, OrderBook
    from ordergen_server.sandbox.services.faults import Fault

__all__ = ["UNPLACED", "OrderDesk", "Outcome"]

#: The place of an order whose wait ran out.
UNPLACED = -1
_RAN_OUT = "Future execution failed: null"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered for one order: it is there, or a message says why not.

    Attributes:
        place: of the order in the list, or UNPLACED.
    """

    place: int
    message: str
    order: Order | None = None


class OrderDesk:
    """Takes the orders of a list one by one; each by itself is taken or not.

    Args:
        book: where they are kept.
    """

    def __init__(self, book: OrderBook) -> None:
        self._book = book

    def take(self, orders: Iterable[Order | None], faults: Sequence[Fault] = ()) -> list[Outcome]:
        """What is answered for each of the orders; None is one that was not said."""
        outcomes = [self._faulty(place, order, faults) for place, order in enumerate(orders)]
        return outcomes[::-1] if any(fault.kind == "reorder" for fault in faults) else outcomes

    def _faulty(self, place: int, order: Order | None, faults: Sequence[Fault]) -> Outcome:
        met = {fault.kind: fault for fault in faults if fault.meets(place)}
        if refuse := met.get("refuse"):
            return Outcome(place, refuse.body or "Refused by the sandbox")
        if unplaced := met.get("unplaced"):
            if order is not None and unplaced.commit_seconds is not None:
                self._book.take_late(order, unplaced.commit_seconds)
            return Outcome(UNPLACED, _RAN_OUT)
        outcome = self._one(place, order)
        if "duplicate" in met and outcome.order:
            self._one(place, order)
        return outcome

    def _one(self, place: int, order: Order | None) -> Outcome:
        if order is None:
            return Outcome(place, "Order data is required")
        try:
            return Outcome(place, "Order created successfully", self._book.take(order))
        except OrderRefused as refusal:
            return Outcome(place, str(refusal))
