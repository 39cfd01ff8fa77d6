"""How far the price of one security may move, all others unchanged, before orders do not hold any more.

With its price at p + y a portfolio that held q shares of the security, and holds u after its orders, is worth
M + q y, and has the cash C - (u - q) y - r |u - q| y left, where a trade costs r of its value. M has the
cash flow in it, and C what trades cost. So all that must hold is linear in y: each band, which is
low M <= v <= high M, where M and, of the security itself, v move; each limit on the weight of a security or
of a group, where v is what its securities are worth; and the cash floor, an amount or a weight of M. A
condition is a slack, which it has at the prices of the run, and a slope: slack + slope y >= 0. All numbers
are integers, of a unit that all of their kind are multiples of, and y is a whole number of steps of a price,
so that nothing is rounded: the last step that holds is a quotient without its rest.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, localcontext
from heapq import nsmallest
from math import lcm
from operator import itemgetter
from typing import NamedTuple

from ordergen_server.domain.numbers import EXACT, ZERO
from ordergen_server.domain.rebalances.lines import RebalancePosition
from ordergen_server.domain.rebalances.options import MinimumCash, RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit

#: Decimals of a price, and their steps: what moves is a whole number of these.
PRICE_PLACES, STEPS = 8, 10**8

_Limit = SecurityLimit | GroupLimit
#: What a condition has left, and what a step of a price adds to it.
_Condition = tuple[int, int]


class PriceRange(NamedTuple):
    """The prices at which orders hold, both ends included; an end is None where there is none.

    At each end they hold, and one step of a price beyond it they do not.
    """

    low: Decimal | None
    high: Decimal | None


def good_until(result: PortfolioRebalance, options: RebalanceOptions | None) -> tuple[PriceRange, ...]:
    """For each line of an answer the prices of its security at which bands, limits and the cash floor hold.

    A band or a side of a limit that the answer does not keep at the prices of the run, for a restriction or a
    fraction of a share forbids it, is left out. Nothing where there is no answer, or its options are not
    known.

    Args:
        result: whole.
        options: of its run; the cash that the portfolio's settings keep, and their limits, are in the result.
    """
    value, cash = result.base_value, result.cash_after
    if options is None or result.solution is None or value is None or cash is None:
        return ()
    floor = _floor(options, result.settings_floor)
    limits: list[_Limit] = [*options.security_limits, *result.settings_limits, *options.group_limits]
    rate = options.costs.rate_weight if options.costs else ZERO
    return _Answer(result.positions, value, cash, floor, limits=limits, rate=rate).ranges()


class _Line(NamedTuple):
    """A line in integers: how far its value is inside its band, from both edges, at the prices of the run."""

    price: int
    before: int
    after: int
    low: int
    high: int
    above_low: int
    below_high: int

    @property
    def is_kept(self) -> bool:
        """Whether its band holds."""
        return self.above_low >= 0 and self.below_high >= 0


class _Side(NamedTuple):
    """A side of a limit, that holds at the prices of the run.

    Attributes:
        places: of the lines that are worth something in it.
        slack: how much it has left.
        of_value: how much market value adds to that; below 0 of a least weight.
        of_line: how much the worth of each of its lines does; below 0 of a greatest weight.
    """

    places: frozenset[int]
    slack: int
    of_value: int
    of_line: int


#: How far market value may move, and the lines that themselves move what says so; the least first.
_Rooms = list[tuple[int, frozenset[int]]]


class _Answer:
    """An answer in whole numbers of units: of a price, of a share, of a weight; of money, price times share.

    A step of a price is a whole number of its units, so that what moves by shares times steps is whole money.
    """

    def __init__(
        self,
        positions: Sequence[RebalancePosition],
        value: Decimal,
        cash: Decimal,
        floor: MinimumCash,
        *,
        limits: Sequence[_Limit],
        rate: Decimal,
    ) -> None:
        amount, weight = floor.amount, floor.weight
        prices, price_unit = _counted([one.security.price for one in positions], STEPS)
        money = [one for one in (value, cash, amount) if one is not None]
        held = [one.original_quantity for one in positions]
        shares, share_unit = _counted(held, *(one.as_integer_ratio()[1] for one in money))
        of_model = [one.security for one in positions]
        wanted = [number for one in of_model for number in (one.target, one.low_drift, one.high_drift)]
        weights, self._one = _counted([*wanted, weight or ZERO, rate], *_denominators(limits))
        self._step = price_unit // STEPS
        self._value, self._cash, *amounts = (_units(one, price_unit * share_unit) for one in money)
        self._amount = amounts[0] if amounts else None
        self._weight, self._rate = None if weight is None else weights[-2], weights[-1]
        bands = zip(weights[:-2:3], weights[1:-2:3], weights[2:-2:3], strict=True)
        orders = [one.trade_quantity * share_unit for one in positions]
        self._lines = [
            self._line(price, before, before + order, target - down, target + up)
            for price, before, order, (target, down, up) in zip(prices, shares, orders, bands, strict=True)
        ]
        sides = list(self._sides(limits, {one.security_id: place for place, one in enumerate(of_model)}))
        self._falls, self._rises = self._rooms(sides)
        self._sides_of = _by_place(sides)
        self._floors = self._kept_floors()

    def _line(self, price: int, before: int, after: int, low: int, high: int) -> _Line:
        value = self._one * price * after
        return _Line(price, before, after, low, high, value - low * self._value, high * self._value - value)

    def ranges(self) -> tuple[PriceRange, ...]:
        """That of each line."""
        count = len(self._lines)
        moved = zip(self._lines, _of_others(self._falls, count), _of_others(self._rises, count), strict=True)
        with localcontext(EXACT):  # once for all of them
            return tuple(
                [self._range(place, line, fall, rise) for place, (line, fall, rise) in enumerate(moved)]
            )

    def _range(self, place: int, line: _Line, fall: int | None, rise: int | None) -> PriceRange:
        down, up = _steps(self._conditions(place, line, fall, rise))
        price = line.price // self._step
        down = None if down is None else down // self._step
        return PriceRange(
            None if down is None or down >= price else Decimal(price - down).scaleb(-PRICE_PLACES),
            None if up is None else Decimal(price + up // self._step).scaleb(-PRICE_PLACES),
        )

    def _conditions(
        self, place: int, line: _Line, fall: int | None, rise: int | None
    ) -> Iterator[_Condition]:
        """What must hold when the price of a line moves, of what holds at the prices of the run."""
        _, before, after, low, high, above_low, below_high = line
        if fall is not None:
            yield fall, before
        if rise is not None:
            yield rise, -before
        one = self._one
        if line.is_kept:
            yield above_low, one * after - low * before
            yield below_high, high * before - one * after
        for side in self._sides_of.get(place, ()):
            yield side.slack, side.of_value * before + side.of_line * after
        spent = one * (after - before) + self._rate * abs(after - before)
        for slack, of_value in self._floors:
            yield slack, -spent - of_value * before

    def _kept_floors(self) -> list[_Condition]:
        """How much cash is above the amount, and the weight, that must remain, and what value adds to that.

        The greater is the floor: it is kept, or it is left out.
        """
        found: list[_Condition] = []
        if self._amount is not None:
            found.append((self._one * (self._cash - self._amount), 0))
        if self._weight is not None:
            found.append((self._one * self._cash - self._weight * self._value, self._weight))
        return found if all(slack >= 0 for slack, _ in found) else []

    def _sides(self, limits: Iterable[_Limit], places: Mapping[str, int]) -> Iterator[_Side]:
        """The sides of limits that hold; where a portfolio has none of the securities, there is no limit."""
        for limit in limits:
            ids = (limit.security_id,) if isinstance(limit, SecurityLimit) else limit.security_ids
            found = frozenset(places[one] for one in ids if one in places)
            worth = self._one * sum(self._lines[place].price * self._lines[place].after for place in found)
            for weight, sign in ((limit.minimum_weight, 1), (limit.maximum_weight, -1)):
                if weight is not None and found:
                    of_value = -sign * _units(weight, self._one)
                    slack = sign * worth + of_value * self._value
                    if slack >= 0:
                        yield _Side(found, slack, of_value, sign * self._one)

    def _rooms(self, sides: Iterable[_Side]) -> tuple[_Rooms, _Rooms]:
        """How far market value may fall, and rise: the least of each."""
        falls, rises = self._rooms_of_bands()
        for side in sides:
            if side.of_value > 0:
                falls.append((side.slack // side.of_value, side.places))
            elif side.of_value:
                rises.append((side.slack // -side.of_value, side.places))
        return sorted(falls, key=itemgetter(0)), sorted(rises, key=itemgetter(0))

    def _rooms_of_bands(self) -> tuple[_Rooms, _Rooms]:
        """That of the bands: the least two, as each is moved by one line."""
        falls, rises = [(self._value - 1, -1)], []  # it stays above 0
        for place, line in enumerate(self._lines):
            if not line.is_kept:
                continue
            if line.high > 0:
                falls.append((line.below_high // line.high, place))
            if line.low > 0:
                rises.append((line.above_low // line.low, place))
            elif line.low < 0:
                falls.append((line.above_low // -line.low, place))
        least = (nsmallest(2, falls), nsmallest(2, rises))
        falls_of, rises_of = ([(room, frozenset((place,))) for room, place in one] for one in least)
        return falls_of, rises_of


def _by_place(sides: Iterable[_Side]) -> dict[int, list[_Side]]:
    found: dict[int, list[_Side]] = {}
    for side in sides:
        for place in side.places:
            found.setdefault(place, []).append(side)
    return found


def _denominators(limits: Iterable[_Limit]) -> Iterator[int]:
    for limit in limits:
        for weight in (limit.minimum_weight, limit.maximum_weight):
            if weight is not None:
                yield weight.as_integer_ratio()[1]


def _floor(options: RebalanceOptions, of_settings: MinimumCash | None) -> MinimumCash:
    """The amount and the weight of cash that must remain; None of what is not asked for."""
    own = of_settings or MinimumCash()
    if options.allow_overdraft:
        return own
    amount = _greater(options.minimum_cash_amount, own.amount)
    weight = _greater(options.minimum_cash_weight, own.weight)
    return MinimumCash(ZERO) if amount is None and weight is None else MinimumCash(amount, weight)


def _greater(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _of_others(rooms: _Rooms, count: int) -> list[int | None]:
    """For each of so many lines the least room that it does not move itself; None where there is none."""
    if not rooms:
        return [None] * count
    least, moving = rooms[0]
    found: list[int | None] = [least] * count
    for place in moving.intersection(range(count)):
        found[place] = next((room for room, places in rooms if place not in places), None)
    return found


def _steps(conditions: Iterable[_Condition]) -> tuple[int | None, int | None]:
    """How many units a price may fall and rise; None is without end."""
    down = up = None
    for slack, slope in conditions:
        if slope > 0:
            room = slack // slope
            down = room if down is None or room < down else down
        elif slope:
            room = slack // -slope
            up = room if up is None or room < up else up
    return down, up


def _counted(values: Sequence[Decimal], *least: int) -> tuple[list[int], int]:
    """Numbers as whole numbers of a unit, so many to one, and how many: a multiple of each of the least."""
    ratios = [one.as_integer_ratio() for one in values]
    denominators = {below for _, below in ratios}
    unit = lcm(*least, *denominators)
    units = {below: unit // below for below in denominators}
    return [above * units[below] for above, below in ratios], unit


def _units(value: Decimal, unit: int) -> int:
    above, below = value.as_integer_ratio()
    return above * (unit // below)
