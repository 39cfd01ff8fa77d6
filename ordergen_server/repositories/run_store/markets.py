"""What all portfolios of a run share, kept with it: its model and its market, as they were."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

from ordergen_server.domain.errors import DataProblem
from ordergen_server.domain.market import MarketSnapshot, Price, Quote
from ordergen_server.domain.models import Position
from ordergen_server.domain.numbers import ZERO
from ordergen_server.domain.open_orders import OpenOrder
from ordergen_server.domain.rebalances import RunSecurity


@dataclass(frozen=True)
class RunMarket:
    """The model's positions, and what a `MarketSnapshot` has, as it is packed."""

    positions: tuple[Position, ...]
    time: datetime
    quotes: dict[str, Quote]
    problems: dict[str, DataProblem]
    prices: dict[str, Decimal] | None
    price_problems: dict[str, DataProblem]
    price_dates: dict[str, date] = field(default_factory=dict)
    open_orders: dict[str, tuple[OpenOrder, ...]] | None = None

    @classmethod
    def of(cls, positions: Sequence[Position], market: MarketSnapshot) -> "RunMarket":
        """Of a model and the market of its run."""
        prices = {} if market.prices is None else market.prices
        return cls(
            tuple(positions),
            market.time,
            {key: one for key, one in market.quotes.items() if isinstance(one, Quote)},
            _problems(market.quotes),
            None if market.prices is None else {key: one.value for key, one in _priced(prices)},
            _problems(prices),
            {key: one.day for key, one in _priced(prices) if one.day},
            None
            if market.open_orders is None
            else {key: tuple(one) for key, one in market.open_orders.items()},
        )

    @property
    def snapshot(self) -> MarketSnapshot:
        """The market."""
        quotes: dict[str, Quote | DataProblem] = {**self.quotes, **self.problems}
        if self.prices is None:
            return MarketSnapshot(quotes, self.time, open_orders=self.open_orders)
        known = {key: Price(one, self.price_dates.get(key)) for key, one in self.prices.items()}
        return MarketSnapshot(quotes, self.time, {**known, **self.price_problems}, self.open_orders)

    @cached_property
    def table(self) -> "RunTable":
        """Its securities."""
        return RunTable(_securities(self.positions, self.quotes))


#: Securities whose place a table knows without comparing digits. Each chunk of a run makes its own of them.
KNOWN = 8192


class RunTable:
    """Securities of a run that results refer to by their place: those of the model, then all others, by id.

    Attributes:
        securities: in the order of their places.
        ascending: so many of the first are in the order of their ids.
    """

    def __init__(self, securities: Sequence[RunSecurity] = ()) -> None:
        self.securities = tuple(securities)
        pairs = enumerate(pairwise(self.securities), 1)
        steps = (place for place, (one, after) in pairs if one.security_id > after.security_id)
        self.ascending = next(steps, len(self.securities))
        self._places = {one: place for place, one in enumerate(self.securities)}
        # Every line of a chunk has the very same object of a security, found without comparing digits.
        self._known: dict[int, tuple[RunSecurity, int | None]] = {}

    def place(self, security: RunSecurity) -> int | None:
        """Where a security stands, digit for digit; None where it does not."""
        known = self._known.get(id(security))
        if known is None:
            if len(self._known) >= KNOWN:  # those of chunks that are stored
                self._known.clear()
            known = self._known[id(security)] = (security, self._places.get(security))
        return known[1]


def _priced(found: Mapping[str, Price | DataProblem]) -> Iterator[tuple[str, Price]]:
    return ((key, one) for key, one in found.items() if isinstance(one, Price))


def _problems(found: Mapping[str, object]) -> dict[str, DataProblem]:
    return {key: one for key, one in found.items() if isinstance(one, DataProblem)}


def _securities(positions: Sequence[Position], quotes: Mapping[str, Quote]) -> list[RunSecurity]:
    wanted = {one.security_id: one for one in positions}
    order = sorted(quotes, key=lambda one: (one not in wanted, one))
    return [_security(wanted.get(one) or Position(one, ZERO, ZERO, ZERO), quotes[one]) for one in order]


def _security(position: Position, quote: Quote) -> RunSecurity:
    weights = (position.target, position.low_drift, position.high_drift)
    return RunSecurity(position.security_id, quote.ticker, quote.price, *weights, price_date=quote.price_date)
