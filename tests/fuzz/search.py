"""The best orders by depth-first search over every position's orders, cheapest first: exact, for small cases.

Branches are cut where the cheapest of all that is left cannot be better, or cannot keep a limit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import merge
from itertools import accumulate
from math import lcm

from tests.fuzz.rules import Rules


def size(part: range) -> int:
    """The length of a range, which `len` refuses to tell beyond 63 bits."""
    return max(0, -((part.start - part.stop) // part.step))


class TooMany(Exception):
    """The search has seen as many orders as it may: it knows nothing."""


@dataclass(frozen=True)
class Way:
    """One order of one position: its aims, trade and order; what it takes of cash and turnover."""

    cost: tuple[int, int, int]
    order: int
    spent: int
    traded: int


@dataclass
class Search:
    """The search over one case; all money in whole units.

    Attributes:
        most: orders that may be looked at.
        best: the best full answer so far, with its score; stays when the search is cut short.
    """

    rules: Rules
    most: int
    best: tuple[tuple[int, int, int, tuple[int, ...]], tuple[int, ...]] | None = None
    seen: int = 0
    _order: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = self.rules
        limits = [limit for limit in (rules.spendable, rules.tradable) if limit is not None]
        unit = lcm(*(number.denominator for number in (*rules.prices, *rules.gaps, *limits)))
        self._prices = [int(price * unit) for price in rules.prices]
        self._gaps = [int(gap * unit) for gap in rules.gaps]
        self._spendable = None if rules.spendable is None else int(rules.spendable * unit)
        self._tradable = None if rules.tradable is None else int(rules.tradable * unit)
        self._by_turnover = rules.case.strategy == "TO_BAND"
        sizes = [sum(map(size, ways)) for ways in rules.allowed]
        # Long ranges last: by then the cut is near, and only a few of their orders are looked at.
        self._order = sorted(range(len(sizes)), key=sizes.__getitem__)
        ids = [one.id for one in rules.case.positions]
        self._by_id = sorted(range(len(ids)), key=ids.__getitem__)

    def run(self) -> tuple[int, ...] | None:
        """The best orders of all; None if there are none.

        Raises:
            TooMany: the search was cut short.
        """
        if not all(self.rules.allowed):
            return None
        order = self._order
        least = [next(self._ways(index)).cost for index in order]
        self._rest = list(accumulate(reversed(least), _plus, initial=(0, 0, 0)))[::-1]
        ends = [[end for part in self.rules.allowed[index] for end in (part[0], part[-1])] for index in order]
        frugal = [min(ends_) * self._prices[index] for index, ends_ in zip(order, ends, strict=True)]
        calm = [self._prices[index] * self._nearest_zero(index) for index in order]
        idle = [int(not any(0 in part for part in self.rules.allowed[index])) for index in order]
        self._rest_spent, self._rest_traded, self._rest_trades = (
            list(accumulate(reversed(each), initial=0))[::-1] for each in (frugal, calm, idle)
        )
        self._walk(0, (0, 0, 0), 0, 0, {})
        return None if self.best is None else self.best[1]

    def _nearest_zero(self, index: int) -> int:
        return min(
            abs(part[place]) for part in self.rules.allowed[index] for place in _around(part, Fraction(0))
        )

    def _ways(self, index: int) -> Iterator[Way]:
        """The orders of a position, the cheapest first."""
        price, gap = self._prices[index], self._gaps[index]
        goal = Fraction(0) if self._by_turnover else Fraction(gap, price)
        parts = self.rules.allowed[index]

        def way(order: int) -> Way:
            aims = abs(gap - order * price), abs(order) * price
            first, second = aims[::-1] if self._by_turnover else aims
            return Way((first, second, int(order != 0)), order, order * price, abs(order) * price)

        halves = [half for part in parts for half in _outward(part, goal)]
        return merge(*(map(way, half) for half in halves), key=lambda one: (one.cost, one.order))

    def _walk(
        self, depth: int, cost: tuple[int, int, int], spent: int, traded: int, chosen: dict[int, int]
    ) -> None:
        if depth == len(self._order):
            orders = tuple(chosen[index] for index in range(len(chosen)))
            score = (*cost, tuple(orders[index] for index in self._by_id))
            if self.best is None or score < self.best[0]:
                self.best = score, orders
            return
        index, rest = self._order[depth], self._rest[depth + 1]
        for way in self._ways(index):
            self.seen += 1
            if self.seen > self.most:
                raise TooMany
            so_far = _plus(cost, way.cost)
            # The first aim grows from way to way; a lesser later aim may still follow an equal first one.
            if self.best is not None and so_far[0] + rest[0] > self.best[0][0]:
                return
            if self.best is not None and _plus(so_far, rest) > self.best[0][:3]:
                continue
            if self._fits(depth + 1, spent + way.spent, traded + way.traded, so_far[2]):
                self._walk(
                    depth + 1, so_far, spent + way.spent, traded + way.traded, {**chosen, index: way.order}
                )

    def _fits(self, depth: int, spent: int, traded: int, trades: int) -> bool:
        most = self.rules.case.count
        return (
            (self._spendable is None or spent + self._rest_spent[depth] <= self._spendable)
            and (self._tradable is None or traded + self._rest_traded[depth] <= self._tradable)
            and (most is None or trades + self._rest_trades[depth] <= most)
        )


def _plus(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _around(part: range, goal: Fraction) -> Sequence[int]:
    """The places on either side of a goal."""
    place = int((goal - part.start) // part.step)
    return sorted({min(max(place + more, 0), size(part) - 1) for more in (0, 1)})


def _outward(part: range, goal: Fraction) -> tuple[Iterator[int], Iterator[int]]:
    """A range in two halves, each away from the goal."""
    split = min(max(int((goal - part.start) // part.step) + 1, 0), size(part))
    return iter(part[:split][::-1]), iter(part[split:])
