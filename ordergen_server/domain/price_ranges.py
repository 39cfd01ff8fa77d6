"""How far the price of one security may move, all others unchanged, before orders do not hold any more.

With its price at p + y a portfolio that held q shares of the security, and holds u after its orders, is worth
M + q y, and has the cash C - (u - q) y - r |u - q| y left, where a trade costs r of its value. M has the
cash flow in it, and C what trades cost. So all that must hold is linear in y: each band, which is
low M <= v <= high M, where M and, of the security itself, v move; and the cash floor, an amount or a weight
of M. A condition is a slack, which it has at the prices of the run, and a slope: slack + slope y >= 0. All
numbers are integers, of the last decimal that any of their kind has, and y is a whole number of steps of a
price, so that nothing is rounded: the last step that holds is a quotient without its rest.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import nsmallest
from typing import NamedTuple

from ordergen_server.domain.numbers import EXACT, ZERO
from ordergen_server.domain.rebalances import PortfolioRebalance, RebalanceOptions, RebalancePosition

#: Decimals of a price: what moves is a whole number of these steps.
PRICE_PLACES = 8

#: What a condition has left, and what a step of a price adds to it.
_Condition = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PriceRange:
    """The prices at which orders hold, both ends included; an end is None where there is none.

    At each end they hold, and one step of a price beyond it they do not.
    """

    low: Decimal | None
    high: Decimal | None


def good_until(result: PortfolioRebalance, options: RebalanceOptions | None) -> tuple[PriceRange, ...]:
    """For each line of an answer the prices of its security at which every band and the cash floor hold.

    A band that the answer does not keep at the prices of the run, for a restriction or a fraction of a share
    forbids it, is left out. Nothing where there is no answer, or its options are not known.

    Args:
        result: whole.
        options: of its run.
    """
    value, cash = result.base_value, result.cash_after
    if options is None or result.solution is None or value is None or cash is None:
        return ()
    return tuple(_Answer(result.positions, value, cash, options).ranges())


class _Line(NamedTuple):
    """A line in integers; `is_kept` says whether its band holds at the prices of the run."""

    price: int
    before: int
    after: int
    low: int
    high: int
    is_kept: bool


class _Answer:
    """An answer in integers: money has the decimals of a price and those of shares together."""

    def __init__(
        self,
        positions: Sequence[RebalancePosition],
        value: Decimal,
        cash: Decimal,
        options: RebalanceOptions,
    ) -> None:
        amount, weight = _floor(options)
        rate = options.costs.rate_weight if options.costs else ZERO
        securities = [one.security for one in positions]
        of_weights = (number for one in securities for number in (one.target, one.low_drift, one.high_drift))
        self._price_places = max(PRICE_PLACES, _places(one.price for one in securities))
        self._share_places = max(
            _places(one.original_quantity for one in positions),
            _places(one for one in (value, cash, amount) if one is not None) - self._price_places,
        )
        self._weight_places = _places([*of_weights, weight or ZERO, rate])
        self._one = 10**self._weight_places
        self._step = 10 ** (self._price_places - PRICE_PLACES)
        self._value, self._cash = self._money(value), self._money(cash)
        self._amount = None if amount is None else self._money(amount)
        self._weight = None if weight is None else _whole(weight, self._weight_places)
        self._rate = _whole(rate, self._weight_places)
        self._lines = [self._line(one) for one in positions]
        self._falls, self._rises = self._room()

    def ranges(self) -> Iterator[PriceRange]:
        """That of each line."""
        for place, line in enumerate(self._lines):
            down, up = _steps(self._conditions(place, line), self._step)
            price = line.price // self._step
            yield PriceRange(
                None if down is None or down >= price else _price(price - down),
                None if up is None else _price(price + up),
            )

    def _conditions(self, place: int, line: _Line) -> Iterator[_Condition]:
        """What must hold when the price of a line moves."""
        falls, rises = (_of_others(one, place) for one in (self._falls, self._rises))
        yield from ((room, line.before) for room in falls)
        yield from ((room, -line.before) for room in rises)
        if line.is_kept:
            low, high = self._edges(line.price * line.after, line.low, line.high)
            yield low, self._one * line.after - line.low * line.before
            yield high, line.high * line.before - self._one * line.after
        bought = line.after - line.before
        spent = self._one * bought + self._rate * abs(bought)
        if self._amount is not None:
            yield self._one * (self._cash - self._amount), -spent
        if self._weight is not None:
            slack = self._one * self._cash - self._weight * self._value
            yield slack, -spent - self._weight * line.before

    def _room(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """How far market value may fall, and rise, in whole money, with the line that says so: the least two.

        It moves by shares times steps of a price, which is whole money, so quotients need no rest.
        """
        falls, rises = [(self._value - 1, -1)], []  # it stays above 0
        for place, line in enumerate(self._lines):
            if not line.is_kept:
                continue
            low, high = self._edges(line.price * line.after, line.low, line.high)
            if line.high > 0:
                falls.append((high // line.high, place))
            if line.low > 0:
                rises.append((low // line.low, place))
            elif line.low < 0:
                falls.append((low // -line.low, place))
        return nsmallest(2, falls), nsmallest(2, rises)

    def _edges(self, value: int, low: int, high: int) -> tuple[int, int]:
        """How far a value is inside its band: from its low edge, and from its high one."""
        return self._one * value - low * self._value, high * self._value - self._one * value

    def _line(self, position: RebalancePosition) -> _Line:
        security = position.security
        target, down, up = (
            _whole(one, self._weight_places)
            for one in (security.target, security.low_drift, security.high_drift)
        )
        price = _whole(security.price, self._price_places)
        before = _whole(position.original_quantity, self._share_places)
        after = before + position.trade_quantity * 10**self._share_places
        low, high = target - down, target + up
        return _Line(price, before, after, low, high, min(self._edges(price * after, low, high)) >= 0)

    def _money(self, value: Decimal) -> int:
        return _whole(value, self._price_places + self._share_places)


def _floor(options: RebalanceOptions) -> tuple[Decimal | None, Decimal | None]:
    """The amount and the weight of cash that must remain; None of what is not asked for."""
    if options.allow_overdraft:
        return None, None
    amount, weight = options.minimum_cash_amount, options.minimum_cash_weight
    return (ZERO, None) if amount is None and weight is None else (amount, weight)


def _of_others(rooms: Sequence[tuple[int, int]], place: int) -> list[int]:
    """The least that lines other than this one leave; none where they leave everything."""
    return [room for room, line in rooms if line != place][:1]


def _steps(conditions: Iterable[_Condition], step: int) -> tuple[int | None, int | None]:
    """How many steps a price may fall and rise; None is without end. What does not hold now is left out."""
    down: list[int] = []
    up: list[int] = []
    for slack, slope in conditions:
        if slack >= 0 and slope:
            (down if slope > 0 else up).append(slack // (abs(slope) * step))
    return min(down, default=None), min(up, default=None)


def _places(values: Iterable[Decimal]) -> int:
    """The most decimals that any of these has."""
    return max((-int(one.as_tuple().exponent) for one in values), default=0)


def _whole(value: Decimal, places: int) -> int:
    return int(EXACT.scaleb(value, places))


def _price(steps: int) -> Decimal:
    return EXACT.scaleb(Decimal(steps), -PRICE_PLACES)
