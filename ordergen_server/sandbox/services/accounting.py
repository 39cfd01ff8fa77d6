"""What simulated portfolio accounting answers: summaries, cut as the real service cuts them, and balances."""

from __future__ import annotations

import bisect
import functools
import itertools
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from ordergen_server.sandbox.market.portfolios import Kind
from ordergen_server.sandbox.services.faults import Held, Overrides

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ordergen_server.sandbox.market.portfolios import Portfolios

__all__ = ["SUMMARY_ROWS", "Accounting"]

Row = dict[str, object]
#: Balance rows of a portfolio that the real service makes a summary of, cash first; it is silent about more.
SUMMARY_ROWS = 1_000
_NONE = Decimal(0)
_CACHED_SUMMARIES = 12_000  # of up to 17 KB each
_ROWS_APART = 100_000  # balance ids of two portfolios
_UPDATED = "2025-06-06T12:17:03.072131386Z"
_encode = msgspec.json.Encoder().encode


class Accounting:
    """Cash and holdings of all portfolios.

    Args:
        portfolios: who has what.
        overrides: what differs from that, now.
    """

    def __init__(self, portfolios: Portfolios, overrides: Callable[[], Overrides]) -> None:
        self._portfolios = portfolios
        self._overrides = overrides
        self._cached = functools.lru_cache(_CACHED_SUMMARIES)(self._of_market)
        self._starts: tuple[Overrides, list[int]] | None = None

    def summary(self, portfolio_id: str, rows: int | None = SUMMARY_ROWS) -> bytes | None:
        """Answer cash and quantities as strings, of so many rows, None: of all; None: it has no rows."""
        overrides = self._overrides()
        if portfolio_id in overrides.summaries:
            text = overrides.summaries[portfolio_id]
            return None if text is None else text.encode()
        if portfolio_id in overrides.holdings:
            return _summary(portfolio_id, overrides.holdings[portfolio_id], rows)
        return self._cached(portfolio_id)

    def balances(self, portfolio_id: str | None, limit: int, offset: int) -> bytes:
        """Answer balance rows of one portfolio or of all: by portfolio and security, cash last.

        A summary that is overridden by a text of its own leaves the balances as they are.
        """
        if portfolio_id is None:
            total, rows = self._row_starts[-1], self._rows_from(offset)
        else:
            own = list(self._rows(portfolio_id))
            total, rows = len(own), itertools.islice(own, offset, None)
        page = list(itertools.islice(rows, limit))
        pages = {"page": offset // limit + 1, "totalPages": -(-total // limit)}
        paging = {
            "limit": limit,
            "offset": offset,
            "total": total,
            "hasMore": offset + limit < total,
            **pages,
        }
        return _encode({"balances": page, "pagination": paging})

    @property
    def _row_starts(self) -> list[int]:
        """How many rows lie before each portfolio, and at the end of them all: a pass over everyone."""
        overrides = self._overrides()
        if self._starts is None or self._starts[0] is not overrides:
            counts = (sum(1 for _ in self._rows(each)) for each in self._portfolios.model.portfolio_ids)
            self._starts = (overrides, [0, *itertools.accumulate(counts)])
        return self._starts[1]

    def _rows_from(self, offset: int) -> Iterator[Row]:
        starts = self._row_starts
        number = bisect.bisect_right(starts, offset) - 1
        rest = self._portfolios.model.portfolio_ids[number:]
        rows = itertools.chain.from_iterable(self._rows(each) for each in rest)
        return itertools.islice(rows, offset - starts[number], None)

    def _rows(self, portfolio_id: str) -> Iterator[Row]:
        held = self._held(portfolio_id)
        if held is None:
            return
        first = (self._portfolios.number_of(portfolio_id) or 0) * _ROWS_APART + 1
        for place, (security_id, quantity) in enumerate(sorted(held.quantities.items()), start=first + 1):
            yield {"id": place, "portfolioId": portfolio_id, "securityId": security_id, **_numbers(quantity)}
        cash = {"quantityLong": _text(held.cash), "quantityShort": "0"}
        yield {"id": first, "portfolioId": portfolio_id, **cash, "lastUpdated": _UPDATED, "version": 1}

    def _held(self, portfolio_id: str) -> Held | None:
        overrides = self._overrides()
        if overrides.summaries.get(portfolio_id, "") is None:
            return None
        return overrides.holdings.get(portfolio_id) or self._held_in_market(portfolio_id)

    def _held_in_market(self, portfolio_id: str) -> Held | None:
        number = self._portfolios.number_of(portfolio_id)
        if number is None or self._portfolios.kind(number) is Kind.NEW:
            return None
        portfolio = self._portfolios.portfolio(number)
        return Held(cash=portfolio.cash, quantities=dict(portfolio.holdings))

    def _of_market(self, portfolio_id: str) -> bytes | None:
        held = self._held_in_market(portfolio_id)
        return None if held is None else _summary(portfolio_id, held, None)  # never so many


def _summary(portfolio_id: str, held: Held, rows: int | None) -> bytes:
    lines = sorted(held.quantities.items())[: None if rows is None else rows - 1]
    securities = [_line(security_id, quantity) for security_id, quantity in lines]
    cash = {"cashBalance": _text(held.cash), "securityCount": len(lines), "lastUpdated": _UPDATED}
    return _encode({"portfolioId": portfolio_id, **cash, "securities": securities})


def _line(security_id: str, quantity: Decimal) -> Row:
    net = {"netQuantity": _text(quantity), "lastUpdated": _UPDATED}
    return {"securityId": security_id, **_quantities(quantity), **net}


def _numbers(quantity: Decimal) -> Row:
    return {**_quantities(quantity), "lastUpdated": _UPDATED, "version": 1}


def _quantities(quantity: Decimal) -> Row:
    return {"quantityLong": _text(max(quantity, _NONE)), "quantityShort": _text(max(-quantity, _NONE))}


def _text(number: Decimal) -> str:
    """Write a number without zeros at the end, as the real service does."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
