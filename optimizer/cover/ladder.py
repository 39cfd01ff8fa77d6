"""The ways from a position's best shares to cheaper use of a scarce amount: cash, or turnover."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import NamedTuple

from optimizer.problem.constraints import Shares, clip, length
from optimizer.problem.line import Line

Measure = Callable[[Line, int], int]
"""A number of units for a position at given shares: a cost, or the use of a scarce amount."""


class Option(NamedTuple):
    """One rung of a ladder relative to its top: amount freed (units, >= 0) and cost (>= 0)."""

    freed: int
    cost: int


class Rungs:
    """Allowed shares in the order in which they are climbed down, without listing them."""

    def __init__(self, parts: Shares) -> None:
        self.parts = parts
        self.starts = [0, *accumulate(length(part) for part in parts)]

    @property
    def count(self) -> int:
        """How many there are: `len` ends at 2^63."""
        return self.starts[-1]

    def __getitem__(self, rung: int) -> int:
        parts = self.parts
        if len(parts) == 1:
            return parts[0][rung]
        place = bisect_right(self.starts, rung) - 1
        return parts[place][rung - self.starts[place]]

    def head(self, count: int) -> "Rungs":
        """The first `count` rungs."""
        pairs = zip(self.parts, self.starts, strict=False)
        return Rungs(tuple(part[: count - start] for part, start in pairs if count > start))

    @classmethod
    def down(cls, shares: Shares, top: int) -> "Rungs":
        """From `top` to ever fewer shares."""
        return cls(tuple(part[::-1] for part in reversed(clip(shares, None, top))))

    @classmethod
    def up(cls, shares: Shares, top: int) -> "Rungs":
        """From `top` to ever more shares."""
        return cls(clip(shares, top, None))

    @classmethod
    def towards(cls, shares: Shares, top: int, goal: int) -> "Rungs":
        """From `top` to ever nearer to `goal`, as far as is allowed."""
        if top <= goal:
            return cls(clip(shares, top, max(top, goal)))
        return cls.down(clip(shares, goal, None), top)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Allowed shares of one position, from the best one to ever lesser use of what is scarce.

    Attributes:
        line: the position.
        rungs: allowed shares; the first is the cheapest, and costs rise from there.
        cost: cost of a line at given shares.
        use: what is scarce, of a line at given shares.
    """

    line: Line
    rungs: Rungs
    cost: Measure
    use: Measure
    _top: Option = field(init=False, repr=False, compare=False)
    _corners: list[int] = field(init=False, repr=False, compare=False)
    _bends: list[Option] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        top = self.rungs[0]
        object.__setattr__(self, "_top", Option(self.use(self.line, top), self.cost(self.line, top)))
        object.__setattr__(self, "_corners", [])
        object.__setattr__(self, "_bends", [])

    def at(self, cost: Measure) -> "Ladder":
        """The same rungs at other costs, which bend at the same corners."""
        other = Ladder(self.line, self.rungs, cost, self.use)
        other._corners.extend(self.corners())
        return other

    def option(self, rung: int) -> Option:
        """What standing on `rung` frees and costs, against the top."""
        shares, line = self.rungs[rung], self.line
        return Option(self._top.freed - self.use(line, shares), self.cost(line, shares) - self._top.cost)

    def up_to(self, amount: int) -> "Ladder":
        """Without the rungs below the first that frees `amount` alone: they cost more to no avail."""
        count = self.first_freeing(amount) + 1
        return self if count >= self.rungs.count else replace(self, rungs=self.rungs.head(count))

    def first_freeing(self, amount: int) -> int:
        """The first rung that frees at least `amount`; the number of rungs if none does."""
        goal = self._top.freed - amount
        return self._first(lambda shares: self.use(self.line, shares) <= goal)

    def corners(self) -> list[int]:
        """Rungs between which the cost is linear: the ends of ranges, those about target and holding."""
        if not self._corners:
            self._corners.extend(self._find_corners())
        return self._corners

    def bends(self) -> list[Option]:
        """What the corners free and cost."""
        if not self._bends:
            self._bends.extend(map(self.option, self.corners()))
        return self._bends

    def _find_corners(self) -> list[int]:
        line, around = self.line, {0}
        pivots = line.held, (line.target - line.residual) // line.price
        for part, start in zip(self.rungs.parts, self.rungs.starts, strict=False):
            last = length(part) - 1
            places = {0, last}
            for pivot in pivots:
                place = (pivot - part.start) // part.step
                places |= {min(max(place + step, 0), last) for step in (-1, 0, 1, 2)}
            around |= {start + place for place in places}
        return sorted(around)

    def _first(self, holds: Callable[[int], bool]) -> int:
        """The first rung for which `holds` is true, as it is for all below; the number of rungs if none."""
        low, high = 0, self.rungs.count
        while low < high:
            middle = (low + high) // 2
            if holds(self.rungs[middle]):
                high = middle
            else:
                low = middle + 1
        return low
