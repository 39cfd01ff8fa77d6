"""Hit an amount exactly by choices that are equally good: most near a goal, some in all ways about it.

A sum of equally good choices that uses a limit up exactly meets the bound of its relaxation. The caller
says about what each position should use; those of the finest prices take all choices about that, whose sums
are met on the amount, and each of the others takes the one that is nearest.
"""

from collections.abc import Callable, Collection, Sequence
from math import gcd, log2, prod
from typing import NamedTuple

from optimizer.enumeration.enumeration import Clock
from optimizer.problem.constraints import length
from optimizer.subset_sum.least_sum import least_sum

FREE_BITS, RANGE_BITS = 48.0, 22.0
"""Binary places of the number of sums that are met, at most, and of those that a range completes."""

LEAST_HITS = 4
"""Hits expected of sums that a range completes, below which they are not tried."""

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

    def about(self, goal: int, count: int) -> list[int]:
        """The choices that use about as much as the goal, the nearest first."""
        found: list[int] = []
        for part in self.parts:
            low, last = self.use(part[0]), length(part) - 1
            more = self.use(part[-1]) - low
            place = min(max(round(last * ((goal - low) / more)), 0), last) if more else 0
            start = max(0, min(place - count // 2, last + 1 - count))
            found += part[start : start + count]
        return sorted(found, key=lambda key: (abs(self.use(key) - goal), key))[:count]

    def part(self, goal: int) -> range:
        """The range that has the choice nearest to the goal, from the least use on."""
        nearest = self.about(goal, 1)[0]
        part = next(part for part in self.parts if nearest in part)
        return part if self.use(part[0]) <= self.use(part[-1]) else part[::-1]

    def unit(self) -> int:
        """A common divisor of all changes of use."""
        first = self.use(self.parts[0][0])
        return gcd(*(self.use(key) - first for part in self.parts for key in (*part[:2], *part[-1:])))


def exact_keys(
    levels: Sequence[Level],
    goals: Sequence[int],
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
    turning = [place for place, level in enumerate(levels) if level.unit() and place not in fixed]
    if not turning:
        return None
    ways = _with_range(levels, goals, turning) or _windows(levels, goals, turning)
    uses = {place: _uses(levels[place], keys) for place, keys in ways.items()}
    middle = sum(
        goals[place] if isinstance(each, range) else (min(each) + max(each)) // 2
        for place, each in uses.items()
    )
    keys = _fixed(levels, goals, amount - middle, ways)
    least = {place: each[0] if isinstance(each, range) else min(each) for place, each in uses.items()}
    left = amount - sum(levels[place].use(key) for place, key in keys.items()) - sum(least.values())
    if left < 0:
        return None
    groups = [_above(each, least[place]) for place, each in uses.items()]
    found = least_sum(groups, left, left + 1, expired)
    if found.sum is None:
        return None
    keys |= {place: each[option] for (place, each), option in zip(ways.items(), found.options, strict=True)}
    return [keys[place] for place in range(len(levels))]


def _windows(
    levels: Sequence[Level], goals: Sequence[int], turning: Sequence[int]
) -> dict[int, Sequence[int]]:
    """All choices about their goal of as many positions as can be met, those of the finest prices first."""
    units = {place: levels[place].unit() for place in turning}
    common = gcd(*units.values())
    order = sorted(turning, key=lambda place: (gcd(units[place] // common, FINE), units[place], place))
    return _about(levels, goals, order, FREE_BITS)


def _with_range(
    levels: Sequence[Level], goals: Sequence[int], turning: Sequence[int]
) -> dict[int, Sequence[int]] | None:
    """All choices of the longest range and some of the others, where a hit is expected of so many."""
    parts = {place: levels[place].part(goals[place]) for place in turning}
    longest = max(turning, key=lambda place: length(parts[place]))
    others = [place for place in turning if place != longest]
    if length(parts[longest]) <= MAX_WINDOW:
        return None
    ways = _about(levels, goals, others, RANGE_BITS)
    step = levels[longest].unit() // gcd(*(levels[place].unit() for place in turning))
    if prod(map(len, ways.values())) < LEAST_HITS * step:
        return None
    ways[longest] = parts[longest]
    return ways


def _about(
    levels: Sequence[Level], goals: Sequence[int], order: Sequence[int], bits: float
) -> dict[int, Sequence[int]]:
    """The choices about their goal of as many positions as may be; few leave more to others."""
    if len(order) * log2(WINDOW) <= bits:
        order = sorted(order, key=lambda place: (sum(map(length, levels[place].parts)), place))
    ways: dict[int, Sequence[int]] = {}
    for done, place in enumerate(order):
        window = min(MAX_WINDOW, max(WINDOW, int(2 ** (bits / (len(order) - done)))))
        near = levels[place].about(goals[place], window)
        if log2(len(near)) > bits:
            break
        bits -= log2(len(near))
        ways[place] = near
    return ways


def _uses(level: Level, keys: Sequence[int]) -> Sequence[int]:
    if not isinstance(keys, range):
        return [level.use(key) for key in keys]
    first, second = level.use(keys[0]), level.use(keys[1])
    return range(first, level.use(keys[-1]) + 1, second - first)


def _above(uses: Sequence[int], least: int) -> Sequence[int]:
    if isinstance(uses, range):
        return range(uses.start - least, uses.stop - least, uses.step)
    return [use - least for use in uses]


def _fixed(
    levels: Sequence[Level], goals: Sequence[int], amount: int, free: Collection[int]
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
