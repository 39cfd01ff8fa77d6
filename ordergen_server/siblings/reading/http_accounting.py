"""The reader of portfolio accounting over HTTP/JSON."""

from urllib.parse import quote

import msgspec

from ordergen_server.domain.errors import BadData
from ordergen_server.domain.market import Holdings
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import Flaw, InternalFailure, Refused, Unreadable, bad_data
from ordergen_server.siblings.calling.http_service import Fetch
from ordergen_server.siblings.reading import decimals, readers
from ordergen_server.siblings.reading.documents import ABSENT, decoded, flaw_of, number, text
from ordergen_server.siblings.reading.entries import not_blank
from ordergen_server.siblings.reading.holdings import Line, Summary, checked_holdings, new_holdings
from ordergen_server.siblings.reading.http_balances import holdings_of_balances
from ordergen_server.siblings.reading.http_readers import HttpReader


class LineRecord(msgspec.Struct, rename="camel"):
    """A holding, as far as we read it: the net quantity counts, long and short are its parts."""

    security_id: str
    net_quantity: msgspec.Raw = ABSENT


class SummaryRecord(msgspec.Struct, rename="camel"):
    """A summary, as far as we read it."""

    securities: list[LineRecord]
    portfolio_id: msgspec.Raw = ABSENT
    cash_balance: msgspec.Raw = ABSENT


_SUMMARY = msgspec.json.Decoder(SummaryRecord)


#: Lines of a summary from which on it may be cut: the real service takes 1,000 rows, cash among them.
MAYBE_CUT = 999


class HttpAccountingReader(HttpReader):
    """Reads `GET /api/v1/portfolios/{portfolioId}/summary`, and `GET /api/v1/balances` where it must.

    The real service answers 500 for a portfolio without balance rows, and cuts a summary of more than 1,000
    rows in silence; its balances tell both. All of it is one attempt: one time, one outcome, one retry.
    """

    service = readers.PORTFOLIO_ACCOUNTING
    question = f"/api/v1/balances?portfolio_id={readers.NO_PORTFOLIO}&limit=1&offset=0"

    def read_holdings(self, portfolio_id: str, deadline: Deadline) -> Holdings:
        """Cash and shares of a portfolio, all of them; new and empty where accounting has no record of it.

        Raises:
            BadData: the answer is about this portfolio and cannot be.
            SiblingUnavailable: portfolio accounting does not answer.
            DeadlineExceeded: the deadline passed first.
        """
        try:
            found = self._http.converse(lambda fetch: _found(fetch, portfolio_id), deadline)
        except Unreadable as failure:
            raise _bad(portfolio_id, Flaw("body", failure.reason)) from failure
        if isinstance(found, BadData):
            raise found
        return found


def _found(fetch: Fetch, portfolio_id: str) -> Holdings | BadData:
    """What one attempt brings; bad data is an answer, and says nothing against the service."""
    try:
        return _holdings(fetch, portfolio_id)
    except BadData as answer:
        return answer


def _holdings(fetch: Fetch, portfolio_id: str) -> Holdings:
    path = f"/api/v1/portfolios/{quote(portfolio_id, safe='')}/summary"
    try:
        held = checked_holdings(portfolio_id, _read(fetch(path)))
    except InternalFailure as failure:
        return _without_summary(fetch, portfolio_id, failure)
    except Refused as refusal:
        if refusal.is_unknown:
            return new_holdings(portfolio_id)
        raise _bad(portfolio_id, Flaw("status", refusal.reason)) from refusal
    return held if len(held.quantities) < MAYBE_CUT else _whole(fetch, held)


def _without_summary(fetch: Fetch, portfolio_id: str, failure: InternalFailure) -> Holdings:
    """What the balances say where the summary is a 500, which stands unless they are clear."""
    try:
        return holdings_of_balances(fetch, portfolio_id)
    except (Refused, Unreadable) as unclear:
        raise failure from unclear


def _whole(fetch: Fetch, held: Holdings) -> Holdings:
    """All of what a summary may be cut from; it is of one moment, and the balances must agree with it."""
    try:
        whole = holdings_of_balances(fetch, held.portfolio_id)
    except Refused as refusal:
        raise _bad(held.portfolio_id, Flaw("status", refusal.reason)) from refusal
    if whole.cash != held.cash or not held.quantities.items() <= whole.quantities.items():
        raise Unreadable(f"answered balances of {held.portfolio_id} that are not those of its summary")
    return whole


def _bad(portfolio_id: str, flaw: Flaw) -> BadData:
    return bad_data(readers.PORTFOLIO_ACCOUNTING, portfolio_id, flaw, "Portfolio")


def _read(body: bytes) -> Summary | Flaw:
    try:
        record = decoded(body, _SUMMARY)
    except msgspec.ValidationError as error:
        return flaw_of(error)
    portfolio_id = text(record.portfolio_id, "portfolioId")
    cash = number(record.cash_balance, "cashBalance", decimals.amount)
    return Summary("portfolioId", portfolio_id, cash, [_line(each) for each in record.securities])


def _line(record: LineRecord) -> Line:
    quantity = number(record.net_quantity, "netQuantity", decimals.amount)
    return not_blank(record.security_id, "securityId"), quantity
