"""Hit an amount exactly by choices that are equally good: most positions near a goal, some in all ways about it.

A sum of equally good choices that hits a limit exactly meets the bound of its relaxation. Real numbers say about
where each position should be; the positions of the finest prices then take all choices about theirs, four lists
of which are met on the amount, and the others the choice nearest to theirs.
"""

from collections.abc import Callable, Sequence
from math import gcd
from typing import NamedTuple

from optimizer.cover.four_lists import least_sum
from optimizer.enumeration.enumeration import Clock
from optimizer.problem.constraints import length

FREE_BITS = 46.0
"""Binary places of the number of sums that are met."""

LEAST_WINDOW = 24
"""Choices of a free position, at least, where it has as many."""

FINE = 10**12
"""Prices are decimals: the less of this a number contains, the finer the amounts it reaches."""


class Level(NamedTuple):
    """Equally good choices of a position.

    Attributes:
        parts: the choices; within one, what is used is linear.
        use: what a choice uses.
    """

    parts: tuple[range, ...]
    use: Callable[[int], int]

    def about(self, goal: float, count: int) -> list[int]:
        """The choices nearest to a goal."""
        found: list[int] = []
        for part in self.parts:
            place = min(max(round((goal - part[0]) / part.step), 0), length(part) - 1)
            start = max(0, min(place - count // 2, length(part) - count))
            found += part[start : start + count]
        return sorted(found, key=lambda one: (abs(one - goal), one))[:count]

    def unit(self) -> int:
        """A common divisor of all changes of use."""
        first = self.use(self.parts[0][0])
        return gcd(*(self.use(key) - first for part in self.parts for key in (*part[:2], *part[-1:])))


def exact_keys(
    levels: Sequence[Level], goals: Sequence[float], amount: int, expired: Clock
) -> list[int] | None:
    """A choice of each position that use the amount together, exactly; None where none was found."""
    units = [level.unit() for level in levels]
    common = gcd(*units) or 1
    turning = [place for place, unit in enumerate(units) if unit]
    turning.sort(key=lambda place: (gcd(units[place] // common, FINE), units[place], place))
    window = max(LEAST_WINDOW, int(2 ** (FREE_BITS / max(1, len(turning)))))
    ways: dict[int, list[int]] = {}
    size = 1
    for place in turning:
        near = levels[place].about(goals[place], window)
        if size * len(near) <= 2**FREE_BITS:
            ways[place] = near
            size *= len(near)
    keys = [level.about(goal, 1)[0] for level, goal in zip(levels, goals, strict=True)]
    uses = {place: [levels[place].use(key) for key in near] for place, near in ways.items()}
    # What the others miss of the amount, so that it lies amid what the free ones reach.
    left = amount - sum((min(one) + max(one)) // 2 for one in uses.values())
    for place in sorted(set(range(len(levels))) - set(ways), key=lambda place: -units[place]):
        left -= levels[place].use(keys[place])
    for place in sorted(set(turning) - set(ways), key=lambda place: -units[place]):
        level, here = levels[place], levels[place].use(keys[place])
        other = min(level.about(goals[place], LEAST_WINDOW), key=lambda key: abs(left - level.use(key) + here))
        left, keys[place] = left - level.use(other) + here, other
    rest = amount - sum(level.use(key) for place, (level, key) in enumerate(zip(levels, keys, strict=True)) if place not in ways)
    bases = {place: min(one) for place, one in uses.items()}
    rest -= sum(bases.values())
    if not ways or rest < 0:
        return None
    found = least_sum([[use - bases[place] for use in one] for place, one in uses.items()], rest, rest + 1, expired)
    if found.sum is None:
        return None
    for (place, near), option in zip(ways.items(), found.options, strict=True):
        keys[place] = near[option]
    return keys
