"""All balance rows of a portfolio, page by page: `GET /api/v1/balances` of portfolio accounting.

The pages are not of one moment. What was added or went away between two of them shows in the total, or in
where a page begins: each begins with the last row of the one before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

import msgspec

from ordergen_server.domain.market import Holdings
from ordergen_server.domain.numbers import difference
from ordergen_server.siblings.calling.failures import Flaw, Unreadable, shown
from ordergen_server.siblings.calling.http_service import Fetch
from ordergen_server.siblings.reading import decimals
from ordergen_server.siblings.reading.documents import ABSENT, decoded, flaw_of, number
from ordergen_server.siblings.reading.entries import not_blank
from ordergen_server.siblings.reading.holdings import Line, Summary, checked_holdings, new_holdings

#: Rows of a page at most; whoever asks the real service for more gets 50.
PAGE_ROWS = 1_000
_PATH = "balances"


class RowRecord(msgspec.Struct, rename="camel"):
    """A balance row, as far as we read it; the one without a security is cash."""

    portfolio_id: str
    security_id: str | None = None
    quantity_long: msgspec.Raw = ABSENT
    quantity_short: msgspec.Raw = ABSENT


class PagingRecord(msgspec.Struct):
    """Of how many rows a page is a part."""

    total: int


class PageRecord(msgspec.Struct):
    """A page of balance rows."""

    balances: list[RowRecord]
    pagination: PagingRecord


@dataclass(frozen=True, slots=True)
class _Row:
    """A row; its security is None where it is cash."""

    portfolio_id: str
    security_id: str | None
    quantity: Decimal | Flaw


_PAGE = msgspec.json.Decoder(PageRecord)


def holdings_of_balances(fetch: Fetch, portfolio_id: str) -> Holdings:
    """Cash and shares of a portfolio by all its balance rows; new where it has none.

    Raises:
        BadData: a row cannot be.
        Unreadable: an answer is no page of rows, or the pages do not fit together.
        Refused, AttemptFailed: a page was refused, or did not come.
    """
    rows = _all_rows(fetch, portfolio_id)
    return (
        checked_holdings(portfolio_id, _summary(portfolio_id, rows)) if rows else new_holdings(portfolio_id)
    )


def _all_rows(fetch: Fetch, portfolio_id: str) -> Sequence[_Row]:
    rows, total = _page(fetch, portfolio_id, 0)
    while 0 < len(rows) < total:
        more, total_now = _page(fetch, portfolio_id, len(rows) - 1)
        if total_now != total or more[:1] != rows[-1:]:
            raise Unreadable(f"answered balances of {portfolio_id} that changed while they were read")
        if len(more) <= 1:
            break
        rows += more[1:]
    if len(rows) != total:
        raise Unreadable(f"answered {len(rows)} balances of {portfolio_id} and a total of {total}")
    return rows


def _page(fetch: Fetch, portfolio_id: str, offset: int) -> tuple[list[_Row], int]:
    """The rows from `offset` on, as many as a page has, and the number of all rows."""
    query = urlencode({"portfolio_id": portfolio_id, "limit": PAGE_ROWS, "offset": offset})
    try:
        page = decoded(fetch(f"/api/v1/balances?{query}"), _PAGE)
    except msgspec.ValidationError as error:
        flaw = flaw_of(error)
        raise Unreadable(f"answered no page of balances: {flaw.path}: {flaw.rule}") from error
    return [_row(each) for each in page.balances], page.pagination.total


def _row(record: RowRecord) -> _Row:
    long = number(record.quantity_long, "quantityLong", decimals.amount)
    short = number(record.quantity_short, "quantityShort", decimals.amount)
    if isinstance(long, Flaw):
        return _Row(record.portfolio_id, record.security_id, long)
    quantity = short if isinstance(short, Flaw) else difference(long, short)
    return _Row(record.portfolio_id, record.security_id, quantity)


def _summary(portfolio_id: str, rows: Sequence[_Row]) -> Summary:
    others = [each.portfolio_id for each in rows if each.portfolio_id != portfolio_id]
    cash = [each.quantity for each in rows if each.security_id is None]
    lines = [_line(each.security_id, each) for each in rows if each.security_id is not None]
    answered = others[0] if others else portfolio_id
    return Summary(f"{_PATH}.portfolioId", answered, _cash(cash), lines, _PATH)


def _line(security_id: str, row: _Row) -> Line:
    return not_blank(security_id, "securityId"), row.quantity


def _cash(found: Sequence[Decimal | Flaw]) -> Decimal | Flaw:
    """The cash of a portfolio; one that has shares alone has none, in the summary as well."""
    if len(found) > 1:
        return Flaw(_PATH, f"must have cash once, not {shown(len(found))} times")
    return found[0] if found else Decimal(0)
