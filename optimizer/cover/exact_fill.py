"""Covers of rungs of least bracket: those that free the required amount exactly meet the bound.

Where none is found that does, the least that such rungs free of enough is decided, if there are not too many.
"""

from collections.abc import Callable
from typing import NamedTuple

from optimizer.cover.diophantine import TRIES, Wheel, fill, tries_needed
from optimizer.cover.exact_keys import Level, exact_keys
from optimizer.cover.four_lists import bits, least_sum
from optimizer.cover.generalized_birthday import hit
from optimizer.cover.ladder import Ladder
from optimizer.cover.relaxation import Relaxation
from optimizer.enumeration.enumeration import Clock

FEW_TRIES = 1_000
"""Rests up to which two securities are expected to be quicker than lists of sums."""

ENOUGH = 16
"""How many times as many rests as are expected to be needed are tried at first."""

MAX_MOVES = 10_000
"""Deviations listed."""

FEW_BITS = 30
"""Binary places of the number of covers up to which a core decides more of them as quickly."""


def exact_fill(relaxation: Relaxation, expired: Clock) -> list[int] | None:
    """Rungs of least bracket that free `required` exactly, which no cover undercuts; None if not found."""
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
        return None if expired() else _level_fill(relaxation, expired)
    return [rung + count for rung, count in zip(relaxation.rungs, turns, strict=True)]


def _wheel(relaxation: Relaxation, index: int) -> Wheel:
    """The rungs below the chosen one that have the same, least bracket, as far as they free equal amounts."""
    ladder, rung = relaxation.ladders[index], relaxation.rungs[index]
    if rung == ladder.rungs.count - 1:
        return Wheel(1, 0)
    step = relaxation.deviation(index, rung + 1).gain
    last = rung
    for corner in ladder.corners():
        if corner > rung:
            penalty, gain, _, _ = relaxation.deviation(index, corner)
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
    part = -relaxation.surplus / most
    goals = [
        freed + part * (ladder.option(each[-1][1]).freed - freed)
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
    least = [rung for rung in ladder.corners() if relaxation.deviation(index, rung).penalty == 0]
    starts = ladder.rungs.starts
    parts = [
        [rung for rung in least if start <= rung < end]
        for start, end in zip(starts, starts[1:], strict=False)
    ]
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
    """The cheapest cover of rungs of least bracket, decided over all of them; None where they are too many, or few.

    Any other cover leaves a least bracket, so it costs as much more than the bound as the least penalty, or more.

    Args:
        relaxation: at costs of the first aim.
        cost: of the best cover known.
        expired: whether time is up.
    """
    p, q = relaxation.p, relaxation.q
    gap = cost * q - relaxation.bound
    level = relaxation.deviations(0, MAX_MOVES, expired)
    ways: list[list[tuple[int, int]]] = [[(0, rung)] for rung in relaxation.rungs]
    for move in level:
        ways[move.ladder].append((move.gain, move.rung))
    groups = [[gain for gain, _ in way] for way in ways]
    if not level.exhaustive or p == 0 or bits(groups) < FEW_BITS:
        return None
    found = least_sum(groups, -relaxation.surplus, -relaxation.surplus - (-gap // p), expired)
    rungs = None
    if found.sum is not None:
        gap = p * (found.sum + relaxation.surplus)
        rungs = [way[option][1] for way, option in zip(ways, found.options, strict=True)]
    others = relaxation.deviations(gap, MAX_MOVES, expired)
    if not (found.exhaustive and others.exhaustive):
        return LevelCover(rungs, 0)
    gap = min([gap, *(move.penalty for move in others if move.penalty)])
    return LevelCover(rungs, -(-(relaxation.bound + gap) // q))
