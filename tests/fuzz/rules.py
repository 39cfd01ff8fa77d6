"""What a rebalance must keep and what it is judged by, in fractions, straight from their definition.

The rules are written down a second time here, by orders instead of shares and without a common unit, so that
a slip of the package is not repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import ceil, floor

from tests.fuzz.case import Case, Holding, Weights

Score = tuple[Fraction, Fraction, int, tuple[int, ...]]
"""First aim, second aim, trades, and the orders by security id: less is better."""


@dataclass(frozen=True)
class Bounds:
    """What one position may do, before others are asked.

    Attributes:
        least: the least order that its band allows.
        most: the greatest; below `least` where the band holds no whole share.
        closing: the order that leaves less than a share.
        bottom: of the band, in money.
        top: of the band, in money.
        whole: the market value, of which weights are.
    """

    least: int
    most: int
    closing: int
    bottom: Fraction
    top: Fraction
    whole: Fraction

    @property
    def is_inside(self) -> bool:
        """Whether the holding needs no trade."""
        return self.least <= 0 <= self.most


@dataclass(frozen=True)
class Group:
    """What some positions may be worth together, in money; None: no such side.

    Attributes:
        name: of the group.
        members: their places.
        low: the least.
        high: the most.
    """

    name: str
    members: tuple[int, ...]
    low: Fraction | None
    high: Fraction | None

    def misses(self, value: Fraction) -> bool:
        """Whether so much is too much, or too little."""
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)


@dataclass(frozen=True)
class Rules:
    """The rules of one case."""

    case: Case

    @cached_property
    def prices(self) -> list[Fraction]:
        return [Fraction(one.price) for one in self.case.positions]

    @cached_property
    def market_value(self) -> Fraction:
        """Cash and all holdings."""
        held = [Fraction(one.quantity) for one in self.case.positions]
        return Fraction(self.case.cash) + sum(
            (price * count for price, count in zip(self.prices, held, strict=True)), Fraction()
        )

    @cached_property
    def gaps(self) -> list[Fraction]:
        """What each position lacks of its target, in money."""
        return [
            self.market_value * Fraction(one.target) - Fraction(one.price) * Fraction(one.quantity)
            for one in self.case.positions
        ]

    @cached_property
    def bounds(self) -> list[Bounds]:
        return [bounds(self.market_value, one) for one in self.case.positions]

    @cached_property
    def allowed(self) -> list[tuple[range, ...]]:
        """The orders each position may have on its own, in disjoint ranges."""
        return [allowed(self.case, *each) for each in zip(self.case.positions, self.bounds, strict=True)]

    @cached_property
    def breached(self) -> list[int]:
        """Positions that may not be brought back inside their band."""
        pairs = enumerate(zip(self.case.positions, self.bounds, strict=True))
        return [index for index, (one, span) in pairs if is_stuck(self.case, one, span)]

    @cached_property
    def given(self) -> list[Group]:
        """The groups of which the case has a position, as they are demanded."""
        places = {one.id: index for index, one in enumerate(self.case.positions)}
        found = []
        for name, one in self.case.groups.items():
            members = tuple(places[key] for key in one.ids if key in places)
            if members:
                low = None if one.least is None else Fraction(one.least) * self.market_value
                high = None if one.most is None else Fraction(one.most) * self.market_value
                if high == 0:
                    high = sum((self._leftover(index) for index in members), Fraction())
                found.append(Group(name, members, low, high))
        return found

    def _leftover(self, index: int) -> Fraction:
        """What remains of a position when all that can be traded is sold."""
        closing = self.bounds[index].closing + Fraction(self.case.positions[index].quantity)
        return self.prices[index] * closing

    @cached_property
    def groups(self) -> list[Group]:
        """The same with what is excused: a side broken before that forbidden orders alone make impossible."""
        return [self._excused(group) for group in self.given]

    def _excused(self, group: Group) -> Group:
        start = self.worth(group, [0] * len(self.prices))
        (least, most), (free_least, free_most) = (
            self._reach(group, self.allowed),
            self._reach(group, self._free),
        )
        low, high = group.low, group.high
        if high is not None and start > high and free_least <= high < least:
            high = start
        if low is not None and start < low and most < low <= free_most:
            low = start
        return Group(group.name, group.members, low, high)

    @cached_property
    def _free(self) -> list[tuple[range, ...]]:
        """What each position may do if nothing is forbidden, or what is left where that is nothing."""
        case = replace(self.case, sides={}, only=None)
        pairs = zip(self.case.positions, self.bounds, self.allowed, strict=True)
        return [allowed(case, one, span) or ways for one, span, ways in pairs]

    def _reach(self, group: Group, ways: Sequence[tuple[range, ...]]) -> tuple[Fraction, Fraction]:
        """The least and the most that the group can be worth; what has no order allowed is worth nothing."""
        least, most = [0] * len(ways), [0] * len(ways)
        members = tuple(index for index in group.members if ways[index])
        for index in members:
            least[index] = min(part[0] for part in ways[index])
            most[index] = max(part[-1] for part in ways[index])
        group = replace(group, members=members)
        return self.worth(group, least), self.worth(group, most)

    def worth(self, group: Group, orders: Sequence[int]) -> Fraction:
        """What the group is worth after the orders."""
        held = [Fraction(one.quantity) for one in self.case.positions]
        return sum(
            (self.prices[index] * (held[index] + orders[index]) for index in group.members), Fraction()
        )

    @cached_property
    def unkept(self) -> set[str]:
        """The groups that no orders keep that each position may have on its own."""
        found = set()
        for group in self.groups:
            least, most = self._reach(group, self.allowed)
            if (group.high is not None and least > group.high) or (
                group.low is not None and most < group.low
            ):
                found.add(group.name)
        return found

    def limits_breached(self, orders: Sequence[int]) -> dict[str, Fraction]:
        """What is worth too much or too little after the orders: ids, and names of groups."""
        found = {}
        for index, (one, span) in enumerate(zip(self.case.positions, self.bounds, strict=True)):
            if one.id in self.case.weights:
                least, most = weight_orders(self.case.weights[one.id], one, span)
                if not least <= orders[index] <= most:
                    found[one.id] = self.prices[index] * (Fraction(one.quantity) + orders[index])
        for group in self.given:
            if group.misses(self.worth(group, orders)):
                found[group.name] = self.worth(group, orders)
        return found

    @cached_property
    def spendable(self) -> Fraction | None:
        """The most that all orders together may cost; None without a floor."""
        return None if self.case.floor is None else Fraction(self.case.cash) - Fraction(self.case.floor)

    @cached_property
    def tradable(self) -> Fraction | None:
        """The greatest turnover in money; None without a limit."""
        return None if self.case.turnover is None else Fraction(self.case.turnover) * self.market_value

    def spent(self, orders: Sequence[int]) -> Fraction:
        """What the orders take from cash, with what they cost beyond their value."""
        value = sum((p * d for p, d in zip(self.prices, orders, strict=True)), Fraction())
        rate, fee = Fraction(self.case.rate), Fraction(self.case.fee)
        return value + rate * self.turnover(orders) + fee * sum(map(bool, orders))

    def turnover(self, orders: Sequence[int]) -> Fraction:
        """The value of all orders."""
        return sum((p * abs(d) for p, d in zip(self.prices, orders, strict=True)), Fraction())

    def drift(self, orders: Sequence[int]) -> Fraction:
        """The distance of all positions from their targets, in money."""
        return sum(
            (abs(gap - p * d) for gap, p, d in zip(self.gaps, self.prices, orders, strict=True)), Fraction()
        )

    def score(self, orders: Sequence[int]) -> Score:
        """What the orders are judged by."""
        aims = self.drift(orders), self.turnover(orders)
        first, second = aims[::-1] if self.case.strategy == "TO_BAND" else aims
        by_id = sorted(zip([one.id for one in self.case.positions], orders, strict=True))
        return first, second, sum(map(bool, orders)), tuple(order for _, order in by_id)

    def broken(self, orders: Sequence[int]) -> list[str]:
        """Every rule that the orders break, in words."""
        found = [
            f"{one.id}: an order of {order} is not allowed"
            for one, order, ways in zip(self.case.positions, orders, self.allowed, strict=True)
            if not any(order in part for part in ways)
        ]
        return found + [f"{name} is broken" for name in self.limits_broken(orders)]

    def limits_broken(self, orders: Sequence[int]) -> list[str]:
        """The limits on the whole portfolio that the orders break."""
        found = []
        if self.spendable is not None and self.spent(orders) > self.spendable:
            found.append("cash")
        if any(group.misses(self.worth(group, orders)) for group in self.groups):
            found.append("group")
        if self.tradable is not None and self.turnover(orders) > self.tradable:
            found.append("turnover")
        if self.case.count is not None and sum(map(bool, orders)) > self.case.count:
            found.append("count")
        return found


def bounds(market_value: Fraction, one: Holding) -> Bounds:
    """The orders that the band allows; a band of nothing but zero admits what whole orders leave."""
    price, held = Fraction(one.price), Fraction(one.quantity)
    bottom = max(Fraction(0), market_value * (Fraction(one.target) - Fraction(one.low)))
    top = market_value * (Fraction(one.target) + Fraction(one.high))
    least, most, closing = ceil(bottom / price - held), floor(top / price - held), ceil(-held)
    if least > most and top == 0:
        least = most = closing
    return Bounds(least, most, closing, bottom, top, market_value)


ENDLESS = 10**60
"""More shares than any position has."""


def weight_orders(weights: Weights, one: Holding, span: Bounds) -> tuple[int, int]:
    """The least and the greatest order after which a position has a weight that is allowed."""
    price, held = Fraction(one.price), Fraction(one.quantity)
    least = -ENDLESS if weights.least is None else ceil(span.whole * Fraction(weights.least) / price - held)
    most = ENDLESS if weights.most is None else floor(span.whole * Fraction(weights.most) / price - held)
    return least, max(most, span.closing) if weights.most == 0 else most


def excused_orders(case: Case, one: Holding, span: Bounds) -> tuple[int, int]:
    """The same, up to no order on a side that is broken and that may not be mended."""
    if one.id not in case.weights:
        return -ENDLESS, ENDLESS
    least, most = weight_orders(case.weights[one.id], one, span)
    ways = forbidden(case, one)
    if most < 0 and "SELL" in ways:
        most = 0
    if least > 0 and "BUY" in ways:
        least = 0
    return least, most


def forbidden(case: Case, one: Holding) -> set[str]:
    """What may not be done with a security: BUY, SELL, both or neither."""
    by_itself = {"DO_NOT_BUY": {"BUY"}, "DO_NOT_SELL": {"SELL"}, "HOLD": {"BUY", "SELL"}}
    by_all = {"BUY_ONLY": {"SELL"}, "SELL_ONLY": {"BUY"}}
    return by_itself.get(case.sides.get(one.id, ""), set()) | by_all.get(case.only or "", set())


def is_stuck(case: Case, one: Holding, span: Bounds) -> bool:
    """Whether the trade that would bring the holding to its band is forbidden."""
    below = Fraction(one.price) * Fraction(one.quantity) < span.bottom
    return not span.is_inside and ("BUY" if below else "SELL") in forbidden(case, one)


def allowed(case: Case, one: Holding, span: Bounds) -> tuple[range, ...]:
    """Sells, nothing, and buys that band, sides, limit, lot and minimum trade leave; closing apart."""
    lightest, heaviest = excused_orders(case, one, span)
    if is_stuck(case, one, span):
        return (range(1),) if lightest <= 0 <= heaviest else ()
    ways, lot = forbidden(case, one), case.lots.get(one.id, 1)
    least = max(span.least, 0) if "SELL" in ways else span.least
    most = min(span.most, 0) if "BUY" in ways else span.most
    least, most = max(least, lightest), min(most, heaviest)
    size = 1
    if case.minimum is not None and span.is_inside and lightest <= 0 <= heaviest:
        size = max(1, ceil(Fraction(case.minimum) / Fraction(one.price)))
    buys = range(max(_up(size, lot), _up(least, lot)), most + 1, lot)
    sold = 1 if one.id in case.odd_sells else lot
    sells = range(_up(least, sold), min(-_up(size, sold), most // sold * sold) + 1, sold)
    nothing = range(1) if least <= 0 <= most else range(0)
    closing = range(span.closing, span.closing + 1) if least <= span.closing <= most else range(0)
    if any(span.closing in part for part in (sells, nothing, buys)):
        closing = range(0)
    return tuple(part for part in (closing, sells, nothing, buys) if part)


def _up(count: int, lot: int) -> int:
    """The least multiple of a lot that is not below a number."""
    return -(-count // lot) * lot
