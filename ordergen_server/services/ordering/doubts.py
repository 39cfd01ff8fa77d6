"""What a reading of the order service says of orders in doubt: values alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ordergen_server.domain.orders.matching import Ambiguous, Missing, There, matches, seen
from ordergen_server.domain.orders.order_service import FoundOrder
from ordergen_server.domain.orders.orders import Order, OrderState, doubted, missed, taken
from ordergen_server.domain.orders.submissions import OrderBatch, Sighting


@dataclass(frozen=True, slots=True)
class Seen:
    """A reading of all orders that carry a mark.

    Attributes:
        began: when it did, by the clock of the database.
        ended: when it did.
    """

    found: Sequence[FoundOrder]
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a reading makes of a batch and its orders in doubt."""

    batch: OrderBatch
    orders: tuple[Order, ...]


def resolved(batch: OrderBatch, orders: Sequence[Order], reading: Seen, settle_seconds: float) -> Resolved:
    """What is there is SENT; what two readings, so far apart, agree is not there, is to be sent again."""
    known = matches(orders, reading.found)
    text = seen(reading.found)
    first = batch.sighting
    agrees = first is not None and first.seen == text
    settled = first is not None and agrees and (reading.began - first.time).total_seconds() >= settle_seconds
    after = []
    for order in orders:
        if order.state is not OrderState.IN_DOUBT:
            continue
        match known[order.order_id]:
            case There(external_order_id):
                after.append(taken(order, external_order_id))
            case Ambiguous(problem):
                after.append(doubted(order, problem))
            case Missing():
                after.append(missed(order) if settled else order)
    sighting = first if agrees else Sighting(reading.ended, text)
    return Resolved(replace(batch, sighting=sighting), tuple(after))
