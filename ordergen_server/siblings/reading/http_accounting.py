"""The reader of portfolio accounting over HTTP/JSON."""

from urllib.parse import quote

import msgspec

from ordergen_server.domain.market import Holdings
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import Flaw, Refused, Unreadable
from ordergen_server.siblings.reading import decimals, readers
from ordergen_server.siblings.reading.documents import ABSENT, decoded, flaw_of, number, text
from ordergen_server.siblings.reading.entries import not_blank
from ordergen_server.siblings.reading.holdings import Line, Summary, checked_holdings, new_holdings
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


class HttpAccountingReader(HttpReader):
    """Reads `GET /api/v1/portfolios/{portfolioId}/summary`."""

    service = readers.PORTFOLIO_ACCOUNTING

    def read_holdings(self, portfolio_id: str, deadline: Deadline) -> Holdings:
        """Cash and shares of a portfolio; new and empty where accounting has no record of it.

        Raises:
            BadData: the answer is about this portfolio and cannot be.
            SiblingUnavailable: portfolio accounting does not answer.
            DeadlineExceeded: the deadline passed first.
        """
        path = f"/api/v1/portfolios/{quote(portfolio_id, safe='')}/summary"
        try:
            summary = self._http.get(path, _read, deadline)
        except Refused as refusal:
            if refusal.is_unknown:
                return new_holdings(portfolio_id)
            summary = Flaw("status", refusal.reason)
        except Unreadable as failure:
            summary = Flaw("body", failure.reason)
        return checked_holdings(portfolio_id, summary)


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
