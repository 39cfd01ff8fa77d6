"""What the simulated siblings answer: JSON bodies as bytes, or None where the real service says 404."""

from __future__ import annotations

import bisect
import functools
import itertools
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from ordergen_server.sandbox.market.portfolios import Kind
from ordergen_server.sandbox.services.faults import Overrides

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ordergen_server.sandbox.market.market import Security
    from ordergen_server.sandbox.market.portfolios import Portfolios

__all__ = ["Answers"]

Row = dict[str, object]
_NONE = Decimal(0)
_CACHED_SUMMARIES = 12_000  # of up to 17 KB each
_ROWS_APART = 1_000  # balance ids of two portfolios
_UPDATED = "2025-06-06T12:17:03.072131386Z"
_CREATED = "2025-06-01T09:00:00Z"
_PRICED = "2025-06-06"
_TYPE = {
    "securityTypeId": "683b69d420f302c879a5fe01",
    "abbreviation": "CS",
    "description": "Common Stock",
    "version": 1,
}
_encode = msgspec.json.Encoder().encode


class Answers:
    """The data of all five services over the same portfolios.

    Args:
        portfolios: the market, its model and who follows it.
        price_jitter: the largest fraction by which two answers for one price differ from the mean; 0: none.

    Attributes:
        market: the securities and the means of their prices.
        overrides: data that differs from the market's.
    """

    def __init__(self, portfolios: Portfolios, price_jitter: Decimal) -> None:
        self._portfolios = portfolios
        self.market = portfolios.market
        self._jitter = price_jitter
        self._price_calls: Counter[str] = Counter()
        self._cached_summary = functools.lru_cache(_CACHED_SUMMARIES)(self._summary)
        self.overrides = Overrides()

    def summary(self, portfolio_id: str) -> bytes | None:
        """Answer cash and quantities of a portfolio as strings; None for one without a balance record."""
        if portfolio_id in self.overrides.summaries:
            return _raw(self.overrides.summaries[portfolio_id])
        return self._cached_summary(portfolio_id)

    def _summary(self, portfolio_id: str) -> bytes | None:
        number = self._portfolios.number_of(portfolio_id)
        if number is None or self._portfolios.kind(number) is Kind.NEW:
            return None
        portfolio = self._portfolios.portfolio(number)
        held = [_holding(*each) for each in portfolio.holdings.items()]
        cash = {"cashBalance": f"{portfolio.cash:f}", "securityCount": len(held), "lastUpdated": _UPDATED}
        return _encode({"portfolioId": portfolio_id, **cash, "securities": held})

    def balances(self, portfolio_id: str | None, limit: int, offset: int) -> bytes:
        """Answer balance rows of one portfolio or of all; the row without a security is cash."""
        if portfolio_id is None:
            total, rows = self._row_starts[-1], self._rows_from(offset)
        else:
            number = self._portfolios.number_of(portfolio_id)
            own = [] if number is None else list(self._rows(number))
            total, rows = len(own), itertools.islice(own, offset, None)
        page = list(itertools.islice(rows, limit))
        paging = {"limit": limit, "offset": offset, "total": total, "hasMore": offset + len(page) < total}
        return _encode({"balances": page, "pagination": paging})

    @functools.cached_property
    def _row_starts(self) -> list[int]:
        """How many rows lie before each portfolio, and at the end of them all: a pass over everyone, once."""
        counts = (sum(1 for _ in self._rows(number)) for number in range(self._portfolios.count))
        return [0, *itertools.accumulate(counts)]

    def _rows_from(self, offset: int) -> Iterator[Row]:
        number = bisect.bisect_right(self._row_starts, offset) - 1
        rest = range(number, self._portfolios.count)
        rows = itertools.chain.from_iterable(self._rows(each) for each in rest)
        return itertools.islice(rows, offset - self._row_starts[number], None)

    def _rows(self, number: int) -> Iterator[Row]:
        portfolio = self._portfolios.portfolio(number)
        if portfolio.kind is Kind.NEW:
            return
        held: list[tuple[str | None, Decimal]] = [(None, portfolio.cash), *portfolio.holdings.items()]
        for place, (security_id, quantity) in enumerate(held, start=number * _ROWS_APART + 1):
            key = {"id": place, "portfolioId": portfolio.portfolio_id, "securityId": security_id}
            yield {**key, **_quantities(quantity), "lastUpdated": _UPDATED, "version": 1}

    def price(self, ticker: str) -> bytes | None:
        """Answer the price of a ticker, a JSON number written exactly."""
        security = self.market.by_ticker.get(ticker)
        return None if security is None else self._price(security)

    def prices(self) -> bytes:
        """Answer the prices of all securities that have one."""
        return _list(filter(None, map(self._price, self.market.securities)))

    def _price(self, security: Security) -> bytes | None:
        text = self.price_text(security)
        if text is None:
            return None
        number = msgspec.Raw(text.encode())
        place = self._places[security.security_id]
        known = {"id": place, "ticker": security.ticker, "date": _PRICED}
        return _encode({**known, **dict.fromkeys(("open", "close", "high", "low"), number), "volume": 0})

    def price_text(self, security: Security) -> str | None:
        """Return the text of a price as it is sent; None where there is none."""
        if security.security_id in self.overrides.prices:
            return self.overrides.prices[security.security_id]
        if not self._jitter:
            return f"{security.price:f}"
        self._price_calls[security.security_id] += 1
        call = self._price_calls[security.security_id]
        return f"{self.market.sampled_price(security, call, self._jitter):f}"

    @functools.cached_property
    def _places(self) -> Mapping[str, int]:
        return {each.security_id: place for place, each in enumerate(self.market.securities, start=1)}

    def security(self, security_id: str) -> bytes | None:
        """Answer a security by its id."""
        security = self.market.by_id.get(security_id)
        if security is None or security_id in self.overrides.unknown_securities:
            return None
        return _encode(_security(security))

    def securities(self) -> bytes:
        """Answer all securities in one list."""
        return _encode([_security(each) for each in self.known_securities()])

    def securities_page(self, limit: int, offset: int) -> bytes:
        """Answer one page of the securities."""
        known = self.known_securities()
        page = [_security(each) for each in known[offset : offset + limit]]
        return _encode({"securities": page, "pagination": _paging(len(known), limit, offset)})

    def known_securities(self) -> list[Security]:
        """Return the securities that the security service knows."""
        unknown = self.overrides.unknown_securities
        return [each for each in self.market.securities if each.security_id not in unknown]

    def portfolio(self, portfolio_id: str) -> bytes | None:
        """Answer a portfolio by its id: its name, not its holdings."""
        number = self._portfolios.number_of(portfolio_id)
        return None if number is None else _encode(self._portfolio(number))

    def portfolios(self) -> bytes:
        """Answer all portfolios in one list."""
        return _encode([self._portfolio(number) for number in range(self._portfolios.count)])

    def portfolios_page(self, limit: int, offset: int) -> bytes:
        """Answer one page of the portfolios."""
        numbers = range(self._portfolios.count)[offset : offset + limit]
        page = [self._portfolio(number) for number in numbers]
        return _encode({"portfolios": page, "pagination": _paging(self._portfolios.count, limit, offset)})

    def _portfolio(self, number: int) -> Row:
        names = {"portfolioId": self._portfolios.portfolio_id(number), "name": self._portfolios.name(number)}
        return {**names, "dateCreated": _CREATED, "version": 1}


def _raw(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _list(items: Iterator[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def _quantities(quantity: Decimal) -> dict[str, str]:
    return {
        "quantityLong": f"{max(quantity, _NONE):f}",
        "quantityShort": f"{max(-quantity, _NONE):f}",
    }


def _holding(security_id: str, quantity: Decimal) -> Row:
    net = {"netQuantity": f"{quantity:f}", "lastUpdated": _UPDATED}
    return {"securityId": security_id, **_quantities(quantity), **net}


def _security(security: Security) -> Row:
    return {
        "securityId": security.security_id,
        "ticker": security.ticker,
        "description": security.description,
        "securityTypeId": _TYPE["securityTypeId"],
        "version": 1,
        "securityType": _TYPE,
    }


def _paging(total: int, limit: int, offset: int) -> Row:
    return {
        "totalElements": total,
        "totalPages": -(-total // limit),
        "currentPage": offset // limit,
        "pageSize": limit,
        "hasNext": offset + limit < total,
        "hasPrevious": offset > 0,
    }
