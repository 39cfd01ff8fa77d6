"""Fill an amount exactly with whole shares of equal merit: a bounded linear Diophantine equation.

With many shares to choose from, an exact fill exists almost always. Two securities absorb the bulk: the
solutions of `a x + b y = rest` are known in closed form (extended Euclid), so it takes a look at one
residue to see whether one of them is in range. Small changes of the other securities provide the rests.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from math import gcd
from typing import NamedTuple

TRIES = 40_000
"""Rests tried before an exact fill is given up."""

CLOCK_TRIES = 1_024
"""Rests tried between two looks at the clock."""

REACH = (6, 12, 24)
"""Largest change of each other security, in shares, in ascending order of effort."""

OTHERS = 4
"""Other securities that change."""


FEW = 2
"""Securities that need no other's changes."""


class Wheel(NamedTuple):
    """A security to fill with: the price of a share and how many shares may be used."""

    price: int
    shares: int


def fill(
    wheels: Sequence[Wheel],
    amount: int,
    expired: Callable[[], bool] = lambda: False,
    *,
    most_tries: int = TRIES,
) -> list[int] | None:
    """Shares of every wheel whose prices add up to `amount` exactly, or None where none was found."""
    if amount < 0:
        return None
    order = sorted(
        (index for index, wheel in enumerate(wheels) if wheel.shares > 0),
        key=lambda index: (-wheels[index].shares, index),
    )
    pair = order[:2]
    turns, rest = _bulk(wheels, amount, pair)
    tries = islice(_changes(wheels, turns, order[2 : 2 + OTHERS]), most_tries)
    for place, changes in enumerate(tries):
        if place % CLOCK_TRIES == CLOCK_TRIES - 1 and expired():
            return None
        left = rest - sum(wheels[index].price * change for index, change in changes)
        found = _pair(wheels, pair, left)
        if found is not None:
            for index, change in [*changes, *zip(pair, found, strict=False)]:
                turns[index] += change
            return turns
    return None


def tries_needed(wheels: Sequence[Wheel]) -> int:
    """About how many rests it takes until the pair of longest range absorbs one; 0 if there is no pair.

    Of `b` rests in a row (in units of what all prices have in common) the pair `a x + b y` absorbs one for
    every value that x may take.
    """
    turning = sorted((wheel for wheel in wheels if wheel.shares > 0), key=lambda wheel: -wheel.shares)
    if len(turning) <= FEW:
        return 0
    return turning[1].price // (gcd(*(wheel.price for wheel in turning)) * (turning[0].shares + 1))


def _bulk(wheels: Sequence[Wheel], amount: int, pair: Sequence[int]) -> tuple[list[int], int]:
    """Fill with all but the pair, in order, until about half of what the pair can take is left."""
    room = sum(wheels[index].price * wheels[index].shares for index in pair) // 2
    turns = [0] * len(wheels)
    for index, (price, shares) in enumerate(wheels):
        if index not in pair and amount > room:
            turns[index] = min(shares, (amount - room) // price)
            amount -= turns[index] * price
    return turns, amount


def _changes(
    wheels: Sequence[Wheel], turns: Sequence[int], others: Sequence[int]
) -> Iterator[list[tuple[int, int]]]:
    """Small changes of some securities, within their ranges."""
    for reach in REACH:
        spans = [
            range(max(-turns[index], -reach), min(wheels[index].shares - turns[index], reach) + 1)
            for index in others
        ]
        for changes in product(*(sorted(span, key=abs) for span in spans)):
            yield list(zip(others, changes, strict=True))


def _pair(wheels: Sequence[Wheel], pair: Sequence[int], amount: int) -> tuple[int, ...] | None:
    """Shares of at most two wheels worth `amount` exactly: the middle one of all solutions."""
    if len(pair) < 2:  # noqa: PLR2004 - a pair
        shares, rest = divmod(amount, wheels[pair[0]].price) if pair else (0, amount)
        return (shares,) if rest == 0 and 0 <= shares <= (wheels[pair[0]].shares if pair else 0) else None
    first, second = (wheels[index] for index in pair)
    common = gcd(first.price, second.price)
    if amount % common:
        return None
    period = second.price // common
    least = max(0, -((second.price * second.shares - amount) // first.price))
    most = min(first.shares, amount // first.price)
    residue = amount // common * pow(first.price // common, -1, period)
    start = least + (residue - least) % period
    if start > most:
        return None
    shares = start + (most - start) // (2 * period) * period
    return shares, (amount - shares * first.price) // second.price
