"""Which orders of ours those are that the order service has under a mark of ours.

A portfolio has a security once in a run, so an order is found by portfolio, security, side and quantity.
Where more than one could be it, or one of another side or quantity is in its place, nobody can tell: it is
told, and neither taken for ours nor for missing. One that was cancelled or deleted there beside a live one is
out of the way: so people can clear it up there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ordergen_server.domain.errors import BadData, Violation
from ordergen_server.domain.orders.order_service import FoundOrder, OrderStatus
from ordergen_server.domain.orders.orders import Order

#: Statuses of orders that do not trade, and never did.
WITHDRAWN = frozenset({OrderStatus.CNCLD, OrderStatus.DEL})

_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class There:
    """The order service has the order, under this id."""

    external_order_id: int


@dataclass(frozen=True, slots=True)
class Missing:
    """It has nothing that could be the order."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """It has what could be the order, or stands in its place, and nobody can tell."""

    problem: BadData


Match = There | Missing | Ambiguous


def is_like(order: Order, found: FoundOrder) -> bool:
    """Whether an order there is of the same portfolio, security, side and quantity."""
    return (found.portfolio_id, found.security_id, found.side, found.quantity) == (
        order.portfolio_id,
        order.security_id,
        order.side,
        Decimal(order.quantity),
    )


def matches(orders: Iterable[Order], found: Iterable[FoundOrder]) -> Mapping[str, Match]:
    """What is known of each order, by its id, of all that carries its mark in the order service."""
    places: defaultdict[_Place, list[FoundOrder]] = defaultdict(list)
    for one in found:
        places[one.portfolio_id, one.security_id].append(one)
    return {one.order_id: _match(one, places[one.portfolio_id, one.security_id]) for one in orders}


def seen(found: Iterable[FoundOrder]) -> str:
    """The same text for the same orders, in whichever order they come and whatever their statuses."""
    lines = sorted(
        f"{one.external_order_id} {one.portfolio_id} {one.security_id}"
        f" {one.side.value if one.side else '-'} {one.quantity.normalize():f}"
        for one in found
    )
    return "\n".join(lines)


def live(found: Iterable[FoundOrder]) -> list[FoundOrder]:
    """Those that are not withdrawn."""
    return [one for one in found if one.status not in WITHDRAWN]


def _match(order: Order, found: list[FoundOrder]) -> Match:
    if not found:
        return Missing()
    standing = live(found) or [min(found, key=lambda one: (not is_like(order, one), one.external_order_id))]
    if len(standing) == 1 and is_like(order, standing[0]):
        return There(standing[0].external_order_id)
    return Ambiguous(_problem(order, standing))


def _problem(order: Order, found: list[FoundOrder]) -> BadData:
    ids = ", ".join(
        str(one.external_order_id) for one in sorted(found, key=lambda one: one.external_order_id)
    )
    rule = (
        f"{len(found)} orders stand there with its mark, portfolio and security: {ids}"
        if len(found) > 1
        else f"order {ids} there has its mark, portfolio and security, and another side or quantity"
    )
    return BadData(
        f"Which order of the order service this is cannot be told: {rule}. Cancel there what is wrong.",
        metadata={"service": "order", "external_order_ids": ids},
        violations=[Violation(order.security_id, rule, "ORDER_AMBIGUOUS")],
    )
