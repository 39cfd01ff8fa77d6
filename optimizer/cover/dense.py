"""Decides covers of amounts of few units, as of prices in cents: all amounts one after the other.

    f_i(m) = min over rungs k of ladder i of cost_i(k) + f_(i+1)(m - freed_i(k)),   f(m) = 0 for m <= 0

(Bellman, "Dynamic Programming", 1957; for one class of items after the other: Dudzinski and Walukiewicz,
European Journal of Operational Research 28, 1987). Where more is freed than kept, the amounts are those that
may be kept. Costs are all aims, one after the other, so ties are decided too: ladders are taken from the last
to the first, and of equal rungs the one of fewest shares.
"""

from collections.abc import Callable, Sequence
from math import gcd
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.cover.ladder import Ladder
from optimizer.cover.relaxation import freed_unit
from optimizer.enumeration.enumeration import Clock
from optimizer.enumeration.states import BEYOND, SUM_BITS

Integers: TypeAlias = NDArray[np.int64]

MAX_CELLS = 1 << 21
"""Amounts in a table."""

MAX_CHOICES = 1 << 26
"""Bytes that remember the rungs chosen."""

MAX_RUNGS = 250
"""Rungs of a ladder: they fit a byte."""


def work(ladders: Sequence[Ladder], required: int) -> int | None:
    """Steps that a table takes; None if there is none of bearable size."""
    if any(ladder.rungs.count > MAX_RUNGS for ladder in ladders):
        return None
    cells, _ = _cells(ladders, required)
    if cells > MAX_CELLS or cells * len(ladders) > MAX_CHOICES:
        return None
    return cells * sum(ladder.rungs.count for ladder in ladders)


def densest_cover(
    ladders: Sequence[Ladder],
    required: int,
    aims: Callable[[Ladder, int], tuple[int, int, int]],
    expired: Clock,
) -> list[int] | None:
    """The best cover by all aims, settled to the last tie; None if numbers are too long, or time is up.

    Args:
        ladders: in order of their positions; `work` must have found a table for them.
        required: what to free.
        aims: of a ladder at a rung.
        expired: whether time is up.
    """
    costs = [[aims(ladder, rung) for rung in range(ladder.rungs.count)] for ladder in ladders]
    scaled = _scaled(costs)
    if scaled is None:
        return None
    cells, unit = _cells(ladders, required)
    keeps = _is_kept(ladders, required)
    amounts = [_amounts(ladder, unit, keeps=keeps) for ladder in ladders]
    first, later = np.zeros((2, cells), dtype=np.int64)
    if not keeps:
        first[1:] = BEYOND  # nothing is left to free it
    chosen: list[NDArray[np.uint8]] = []
    for ladder, way, cost in zip(reversed(ladders), reversed(amounts), reversed(scaled), strict=True):
        if expired():
            return None
        # From the fewest shares on: the first of equal rungs stays.
        order = sorted(range(len(way)), key=ladder.rungs.__getitem__)
        first, later, picked = _added(
            first, later, [(rung, way[rung], *cost[rung]) for rung in order], keeps=keeps
        )
        chosen.append(picked)
    left, rungs = cells - 1, []
    for way, picked in zip(amounts, reversed(chosen), strict=True):
        rung = int(picked[left])
        rungs.append(rung)
        left = max(0, left - way[rung])
    return rungs


def _is_kept(ladders: Sequence[Ladder], required: int) -> bool:
    return 2 * required > sum(ladder.option(ladder.rungs.count - 1).freed for ladder in ladders)


def _cells(ladders: Sequence[Ladder], required: int) -> tuple[int, int]:
    """Amounts from nothing to the lesser of what is required and what may be kept, and their unit."""
    unit = freed_unit(ladders) or 1
    all_freed = sum(ladder.option(ladder.rungs.count - 1).freed for ladder in ladders)
    amount = all_freed - required if _is_kept(ladders, required) else required
    # Rounding keeps what is possible: whole units cover as soon as they are as many as required, rounded up.
    return (amount // unit if _is_kept(ladders, required) else -(-amount // unit)) + 1, unit


def _amounts(ladder: Ladder, unit: int, *, keeps: bool) -> list[int]:
    freed = [ladder.option(rung).freed // unit for rung in range(ladder.rungs.count)]
    return [freed[-1] - one for one in freed] if keeps else freed


def _scaled(costs: Sequence[Sequence[tuple[int, int, int]]]) -> list[list[tuple[int, int]]] | None:
    """First aims, and both later aims as one number, against the best rung and in common units."""
    later_unit = len(costs) + 1
    pairs = [[(one[0], one[1] * later_unit + one[2]) for one in ways] for ways in costs]
    less = [[(one[0] - ways[0][0], one[1] - ways[0][1]) for one in ways] for ways in pairs]
    unit = gcd(*(one[0] for ways in less for one in ways)) or 1
    found = [[(one[0] // unit, one[1]) for one in ways] for ways in less]
    for part in range(2):
        if sum(max(abs(one[part]) for one in ways) for ways in found).bit_length() > SUM_BITS:
            return None
    return found


def _added(
    first: Integers, later: Integers, options: Sequence[tuple[int, int, int, int]], *, keeps: bool
) -> tuple[Integers, Integers, NDArray[np.uint8]]:
    """The tables with one more ladder, and the rung that each amount takes."""
    cells = len(first)
    best = np.full(cells, np.iinfo(np.int64).max), np.full(cells, np.iinfo(np.int64).max)
    picked = np.zeros(cells, dtype=np.uint8)
    for rung, amount, cost, other in options:
        if amount < cells:
            before = slice(0, cells - amount)
            _lower(best, picked, rung, slice(amount, None), (first[before] + cost, later[before] + other))
        if not keeps and amount:
            end = min(amount, cells)
            whole = np.full(end, first[0] + cost), np.full(end, later[0] + other)
            _lower(best, picked, rung, slice(0, end), whole)
    return best[0], best[1], picked


def _lower(
    best: tuple[Integers, Integers],
    picked: NDArray[np.uint8],
    rung: int,
    span: slice,
    found: tuple[Integers, Integers],
) -> None:
    first, later = found
    better = (first < best[0][span]) | ((first == best[0][span]) & (later < best[1][span]))
    np.copyto(best[0][span], first, where=better)
    np.copyto(best[1][span], later, where=better)
    np.copyto(picked[span], np.uint8(rung), where=better)
