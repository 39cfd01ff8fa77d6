"""What a good cover costs, known before any search: the less it is, the fewer covers are left to look at.

All sets of the cheapest deviations are met in the middle (Horowitz and Sahni, J. ACM 21, 1974): for each set
of one half, the cheapest of the other that frees enough. Floats propose a set; its value is counted in
integers.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optimizer.cover.branch_and_bound import Deviation

HALF = 9
"""Deviations in a half, at most."""

SETS = (np.arange(1 << HALF)[:, None] >> np.arange(HALF) & 1).astype(np.float64)
"""All sets of a half, one a row; those of the first n deviations are the first 2^n."""


def first_value(moves: Sequence[Deviation], price: int, short: int, best: int) -> int:
    """The value of the best cover by the first moves, or `best`, whichever is less.

    Args:
        moves: the cheapest first, one a ladder, none of a penalty above `best`.
        price: what a unit of surplus adds to a value.
        short: the cash to free, above 0.
        best: a value that is known, above 0.
    """
    one, other = moves[: 2 * HALF : 2], moves[1 : 2 * HALF : 2]
    unit = 1 << short.bit_length()  # a power of two, so that sums of short numbers stay exact
    worth = price * unit / best
    gains, values = _sums(one, unit, best, worth)
    more, rest = _sums(other, unit, best, worth)
    order = gains.argsort()
    gains, values = gains[order], values[order]
    least = np.append(np.minimum.accumulate(values[::-1])[::-1], np.inf)
    starts = gains.searchsorted(short / unit - more)
    totals = least[starts] + rest
    place = int(totals.argmin())
    start = int(starts[place])
    if start == len(gains):
        return best
    chosen = _picked(one, int(order[start + values[start:].argmin()])) + _picked(other, place)
    surplus = sum([move.gain for move in chosen]) - short
    return min(best, sum([move.penalty for move in chosen]) + price * surplus) if surplus >= 0 else best


def _sums(
    moves: Sequence[Deviation], unit: int, best: int, worth: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What every set gains, and what it adds to the value, in parts of the best one."""
    sets = SETS[: 1 << len(moves), : len(moves)]
    gains = sets @ np.array([move[1] / unit for move in moves])
    return gains, sets @ np.array([move[0] / best for move in moves]) + worth * gains


def _picked(moves: Sequence[Deviation], number: int) -> list[Deviation]:
    return [move for place, move in enumerate(moves) if number >> place & 1]
