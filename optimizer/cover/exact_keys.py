"""Hit an amount exactly by choices that are equally good: most near a goal, some in all ways about it.

A sum of equally good choices that uses a limit up exactly meets the bound of its relaxation. The caller
says about what each position should use; those of the finest prices take all choices about that, whose sums
are met on the amount, and each of the others takes the one that is nearest.
"""

from collections.abc import Callable, Collection, Sequence
from math import gcd
from typing import NamedTuple

from optimizer.cover.least_sum import least_sum
from optimizer.enumeration.enumeration import Clock
from optimizer.problem.constraints import length

FREE_BITS = 48.0
"""Binary places of the number of sums that are met, at most."""

WINDOW, MAX_WINDOW = 6, 1 << 12
"""Choices of a free position where many are free, and where few are."""

FINE = 10**12
"""Prices are decimals: the less of this a number contains, the finer the amounts it reaches."""


class Level(NamedTuple):
    """Equally good choices of a position.

    Attributes:
        parts: the choices; within one, what is used is linear.
        use: what a choice uses, in units.
    """

    parts: tuple[range, ...]
    use: Callable[[int], int]

    def about(self, goal: float, count: int) -> list[int]:
        """The choices that use about as much as the goal, the nearest first."""
        found: list[int] = []
        for part in self.parts:
            low, last = self.use(part[0]), length(part) - 1
            more = self.use(part[-1]) - low
            place = min(max(round(last * ((goal - low) / more)), 0), last) if more else 0
            start = max(0, min(place - count // 2, last + 1 - count))
            found += part[start : start + count]
        return sorted(found, key=lambda key: (abs(self.use(key) - goal), key))[:count]

    def unit(self) -> int:
        """A common divisor of all changes of use."""
        first = self.use(self.parts[0][0])
        return gcd(*(self.use(key) - first for part in self.parts for key in (*part[:2], *part[-1:])))


def exact_keys(
    levels: Sequence[Level],
    goals: Sequence[float],
    amount: int,
    expired: Clock,
    *,
    fixed: Collection[int] = (),
) -> list[int] | None:
    """A choice of each position that use the amount together, exactly; None where none was found.

    Args:
        levels: position by position.
        goals: about what each should use, in units; together about the amount.
        amount: in units.
        expired: whether time is up.
        fixed: positions that take no choice but the nearest.
    """
    ways = _free(levels, goals, fixed)
    uses = {place: [levels[place].use(key) for key in keys] for place, keys in ways.items()}
    middle = sum((min(each) + max(each)) // 2 for each in uses.values())
    keys = _fixed(levels, goals, amount - middle, ways)
    left = amount - sum(levels[place].use(key) for place, key in keys.items())
    least = {place: min(each) for place, each in uses.items()}
    left -= sum(least.values())
    if not ways or left < 0:
        return None
    groups = [[use - least[place] for use in each] for place, each in uses.items()]
    found = least_sum(groups, left, left + 1, expired)
    if found.sum is None:
        return None
    keys |= {place: each[option] for (place, each), option in zip(ways.items(), found.options, strict=True)}
    return [keys[place] for place in range(len(levels))]


def _free(levels: Sequence[Level], goals: Sequence[float], fixed: Collection[int]) -> dict[int, list[int]]:
    """All choices about their goal of as many positions as can be met, those of the finest prices first."""
    units = [level.unit() for level in levels]
    common = gcd(*units) or 1
    turning = [place for place, unit in enumerate(units) if unit and place not in fixed]
    turning.sort(key=lambda place: (gcd(units[place] // common, FINE), units[place], place))
    window = min(MAX_WINDOW, max(WINDOW, int(2 ** (FREE_BITS / max(1, len(turning))))))
    ways: dict[int, list[int]] = {}
    size = 1
    for place in turning:
        near = levels[place].about(goals[place], window)
        if size * len(near) > 2**FREE_BITS:
            break
        ways[place] = near
        size *= len(near)
    return ways


def _fixed(
    levels: Sequence[Level], goals: Sequence[float], amount: int, free: dict[int, list[int]]
) -> dict[int, int]:
    """Choices of all other positions that use about the amount; what one misses, the next makes good."""
    places = [place for place in range(len(levels)) if place not in free]
    places.sort(key=lambda place: (-levels[place].unit(), place))
    missed = amount - sum(goals[place] for place in places)
    keys: dict[int, int] = {}
    for place in places:
        goal = goals[place] + missed
        keys[place] = levels[place].about(goal, 1)[0]
        missed = goal - levels[place].use(keys[place])
    return keys
