"""What a rebalance must keep and what it is judged by, in fractions, straight from their definition.

The rules are written down a second time here, by orders instead of shares and without a common unit, so that
a slip of the package is not repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor

from tests.fuzz.case import Case, Holding

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
    """

    least: int
    most: int
    closing: int
    bottom: Fraction
    top: Fraction

    @property
    def is_inside(self) -> bool:
        """Whether the holding needs no trade."""
        return self.least <= 0 <= self.most


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
    return Bounds(least, most, closing, bottom, top)


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
    """Sells, nothing, and buys that band, sides, lot and minimum trade leave; closing apart."""
    if is_stuck(case, one, span):
        return (range(1),)
    ways, lot = forbidden(case, one), case.lots.get(one.id, 1)
    least = max(span.least, 0) if "SELL" in ways else span.least
    most = min(span.most, 0) if "BUY" in ways else span.most
    size = 1
    if case.minimum is not None and span.is_inside:
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
