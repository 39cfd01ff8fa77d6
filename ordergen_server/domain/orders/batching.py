"""Which orders are sent together."""

from collections.abc import Sequence
from typing import TypeVar

#: The order service works in chunks of so many, and waits 30 s for each: a batch is one chunk.
BATCH_ORDERS = 50

Item = TypeVar("Item")


def fitting(counts: Sequence[int]) -> int:
    """How many portfolios, with so many orders each, are sent next: as fit whole, and one at least."""
    room = BATCH_ORDERS
    for number, count in enumerate(counts):
        room -= count
        if number and room < 0:
            return number
    return len(counts)


def cut(orders: Sequence[Item]) -> list[Sequence[Item]]:
    """Orders in batches, in their order."""
    return [orders[start : start + BATCH_ORDERS] for start in range(0, len(orders), BATCH_ORDERS)]
