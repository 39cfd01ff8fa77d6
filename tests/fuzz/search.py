"""The best orders by depth-first search over every position's orders, cheapest first: exact, for small cases.

Branches are cut where the cheapest of all that is left cannot be better, or cannot keep a limit; also where
that holds of aim and limits weighed together: for weights w, a, b >= 0 every better answer has
w aim + a spent + b traded <= w best + a spendable + b tradable, and every position adds a least of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from heapq import merge
from itertools import accumulate, product
from math import lcm, prod

from tests.fuzz.rules import Group, Rules


def size(part: range) -> int:
    """The length of a range, which `len` refuses to tell beyond 63 bits."""
    return max(0, -((part.start - part.stop) // part.step))


class TooMany(Exception):
    """The search has seen as many orders as it may: it knows nothing."""


def all_looked_at(rules: Rules, most: int) -> tuple[int, ...] | None:
    """The best orders of all, one after the other; None if none keep the rules.

    Raises:
        TooMany: there are more than `most`.
    """
    if prod(sum(map(size, ways)) for ways in rules.allowed) > most:
        raise TooMany
    every = product(*([order for part in ways for order in part] for ways in rules.allowed))
    kept = (orders for orders in every if not rules.limits_broken(orders))
    return min(kept, key=rules.score, default=None)


@dataclass(frozen=True)
class Way:
    """One order of one position: its aims, trade and order; what it takes of cash and turnover."""

    cost: tuple[int, int, int]
    order: int
    spent: int
    traded: int


Totals = tuple[int, int, int]
"""First aim, money spent, money traded."""

DEEPEST = 300
"""Positions that the search goes down through, one call each: of more it would hardly see a part."""

WEIGHTS = ((0, 1, 1), *((2, spent, traded) for spent in (0, 1, 2) for traded in (0, 1, 2)))
"""Of aim, spent and traded: a share given up beyond its target costs as much aim as it frees or trades."""


@dataclass
class Search:
    """The search over one case; all money in whole units.

    A start, orders that keep every rule, cuts branches from the first on and is no more believed than that.

    Attributes:
        most: orders that may be looked at.
        best: the best full answer so far, with its score; stays when the search is cut short.
    """

    rules: Rules
    most: int
    best: tuple[tuple[int, int, int, tuple[int, ...]], tuple[int, ...]] | None = None
    seen: int = 0
    start: tuple[int, ...] | None = None
    _order: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = self.rules
        nothing = [0] * len(rules.prices)
        groups = [(group, rules.worth(group, nothing)) for group in rules.groups]
        edges = [(group.members, low_and_high(group, held)) for group, held in groups]
        limits = [limit for limit in (rules.spendable, rules.tradable) if limit is not None]
        limits += [edge for _, both in edges for edge in both if edge is not None]
        unit = lcm(*(number.denominator for number in (*rules.prices, *rules.gaps, *limits)))
        self._prices = [int(price * unit) for price in rules.prices]
        self._gaps = [int(gap * unit) for gap in rules.gaps]
        self._spendable = None if rules.spendable is None else int(rules.spendable * unit)
        self._tradable = None if rules.tradable is None else int(rules.tradable * unit)
        self._groups: list[tuple[set[int], int | None, int | None]] = []
        for members, both in edges:
            low, high = (None if edge is None else int(edge * unit) for edge in both)
            self._groups.append((set(members), low, high))
        self._by_turnover = rules.case.strategy == "TO_BAND"
        sizes = [sum(map(size, ways)) for ways in rules.allowed]
        # Long ranges last: by then the cut is near, and only a few of their orders are looked at.
        self._order = sorted(range(len(sizes)), key=sizes.__getitem__)
        ids = [one.id for one in rules.case.positions]
        self._by_id = sorted(range(len(ids)), key=ids.__getitem__)
        self._weights = [
            each
            for each in WEIGHTS
            if (self._spendable is not None or not each[1]) and (self._tradable is not None or not each[2])
        ]

    def run(self) -> tuple[int, ...] | None:
        """The best orders of all; None if there are none.

        Raises:
            TooMany: the search was cut short.
        """
        if not all(self.rules.allowed):
            return None
        if self.start is not None and not self.rules.broken(self.start):
            self._take(self._cost(self.start), self.start)
        if self.rules.case.rate or self.rules.case.fee:  # the search takes an order to spend its value
            return all_looked_at(self.rules, self.most)
        if len(self.rules.allowed) > DEEPEST:
            raise TooMany
        order = self._order
        least = [next(self._ways(index)).cost for index in order]
        self._rest = list(accumulate(reversed(least), _plus, initial=(0, 0, 0)))[::-1]
        corners = [self._corners(index) for index in order]
        self._rest_spent, self._rest_traded, *self._rest_weighed = (
            _suffixes([min(_weighed(weights, one) for one in each) for each in corners])
            for weights in ((0, 1, 0), (0, 0, 1), *self._weights)
        )
        idle = [int(not any(0 in part for part in self.rules.allowed[index])) for index in order]
        self._rest_trades = _suffixes(idle)
        self._rest_groups = [
            [_suffixes([self._end(index, members, end) for index in order]) for end in (min, max)]
            for members, _, _ in self._groups
        ]
        if self._keeps_groups(0, (0,) * len(self._groups)):
            self._walk(0, (0, 0, 0), (0, 0, 0), {}, (0,) * len(self._groups))
        return None if self.best is None else self.best[1]

    def _corners(self, index: int) -> list[Totals]:
        """Among these is the least of every weighed sum: its terms bend at target and holding alone."""
        places = {
            part[place]
            for part in self.rules.allowed[index]
            for goal in (Fraction(0), Fraction(self._gaps[index], self._prices[index]))
            for place in (0, size(part) - 1, *_around(part, goal))
        }
        ways = [self._way(index, order) for order in places]
        return [(way.cost[0], way.spent, way.traded) for way in ways]

    def _cost(self, orders: Sequence[int]) -> tuple[int, int, int]:
        cost = (0, 0, 0)
        for index, order in enumerate(orders):
            cost = _plus(cost, self._way(index, order).cost)
        return cost

    def _take(self, cost: tuple[int, int, int], orders: tuple[int, ...]) -> None:
        score = (*cost, tuple(orders[index] for index in self._by_id))
        if self.best is None or score < self.best[0]:
            self.best = score, orders

    def _way(self, index: int, order: int) -> Way:
        price = self._prices[index]
        first, second = abs(self._gaps[index] - order * price), abs(order) * price
        if self._by_turnover:
            first, second = second, first
        return Way((first, second, int(order != 0)), order, order * price, abs(order) * price)

    def _ways(self, index: int, least: int | None = None, most: int | None = None) -> Iterator[Way]:
        """The orders of a position, the cheapest first, from the least to the most."""
        goal = Fraction(0) if self._by_turnover else Fraction(self._gaps[index], self._prices[index])
        parts = [_clipped(part, least, most) for part in self.rules.allowed[index]]
        halves = [half for part in parts if part for half in _outward(part, goal)]
        ways = (map(partial(self._way, index), half) for half in halves)
        return merge(*ways, key=lambda one: (one.cost, one.order))

    def _end(self, index: int, members: set[int], end: Callable[[Iterable[int]], int]) -> int:
        """The least or the most that a position can take from cash, if it is a member."""
        if index not in members:
            return 0
        return self._prices[index] * end(
            [one for part in self.rules.allowed[index] for one in (part[0], part[-1])]
        )

    def _keeps_groups(self, depth: int, sums: tuple[int, ...]) -> bool:
        """Whether what follows can bring every group within its limits."""
        return all(
            (low is None or spent + most[depth] >= low) and (high is None or spent + least[depth] <= high)
            for (_, low, high), spent, (least, most) in zip(
                self._groups, sums, self._rest_groups, strict=True
            )
        )

    def _walk(
        self,
        depth: int,
        cost: tuple[int, int, int],
        totals: Totals,
        chosen: dict[int, int],
        sums: tuple[int, ...],
    ) -> None:
        if depth == len(self._order):
            self._take(cost, tuple(chosen[index] for index in range(len(chosen))))
            return
        index, rest = self._order[depth], self._rest[depth + 1]
        for way in self._ways(index, *self._room(depth, totals, cost[2])):
            self.seen += 1
            if self.seen > self.most:
                raise TooMany
            so_far = _plus(cost, way.cost)
            # The first aim grows from way to way; a lesser later aim may still follow an equal first one.
            if self.best is not None and so_far[0] + rest[0] > self.best[0][0]:
                return
            if self.best is not None and _plus(so_far, rest) > self.best[0][:3]:
                continue
            now = so_far[0], totals[1] + way.spent, totals[2] + way.traded
            spent = tuple(
                one + way.spent * (index in members)
                for one, (members, _, _) in zip(sums, self._groups, strict=True)
            )
            if self._keeps_groups(depth + 1, spent) and self._may_be_better(depth + 1, now):
                self._walk(depth + 1, so_far, now, {**chosen, index: way.order}, spent)

    def _room(self, depth: int, totals: Totals, trades: int) -> tuple[int | None, int | None]:
        """The least and the most that a position may order so that all that follow can keep the limits."""
        price, most, reach = self._prices[self._order[depth]], None, None
        if self._tradable is not None:
            reach = (self._tradable - totals[2] - self._rest_traded[depth + 1]) // price
        if self.rules.case.count is not None:
            left = self.rules.case.count - trades - self._rest_trades[depth + 1]
            reach = -1 if left < 0 else reach if left else min(0, reach or 0)
        if self._spendable is not None:
            most = (self._spendable - totals[1] - self._rest_spent[depth + 1]) // price
        if reach is None:
            return None, most
        return -reach, reach if most is None else min(reach, most)

    def _may_be_better(self, depth: int, totals: Totals) -> bool:
        """Whether aim and limits, weighed together in any of our ways, leave room for a better answer."""
        most = (0 if self.best is None else self.best[0][0], self._spendable or 0, self._tradable or 0)
        return all(
            _weighed(weights, totals) + rest[depth] <= _weighed(weights, most)
            for weights, rest in zip(self._weights, self._rest_weighed, strict=True)
            if self.best is not None or not weights[0]
        )


def low_and_high(group: Group, held: Fraction) -> tuple[Fraction | None, Fraction | None]:
    """The least and the most that orders of a group may take from cash together."""
    return (
        None if group.low is None else group.low - held,
        None if group.high is None else group.high - held,
    )


def _weighed(weights: Totals, totals: Totals) -> int:
    return weights[0] * totals[0] + weights[1] * totals[1] + weights[2] * totals[2]


def _suffixes(numbers: Sequence[int]) -> list[int]:
    """The sum of all numbers from each place on; 0 at the end."""
    return list(accumulate(reversed(numbers), initial=0))[::-1]


def _clipped(part: range, least: int | None, most: int | None) -> range:
    """What lies from the least to the most."""
    start, stop = part.start, part.stop
    if least is not None and least > start:
        start += -((start - least) // part.step) * part.step
    return range(start, stop if most is None else min(stop, most + 1), part.step)


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
