"""What all portfolios of a run share, kept with it: its model and its market, as they were."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from operator import is_
from typing import Generic, TypeVar

from ordergen_server.domain.errors import DataProblem
from ordergen_server.domain.market import MarketSnapshot, NoPrice, Price, Quote, Quoted
from ordergen_server.domain.models import Position
from ordergen_server.domain.numbers import ZERO
from ordergen_server.domain.open_orders import OpenOrder
from ordergen_server.domain.rebalances.frozen import FrozenSecurity, PriceProblem
from ordergen_server.domain.rebalances.lines import RunSecurity
from ordergen_server.repositories.run_store.market.layouts import Layout, layout_of

#: What lines of results share.
Shared = TypeVar("Shared", RunSecurity, FrozenSecurity)


@dataclass(frozen=True)
class RunMarket:
    """The model's positions, and what a `MarketSnapshot` has, as it is packed.

    Attributes:
        problems: of securities, and of their prices.
        unpriced: the tickers of those whose problem is one of the price.
    """

    positions: tuple[Position, ...]
    time: datetime
    quotes: dict[str, Quote]
    problems: dict[str, DataProblem]
    prices: dict[str, Decimal] | None
    price_problems: dict[str, DataProblem]
    price_dates: dict[str, date] = field(default_factory=dict)
    open_orders: dict[str, tuple[OpenOrder, ...]] | None = None
    unpriced: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, positions: Sequence[Position], market: MarketSnapshot) -> "RunMarket":
        """Of a model and the market of its run."""
        prices = {} if market.prices is None else market.prices
        return cls(
            tuple(positions),
            market.time,
            {key: one for key, one in market.quotes.items() if isinstance(one, Quote)},
            _problems({key: _problem(one) for key, one in market.quotes.items()}),
            None if market.prices is None else {key: one.value for key, one in _priced(prices)},
            _problems(prices),
            {key: one.day for key, one in _priced(prices) if one.day},
            None
            if market.open_orders is None
            else {key: tuple(one) for key, one in market.open_orders.items()},
            {key: one.ticker for key, one in market.quotes.items() if isinstance(one, NoPrice)},
        )

    @property
    def snapshot(self) -> MarketSnapshot:
        """The market."""
        no_prices = {key: NoPrice(ticker, self.problems[key]) for key, ticker in self.unpriced.items()}
        quotes: dict[str, Quoted] = {**self.quotes, **self.problems, **no_prices}
        if self.prices is None:
            return MarketSnapshot(quotes, self.time, open_orders=self.open_orders)
        known = {key: Price(one, self.price_dates.get(key)) for key, one in self.prices.items()}
        return MarketSnapshot(quotes, self.time, {**known, **self.price_problems}, self.open_orders)

    @cached_property
    def table(self) -> "RunTable":
        """Its securities."""
        return RunTable(_securities(self.positions, self.quotes), self._without_price())

    def _without_price(self) -> Iterator[FrozenSecurity]:
        """Securities that have no price, those of the model first, then all others, by id."""
        wanted = {one.security_id: one for one in self.positions}
        for key in sorted(self.unpriced, key=lambda one: (one not in wanted, one)):
            position = wanted.get(key) or Position(key, ZERO, ZERO, ZERO)
            weights = (position.target, position.low_drift, position.high_drift)
            problem = PriceProblem.of(self.problems[key])
            yield FrozenSecurity(key, self.unpriced[key], *weights, problem)


#: Securities whose place a table knows without comparing digits. Each chunk of a run makes its own of them.
KNOWN = 8192


class RunTable:
    """Securities of a run that results refer to by their place: those of the model, then all others, by id.

    Frozen ones have places of their own: first all securities as their prices would be too old, then those
    that have none.

    Attributes:
        securities: in the order of their places.
        ascending: so many of the first are in the order of their ids.
    """

    def __init__(
        self, securities: Sequence[RunSecurity] = (), without_price: Iterable[FrozenSecurity] = ()
    ) -> None:
        self.securities = tuple(securities)
        self._without_price = tuple(without_price)
        pairs = enumerate(pairwise(self.securities), 1)
        steps = (place for place, (one, after) in pairs if one.security_id > after.security_id)
        self.ascending = next(steps, len(self.securities))
        self._places = _Places(self.securities)
        self._last: tuple[Sequence[RunSecurity], Layout] = ((), layout_of((), (), 0))

    def place(self, security: RunSecurity) -> int | None:
        """Where a security stands, digit for digit; None where it does not."""
        return self._places.of(security)

    def leading(self, count: int) -> tuple[RunSecurity, ...]:
        """The first so many. Raises IndexError where there are fewer."""
        if count > len(self.securities):
            raise IndexError(count)
        return self.securities[:count]

    def layout(self, securities: Sequence[RunSecurity]) -> Layout:
        """How securities of a portfolio are written down.

        One portfolio after another of a chunk has the very same, which are looked up once.
        """
        last, layout = self._last
        if len(last) != len(securities) or not all(map(is_, last, securities)):
            layout = layout_of(securities, [self.place(one) for one in securities], len(self.securities))
            self._last = securities, layout
        return layout

    @cached_property
    def frozen(self) -> tuple[FrozenSecurity, ...]:
        """Those that may be frozen, in the order of their places. Most runs need none."""
        return (*map(_stale, self.securities), *self._without_price)

    @cached_property
    def _frozen_places(self) -> "_Places[FrozenSecurity]":
        return _Places(self.frozen)

    def frozen_place(self, security: FrozenSecurity) -> int | None:
        """As `place`, of a frozen one."""
        return self._frozen_places.of(security)


class _Places(Generic[Shared]):
    """Where each of some values stands."""

    def __init__(self, values: Iterable[Shared]) -> None:
        self._places: dict[Shared, int] = {one: place for place, one in enumerate(values)}
        # Every line of a chunk has the very same object of a security, found without comparing digits.
        self._known: dict[int, tuple[Shared, int | None]] = {}

    def of(self, one: Shared) -> int | None:
        known = self._known.get(id(one))
        if known is None:
            if len(self._known) >= KNOWN:  # those of chunks that are stored
                self._known.clear()
            known = self._known[id(one)] = (one, self._places.get(one))
        return known[1]


def _priced(found: Mapping[str, Price | DataProblem]) -> Iterator[tuple[str, Price]]:
    return ((key, one) for key, one in found.items() if isinstance(one, Price))


def _problem(quoted: Quoted) -> object:
    return quoted.problem if isinstance(quoted, NoPrice) else quoted


def _stale(one: RunSecurity) -> FrozenSecurity:
    weights = (one.target, one.low_drift, one.high_drift)
    return FrozenSecurity(one.security_id, one.ticker, *weights, PriceProblem.STALE_PRICE, one.price_date)


def _problems(found: Mapping[str, object]) -> dict[str, DataProblem]:
    return {key: one for key, one in found.items() if isinstance(one, DataProblem)}


def _securities(positions: Sequence[Position], quotes: Mapping[str, Quote]) -> list[RunSecurity]:
    wanted = {one.security_id: one for one in positions}
    order = sorted(quotes, key=lambda one: (one not in wanted, one))
    return [_security(wanted.get(one) or Position(one, ZERO, ZERO, ZERO), quotes[one]) for one in order]


def _security(position: Position, quote: Quote) -> RunSecurity:
    weights = (position.target, position.low_drift, position.high_drift)
    return RunSecurity(position.security_id, quote.ticker, quote.price, *weights, price_date=quote.price_date)
