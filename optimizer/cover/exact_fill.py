"""Covers of rungs of least bracket: those that free the required amount exactly meet the bound.

Where none is found that does, the least that such rungs free of enough is decided, if there are not too many.
"""

from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from math import log2
from typing import NamedTuple

from optimizer.cover.diophantine import TRIES, Wheel, fill, tries_needed
from optimizer.cover.generalized_birthday import hit
from optimizer.cover.ladder import Ladder
from optimizer.cover.relaxation import Relaxation
from optimizer.enumeration.enumeration import Clock
from optimizer.subset_sum.exact_keys import Level, exact_keys
from optimizer.subset_sum.least_sum import least_sum

FEW_TRIES = 1_000
"""Rests up to which two securities are expected to be quicker than lists of sums."""

ENOUGH = 16
"""How many times as many rests as are expected to be needed are tried at first."""

MAX_LISTED = 1 << 17
"""Rungs of ladders of several ranges, which are listed one by one."""

FEW_BITS = 30
"""Binary places of the number of covers up to which a core decides more of them as quickly."""


def exact_fill(relaxation: Relaxation, expired: Clock, *, apart: bool = True) -> list[int] | None:
    """Rungs of least bracket that free `required` exactly, which no cover undercuts; None if not found.

    Args:
        relaxation: at costs that have rungs of equal cost ratio.
        expired: whether time is up.
        apart: whether rungs that lie apart are tried, too, which takes longer.
    """
    wheels = [_wheel(relaxation, index) for index in range(len(relaxation.ladders))]
    tries = tries_needed(wheels)
    turns = None
    if tries <= FEW_TRIES:
        turns = fill(wheels, -relaxation.surplus, expired, most_tries=ENOUGH * (1 + tries))
    if turns is None and not expired():
        turns = hit(wheels, -relaxation.surplus, expired)
    if turns is None and tries <= TRIES and not expired():
        turns = fill(wheels, -relaxation.surplus, expired)
    if turns is None:
        return _level_fill(relaxation, expired) if apart and not expired() else None
    return [rung + count for rung, count in zip(relaxation.rungs, turns, strict=True)]


def _wheel(relaxation: Relaxation, index: int) -> Wheel:
    """The rungs below the chosen one that have the same, least bracket, as far as they free equal amounts."""
    ladder, rung = relaxation.ladders[index], relaxation.rungs[index]
    if rung == ladder.rungs.count - 1:
        return Wheel(1, 0)
    step = relaxation.deviation(index, rung + 1).gain
    last = rung
    for corner, penalty, gain in relaxation.corners(index):
        if corner > rung:
            if penalty > 0 or gain != (corner - rung) * step:
                break
            last = corner
    return Wheel(max(step, 1), last - rung if step > 0 else 0)


def _level_fill(relaxation: Relaxation, expired: Clock) -> list[int] | None:
    """The same of all rungs of least bracket, also of those that lie apart: each ladder gives its part."""
    ladders = relaxation.ladders
    ends = [_least_ends(relaxation, index) for index in range(len(ladders))]
    most = sum(ladder.option(each[-1][1]).freed for ladder, each in zip(ladders, ends, strict=True))
    most -= sum(relaxation.freed)
    if not 0 < -relaxation.surplus <= most:
        return None
    goals = [
        freed - relaxation.surplus * (ladder.option(each[-1][1]).freed - freed) // most
        for ladder, each, freed in zip(ladders, ends, relaxation.freed, strict=True)
    ]
    levels = [
        Level(tuple(range(low, high + 1) for low, high in each), _freed(ladder))
        for ladder, each in zip(ladders, ends, strict=True)
    ]
    return exact_keys(levels, goals, relaxation.required, expired)


def _freed(ladder: Ladder) -> Callable[[int], int]:
    return lambda rung: ladder.option(rung).freed


def _least_ends(relaxation: Relaxation, index: int) -> list[tuple[int, int]]:
    """The first and last rung of least bracket in each range of a ladder that has any."""
    ladder = relaxation.ladders[index]
    least = [rung for rung, penalty, _ in relaxation.corners(index) if penalty == 0]
    starts = ladder.rungs.starts
    parts = [[rung for rung in least if start <= rung < end] for start, end in pairwise(starts)]
    return [(part[0], part[-1]) for part in parts if part]


class LevelCover(NamedTuple):
    """What is known of covers of rungs of least bracket.

    Attributes:
        rungs: the cheapest such cover that is cheaper than what was known, if any.
        bound: of all covers, in units of cost.
    """

    rungs: list[int] | None
    bound: int


def least_level_cover(relaxation: Relaxation, cost: int, expired: Clock) -> LevelCover | None:
    """The cheapest cover of rungs of least bracket, decided over all of them; None if too many, or few.

    Any other cover leaves a least bracket, so it costs more than the bound by the least penalty, or more.

    Args:
        relaxation: at costs of the first aim.
        cost: of the best cover known.
        expired: whether time is up.
    """
    p, q, amount = relaxation.p, relaxation.q, -relaxation.surplus
    gap = cost * q - relaxation.bound
    spans = [_least_ends(relaxation, index) for index in range(len(relaxation.ladders))]
    counts = [sum(high - low + 1 for low, high in each) for each in spans]
    listed = sum(count for count, each in zip(counts, spans, strict=True) if len(each) > 1)
    if p == 0 or sum(map(log2, counts)) < FEW_BITS or listed > MAX_LISTED:
        return None
    groups = [_gains(relaxation, index, each) for index, each in enumerate(spans)]
    found = least_sum(groups, amount, amount - (-gap // p), expired)
    rungs = None
    if found.sum is not None:
        gap = p * (found.sum - amount)
        rungs = [_rung(each, option) for each, option in zip(spans, found.options, strict=True)]
    if not found.exhaustive:
        return LevelCover(rungs, 0)
    gap = min(gap, *(_least_penalty(relaxation, index) or gap for index in range(len(spans))))
    return LevelCover(rungs, -(-(relaxation.bound + gap) // q))


def _gains(relaxation: Relaxation, index: int, spans: Sequence[tuple[int, int]]) -> Sequence[int]:
    """What rungs of least bracket free beyond the least: within a range of a ladder, in equal steps."""
    ladder, freed = relaxation.ladders[index], relaxation.freed[index]
    parts: list[range] = []
    for low, high in spans:
        first = ladder.option(low).freed - freed
        step = ladder.option(low + 1).freed - freed - first if high > low else 1
        parts.append(range(first, first + (high - low) * step + 1, step) if step else range(first, first + 1))
    return parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))


def _rung(spans: Sequence[tuple[int, int]], option: int) -> int:
    for low, high in spans:
        if option <= high - low:
            return low + option
        option -= high - low + 1
    raise AssertionError


def _least_penalty(relaxation: Relaxation, index: int) -> int | None:
    """The least penalty of a ladder above none: penalties are linear between corners."""
    ends = [(rung, penalty) for rung, penalty, _ in relaxation.corners(index)]
    found = [penalty for _, penalty in ends]
    for (low, one), (high, other) in pairwise(ends):
        if bool(one) != bool(other):
            found.append(relaxation.deviation(index, high - 1 if one else low + 1).penalty)
    return min((penalty for penalty in found if penalty), default=None)
