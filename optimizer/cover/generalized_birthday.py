"""Hit an amount exactly with whole shares of many securities: the generalized birthday problem.

    sum_i price_i * n_i = amount,     0 <= n_i <= shares_i

Prices of eight decimals make the unit of money so small that two securities seldom absorb a rest. But n
securities with a few shares of play each have far more sums than there are units in their spread, so many
of these sums are exact, and four lists of sums find one: pairs of the first two lists and pairs of the
last two are joined where they agree modulo the length of a list, which leaves as many pairs as a list has
sums; these are joined on the amount itself (Wagner, "A Generalized Birthday Problem", CRYPTO 2002; the
split of a sum in halves: Horowitz and Sahni, J. ACM 21, 1974). With lists of N sums, modulus N and a spread
of S units, N^3 / S hits are expected. All of it is int64 within bounds that are checked first.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from math import exp, gcd, pi, prod, sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.cover.diophantine import Wheel

Integers: TypeAlias = NDArray[np.int64]

LISTS = 4
"""Lists of sums."""

SIZE = 16_384
"""Sums in a list, at most."""

MODULUS = 16_381
"""A prime near the size of a list: pairs that agree modulo it are as many as a list has sums."""

MAX_PAIRS = 4 * SIZE
"""Pairs kept of two lists; sums that share few residues would have far more."""

WIDTHS = (8, 5, 12, 24, 3, 2)
"""Numbers of shares that a security may take in the lists, in the order tried."""

ROUNDS = 2
"""Residues tried for one set of lists."""

LEAST_HITS = 0.2
"""Hits expected of a residue, below which none is tried."""

FINE = 10**12
"""Prices are decimals: the less of this a price contains, the finer the amounts it reaches."""

FEWEST = 12
"""An amount of fewer shares of a security than this is too small for it to be in the lists."""

MAX_SUM = 1 << 61
"""Sums stay below this, so that int64 holds them and their differences."""


class Window(NamedTuple):
    """The play of one security in the lists: from 0 to width - 1 shares."""

    wheel: int
    price: int
    width: int


class Pairs(NamedTuple):
    """Pairs of two lists: their sums, and their places in either list."""

    sums: Integers
    first: Integers
    second: Integers


def hit(wheels: Sequence[Wheel], amount: int, expired: Callable[[], bool]) -> list[int] | None:
    """Shares of every wheel whose prices add up to `amount` exactly, or None where none was found."""
    unit = gcd(*(price for price, shares in wheels if shares > 0))
    if unit == 0 or amount < 0 or amount % unit:
        return None
    small = [Wheel(price // unit if shares > 0 else 1, shares) for price, shares in wheels]
    for width in WIDTHS:
        groups = _groups(small, width, amount // unit)
        turns = _base(small, groups, amount // unit)
        if turns is None:
            continue
        left = amount // unit - sum(wheel.price * count for wheel, count in zip(small, turns, strict=True))
        if _is_promising(groups, left):
            chosen = _chosen(groups, left, expired)
            if chosen is not None:
                for window, count in chosen:
                    turns[window.wheel] += count
                return turns
        if expired():
            return None
    return None


def _groups(wheels: Sequence[Wheel], width: int, amount: int) -> list[list[Window]]:
    """The securities of each list: dealt in turn, those of the finest prices first, none too dear."""
    order = sorted(
        (index for index, (price, shares) in enumerate(wheels) if shares > 0 and price * FEWEST <= amount),
        key=lambda index: (gcd(wheels[index].price, FINE), wheels[index].price, index),
    )
    groups: list[list[Window]] = []
    for start in range(LISTS):
        size, group = 1, []
        for index in order[start::LISTS]:
            play = min(width, wheels[index].shares + 1, SIZE // size)
            if play > 1:
                size *= play
                group.append(Window(index, wheels[index].price, play))
        groups.append(group)
    return groups


def _is_promising(groups: Sequence[Sequence[Window]], target: int) -> bool:
    """Whether a hit is to be expected: a guess in floats, which only decides whether it is tried.

    The sums, which are about normally distributed, have to be as many as the units near the target, also
    where most prices are round: the finer ones alone have to reach every rest of the round ones.
    """
    windows = [window for group in groups for window in group]
    if not all(groups):
        return False
    spread = sqrt(sum(price**2 * (width**2 - 1) / 12 for _, price, width in windows))
    off = (target - sum(price * (width - 1) for _, price, width in windows) / 2) / spread
    density = exp(-off * off / 2) / (spread * sqrt(2 * pi))
    if prod(width for _, _, width in windows) * density < LEAST_HITS * MODULUS:
        return False
    return all(
        prod(width for _, price, width in windows if price % scale) >= scale
        for scale in (10**places for places in range(1, 13))
        if any(price % scale == 0 for _, price, _ in windows)
    )


def _base(wheels: Sequence[Wheel], groups: Sequence[Sequence[Window]], amount: int) -> list[int] | None:
    """Shares that leave about half of what the lists can take, or all; None if there are too few."""
    room = [wheel.shares for wheel in wheels]
    middle = 0
    for window in (window for group in groups for window in group):
        room[window.wheel] -= window.width - 1
        middle += window.price * (window.width - 1)
    left = max(0, amount - middle // 2)
    most = sum(count * wheel.price for count, wheel in zip(room, wheels, strict=True))
    if left > most:
        return None
    turns = [count * left // max(1, most) for count in room]
    left -= sum(count * wheel.price for count, wheel in zip(turns, wheels, strict=True))
    for index in sorted(range(len(wheels)), key=lambda index: (-wheels[index].price, index)):
        more = min(room[index] - turns[index], left // wheels[index].price)
        turns[index] += more
        left -= more * wheels[index].price
    return turns


def _chosen(
    groups: Sequence[Sequence[Window]], target: int, expired: Callable[[], bool]
) -> list[tuple[Window, int]] | None:
    """How many shares each security of the lists takes to add up to `target`; None if not found."""
    most = sum(window.price * window.width for group in groups for window in group)
    if not 0 <= target <= most < MAX_SUM:
        return None
    places = _meet([_sums(group) for group in groups], target, expired)
    if places is None:
        return None
    chosen: list[tuple[Window, int]] = []
    for group, place in zip(groups, places, strict=True):
        counts = np.unravel_index(place, [window.width for window in group])
        chosen += [(window, int(count)) for window, count in zip(group, counts, strict=True)]
    return chosen


def _sums(group: Sequence[Window]) -> Integers:
    """All sums of a group, in the order of `unravel_index`."""
    parts = (np.arange(window.width, dtype=np.int64) * window.price for window in group)
    return reduce(lambda sums, part: np.add.outer(sums, part).ravel(), parts)


def _meet(lists: Sequence[Integers], target: int, expired: Callable[[], bool]) -> tuple[int, ...] | None:
    """One place in each of the four lists such that the sums there add up to `target`."""
    sorted_lists = [_by_residue(sums) for sums in lists[1::2]]
    for turn in range(ROUNDS):
        if expired():
            return None
        one = _join(lists[0], lists[1], sorted_lists[0], turn)
        other = _join(lists[2], lists[3], sorted_lists[1], (target - turn) % MODULUS)
        if not len(one.sums) or not len(other.sums):
            continue
        order = np.argsort(other.sums, kind="stable")
        needed = target - one.sums
        found = np.minimum(np.searchsorted(other.sums, needed, sorter=order), len(order) - 1)
        hits = np.flatnonzero(other.sums[order[found]] == needed)
        if len(hits):
            left, right = hits[0], order[found[hits[0]]]
            places = one.first[left], one.second[left], other.first[right], other.second[right]
            return tuple(map(int, places))
    return None


def _by_residue(sums: Integers) -> tuple[Integers, Integers]:
    """Places in ascending order of residue, and these residues."""
    residues = sums % MODULUS
    order = np.argsort(residues, kind="stable")
    return order, residues[order]


def _join(first: Integers, second: Integers, ordered: tuple[Integers, Integers], residue: int) -> Pairs:
    """Pairs whose sum has the residue, as many as are kept."""
    order, residues = ordered
    needed = (residue - first) % MODULUS
    start = np.searchsorted(residues, needed, side="left")
    counts = np.searchsorted(residues, needed, side="right") - start
    ends = np.cumsum(counts)
    keep = int(np.searchsorted(ends, MAX_PAIRS, side="right"))
    start, counts, ends = start[:keep], counts[:keep], ends[:keep]
    one = np.repeat(np.arange(keep), counts)
    within = np.arange(len(one)) - np.repeat(ends - counts, counts)
    two = order[np.repeat(start, counts) + within]
    return Pairs(first[one] + second[two], one, two)
