"""What we believe of a run's orders, compared with what the order service has under their marks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ordergen_server.domain.orders.matching import is_like, live
from ordergen_server.domain.orders.order_service import FoundOrder
from ordergen_server.domain.orders.orders import Order, OrderState


class DifferenceType(Enum):
    """What differs."""

    MISSING = "MISSING"
    DUPLICATE = "DUPLICATE"
    UNEXPECTED = "UNEXPECTED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Difference:
    """An order of which we and the order service say different things.

    Attributes:
        order: as it is here; None where none here is like it.
        found: those there that this is about.
        description: in words, with numbers.
    """

    type: DifferenceType
    order: Order | None
    found: tuple[FoundOrder, ...]
    description: str

    @property
    def place(self) -> tuple[str, str]:
        """Portfolio and security."""
        one: Order | FoundOrder = self.order or self.found[0]
        return one.portfolio_id, one.security_id


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared, and what differs, in the order of portfolios and securities."""

    compared_count: int
    differences: tuple[Difference, ...]


def is_compared(order: Order) -> bool:
    """Whether something definite is believed of an order that was written down: not while it is sent."""
    return order.mark != 0 and order.state is not OrderState.SENDING


def reconciled(orders: Sequence[Order], found: Mapping[int, Sequence[FoundOrder]]) -> Reconciliation:
    """The differences between orders here, and there by their marks."""
    compared = [one for one in orders if is_compared(one)]
    differences = [difference for one in compared for difference in _of(one, found.get(one.mark, ()))]
    differences += _unknown(orders, found)
    return Reconciliation(len(compared), tuple(sorted(differences, key=lambda one: one.place)))


def _of(order: Order, found: Sequence[FoundOrder]) -> Iterator[Difference]:
    like = tuple(one for one in found if is_like(order, one))
    if order.state is OrderState.SENT and not like:
        text = f"it is SENT here as {order.external_order_id}, and not there"
        yield Difference(DifferenceType.MISSING, order, (), text)
    if order.state is not OrderState.SENT and like:
        text = f"it is {order.state.value} here, and there as {_ids(like)}"
        yield Difference(DifferenceType.UNEXPECTED, order, like, text)
    alive = tuple(live(like))
    if len(alive) > 1:
        text = f"it is there {len(alive)} times, as {_ids(alive)}"
        yield Difference(DifferenceType.DUPLICATE, order, alive, text)


def _unknown(orders: Iterable[Order], found: Mapping[int, Sequence[FoundOrder]]) -> Iterator[Difference]:
    ours: defaultdict[tuple[int, str, str], list[Order]] = defaultdict(list)
    for order in orders:
        ours[order.mark, order.portfolio_id, order.security_id].append(order)
    for mark, there in found.items():
        for one in there:
            if not any(is_like(our, one) for our in ours[mark, one.portfolio_id, one.security_id]):
                side = one.side.value if one.side else "neither BUY nor SELL"
                text = (
                    f"order {one.external_order_id} there, {side} {one.quantity:f} of"
                    f" {one.ticker or one.security_id}, has a mark of ours, and none here is like it"
                )
                yield Difference(DifferenceType.UNKNOWN, None, (one,), text)


def _ids(found: Iterable[FoundOrder]) -> str:
    return ", ".join(str(one) for one in sorted(one.external_order_id for one in found))
