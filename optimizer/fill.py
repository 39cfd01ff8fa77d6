"""Fill an amount exactly with whole shares of equal merit: a bounded subset sum.

With many shares to choose from, an exact fill exists almost always and meeting in the middle finds one
soon: all small combinations of a few securities on one side, those of a few others on the other, until two
sums complete each other (Horowitz and Sahni, "Computing Partitions", J. ACM 21, 1974).
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

EFFORTS = ((1, 8), (2, 8), (3, 8), (4, 8), (5, 8))
"""Securities a side and shares of each to combine: 64 sums a side at first, 59,000 at last."""

SHIFTS = 16
"""Different remainders tried for each effort."""


class Wheel(NamedTuple):
    """A security to fill with: the price of a share and how many shares may be used."""

    price: int
    shares: int


def fill(wheels: Sequence[Wheel], amount: int) -> list[int] | None:
    """Shares of every wheel whose prices add up to `amount` exactly, or None where none was found."""
    if amount < 0:
        return None
    order = sorted(
        (index for index, wheel in enumerate(wheels) if wheel.shares > 0),
        key=lambda index: (-wheels[index].shares, index),
    )
    for side, reach in EFFORTS:
        chosen = order[: 2 * side]
        limits = [min(reach, wheels[index].shares) for index in chosen]
        turns = _attempt(wheels, amount, chosen, limits)
        if turns is not None:
            return turns
        if len(chosen) < 2 * side:
            break
    return None


def _attempt(
    wheels: Sequence[Wheel], amount: int, chosen: Sequence[int], limits: Sequence[int]
) -> list[int] | None:
    half = (len(chosen) + 1) // 2
    prices = [wheels[index].price for index in chosen]
    near = dict(_sums(prices[:half], limits[:half]))
    far = dict(_sums(prices[half:], limits[half:]))
    reserve = sum(limit * price for limit, price in zip(limits, prices, strict=True))
    for shift in range(SHIFTS):
        turns, left = _bulk(wheels, amount, dict(zip(chosen, limits, strict=True)), reserve // 2, shift)
        match = next((total for total in far if left - total in near), None)
        if match is not None:
            for index, count in zip(chosen, near[left - match] + far[match], strict=True):
                turns[index] += count
            return turns
    return None


def _sums(prices: Sequence[int], limits: Sequence[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    for counts in product(*(range(limit + 1) for limit in limits)):
        yield sum(count * price for count, price in zip(counts, prices, strict=True)), counts


def _bulk(
    wheels: Sequence[Wheel], amount: int, reserved: dict[int, int], leave: int, shift: int
) -> tuple[list[int], int]:
    """Fill until about `leave` is left, in order but for a start that `shift` moves; what is left."""
    turns, left = [0] * len(wheels), amount
    start = shift % max(1, len(wheels))
    for index in [*range(start, len(wheels)), *range(start)]:
        price, usable = wheels[index]
        room = usable - reserved.get(index, 0)
        turns[index] = max(0, min(room, (left - leave) // price))
        left -= turns[index] * price
    return turns, left
