"""What the simulated siblings answer: JSON bodies as bytes, or None where there is nothing to answer."""

from __future__ import annotations

import functools
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ordergen_server.sandbox.market.orders import OrderBook
from ordergen_server.sandbox.services.accounting import Accounting
from ordergen_server.sandbox.services.faults import Overrides

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal

    from ordergen_server.sandbox.market.market import Security
    from ordergen_server.sandbox.market.portfolios import Portfolios

__all__ = ["TYPE_ID", "Answers"]

Row = dict[str, object]
_CREATED = "2025-06-01T09:00:00Z"
#: The type of every security.
TYPE_ID = "683b69d420f302c879a5fe01"
_TYPE = {
    "securityTypeId": TYPE_ID,
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
        portfolio_data: who there is.
        market: the securities and the means of their prices.
        accounting: what portfolio accounting answers.
        orders: what the order service has.
        overrides: data that differs from the market's.
    """

    def __init__(self, portfolios: Portfolios, price_jitter: Decimal) -> None:
        self.portfolio_data = portfolios
        self.market = portfolios.market
        self._jitter = price_jitter
        self._price_calls: Counter[str] = Counter()
        self._priced = datetime.now(UTC).date().isoformat()
        self.overrides = Overrides()
        self.accounting = Accounting(portfolios, lambda: self.overrides)
        self.orders = OrderBook()

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
        known = {"id": place, "ticker": security.ticker, "date": self.price_day(security)}
        return _encode({**known, **dict.fromkeys(("open", "close", "high", "low"), number), "volume": 0})

    def price_day(self, security: Security) -> str | None:
        """Return the day of a price as it is sent: that of our start, unless told otherwise; None: none."""
        return self.overrides.price_dates.get(security.security_id, self._priced)

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
        """Answer a security by its id; an orphaned one is not found."""
        security = self.market.by_id.get(security_id)
        hidden = self.overrides.unknown_securities | self.overrides.orphaned_securities
        return None if security is None or security_id in hidden else _encode(_security(security))

    def securities(self) -> bytes | None:
        """Answer all securities in one list; None where one of them is orphaned."""
        known = self._known_securities()
        return None if self._is_orphaned(known) else _encode([_security(each) for each in known])

    def securities_page(self, limit: int, offset: int) -> bytes | None:
        """Answer one page of the securities, by ticker; None where one of the page is orphaned."""
        known = self._known_securities()
        page = sorted(known, key=lambda each: each.ticker)[offset : offset + limit]
        if self._is_orphaned(page):
            return None
        paging = _paging(len(known), limit, offset)
        return _encode({"securities": [_security(each) for each in page], "pagination": paging})

    def whole_securities(self) -> list[Security]:
        """Return the securities that the security service knows and that are whole."""
        orphaned = self.overrides.orphaned_securities
        return [each for each in self._known_securities() if each.security_id not in orphaned]

    def _known_securities(self) -> list[Security]:
        unknown = self.overrides.unknown_securities
        return [each for each in self.market.securities if each.security_id not in unknown]

    def _is_orphaned(self, securities: Iterable[Security]) -> bool:
        orphaned = self.overrides.orphaned_securities
        return any(each.security_id in orphaned for each in securities)

    def portfolio(self, portfolio_id: str) -> bytes | None:
        """Answer a portfolio by its id: its name, not its holdings."""
        number = self.portfolio_data.number_of(portfolio_id)
        return None if number is None else _encode(self._portfolio(number))

    def portfolios(self) -> bytes:
        """Answer all portfolios in one list."""
        return _encode([self._portfolio(number) for number in range(self.portfolio_data.count)])

    def portfolios_page(self, limit: int, offset: int) -> bytes:
        """Answer one page of the portfolios."""
        numbers = range(self.portfolio_data.count)[offset : offset + limit]
        page = [self._portfolio(number) for number in numbers]
        return _encode({"portfolios": page, "pagination": _paging(self.portfolio_data.count, limit, offset)})

    def _portfolio(self, number: int) -> Row:
        names = {
            "portfolioId": self.portfolio_data.portfolio_id(number),
            "name": self.portfolio_data.name(number),
        }
        return {**names, "dateCreated": _CREATED, "version": 1}


def _list(items: Iterator[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


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
