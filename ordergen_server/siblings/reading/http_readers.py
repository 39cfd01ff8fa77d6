"""The readers of the bulk lists over HTTP/JSON: securities, prices and names.

Securities come from `/api/v1/securities`, all in one answer, and not from the pages of v2: pages shift
under a reader when a security is added, and one answer is one call. Names likewise.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import TypeVar
from urllib.parse import quote

import msgspec

from ordergen_server.domain.market import Price
from ordergen_server.siblings.calling.breaker import CircuitBreaker
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import (
    AttemptFailed,
    Flaw,
    InternalFailure,
    Refused,
    Unreadable,
    shown,
)
from ordergen_server.siblings.calling.http_service import Fetch, HttpService
from ordergen_server.siblings.calling.observer import UNOBSERVED, SiblingObserver
from ordergen_server.siblings.reading import decimals, readers
from ordergen_server.siblings.reading.documents import (
    ABSENT,
    MALFORMED,
    day,
    decoded,
    flaw_of,
    number,
    records,
    text,
)
from ordergen_server.siblings.reading.entries import unique

Record = TypeVar("Record")
Value = TypeVar("Value")
_logger = logging.getLogger(__name__)


class SecurityRecord(msgspec.Struct, rename="camel"):
    """A security, as far as we read it."""

    security_id: str
    ticker: msgspec.Raw = ABSENT


class PriceRecord(msgspec.Struct):
    """A price, as far as we read it."""

    ticker: str
    close: msgspec.Raw = ABSENT
    date: msgspec.Raw = ABSENT


class PortfolioRecord(msgspec.Struct, rename="camel"):
    """A portfolio, as far as we read it."""

    portfolio_id: str
    name: msgspec.Raw = ABSENT


class PageRecord(msgspec.Struct):
    """A page of any list, as far as all have it."""

    pagination: dict[str, msgspec.Raw]


_SECURITIES = "/api/v1/securities"
_SECURITY = msgspec.json.Decoder(SecurityRecord)
_PRICE = msgspec.json.Decoder(PriceRecord)
_PORTFOLIO = msgspec.json.Decoder(PortfolioRecord)
_PAGE = msgspec.json.Decoder(PageRecord)


class HttpReader:
    """What all readers over HTTP have.

    Attributes:
        service: its name.
        question: the path of what it must be able to answer, at the least cost: a page of one entry.
    """

    service: str
    question: str

    def __init__(self, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        self._http = HttpService(self.service, config, observer)

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker before the service."""
        return self._http.caller.breaker

    def look(self, timeout_seconds: float) -> None:
        """Ask `question` once; see Reader."""
        self._http.look(self.question, _is_page, timeout_seconds)

    def close(self) -> None:
        """Close every connection; calls under way end as unavailable."""
        self._http.close()


class HttpSecurityReader(HttpReader):
    """Reads `GET /api/v1/securities`, and `GET /api/v1/security/{securityId}` where it must.

    The real service answers 400 for the list while the type of one security is missing; it goes on answering
    for every other one.
    """

    service = readers.SECURITY
    question = "/api/v2/securities?limit=1&offset=0"

    def look(self, timeout_seconds: float) -> None:
        """Ask for one security; a 400 shows that the service is well as much as an answer does."""
        try:
            super().look(timeout_seconds)
        except Refused as refusal:
            if not refusal.is_invalid:
                raise

    def read_tickers(self, deadline: Deadline) -> Mapping[str, str | Flaw] | None:
        """The ticker of every security by its id; None where the list is a 400."""
        with self._http.caller.answering():
            try:
                return self._http.get(_SECURITIES, self._read, deadline)
            except Refused as refusal:
                if refusal.is_invalid:
                    return None
                raise

    def read_ticker(self, security_id: str, deadline: Deadline) -> str | Flaw | None:
        """The ticker of one security; None where there is no such security."""
        try:
            return self._http.converse(lambda fetch: _ticker(fetch, security_id), deadline)
        except Refused as refusal:
            return None if refusal.is_unknown else Flaw("status", refusal.reason)
        except Unreadable as failure:
            return Flaw("body", failure.reason)

    def _read(self, body: bytes) -> Mapping[str, str | Flaw]:
        entries = _each(self.service, body, _SECURITY)
        return unique((each.security_id, text(each.ticker, f"[{index}].ticker")) for index, each in entries)


class HttpPriceReader(HttpReader):
    """Reads `GET /api/v1/prices`, which has no pages."""

    service = readers.PRICING
    question = "/api/v1/prices"

    def look(self, timeout_seconds: float) -> None:
        """Ask for all prices: that there is no price of one ticker may mean that there is no such path."""
        self._http.look(self.question, records, timeout_seconds)

    def read_prices(self, deadline: Deadline) -> Mapping[str, Price | Flaw]:
        """The price of one share, in money, by ticker."""
        with self._http.caller.answering():
            return self._http.get(self.question, self._read, deadline)

    def _read(self, body: bytes) -> Mapping[str, Price | Flaw]:
        entries = _each(self.service, body, _PRICE)
        return unique((each.ticker, _price(each, f"[{index}].close")) for index, each in entries)


class HttpNameReader(HttpReader):
    """Reads `GET /api/v1/portfolios`."""

    service = readers.PORTFOLIO
    question = "/api/v2/portfolios?limit=1&offset=0"

    def read_names(self, deadline: Deadline) -> Mapping[str, str]:
        """The name of every portfolio by its id."""
        with self._http.caller.answering():
            return self._http.get("/api/v1/portfolios", self._read, deadline)

    def _read(self, body: bytes) -> Mapping[str, str]:
        entries = _each(self.service, body, _PORTFOLIO)
        named = unique((each.portfolio_id, text(each.name, f"[{index}].name")) for index, each in entries)
        return {key: name for key, name in named.items() if isinstance(name, str)}


def _price(record: PriceRecord, path: str) -> Price | Flaw:
    value = number(record.close, path, decimals.price)
    return value if isinstance(value, Flaw) else Price(value, day(record.date))


def _is_page(body: bytes) -> None:
    """Raises Unreadable where a body is no page of a list."""
    try:
        decoded(body, _PAGE)
    except msgspec.ValidationError as error:
        raise Unreadable(f"answered no page of a list: {shown(error)}") from error


def _each(service: str, body: bytes, decoder: "msgspec.json.Decoder[Record]") -> Iterable[tuple[int, Record]]:
    """Every record that says what it is about, with its index; the others are logged, once a list."""
    nameless: list[str] = []
    for index, raw in enumerate(records(body)):
        try:
            yield index, decoder.decode(raw)
        except MALFORMED as error:
            nameless.append(f"[{index}]: {shown(error)}")
    if nameless:
        extra = {"service": service, "records": len(nameless), "first": nameless[0]}
        _logger.warning("%s: %d records that name nothing", service, len(nameless), extra=extra)


def _ticker(fetch: Fetch, security_id: str) -> str | Flaw:
    """The ticker of one security; a 500 is about that security where the service is otherwise well."""
    try:
        body = fetch(f"/api/v1/security/{quote(security_id, safe='')}")
    except InternalFailure as failure:
        if _is_well(fetch):
            return Flaw("status", failure.reason)
        raise
    try:
        record = decoded(body, _SECURITY)
    except msgspec.ValidationError as error:
        return flaw_of(error)
    if record.security_id != security_id:
        return Flaw("securityId", f"must be the security asked for, not {shown(repr(record.security_id))}")
    return text(record.ticker, "ticker")


def _is_well(fetch: Fetch) -> bool:
    """Whether the service reads its securities: a 400 for their list shows it as well as the list."""
    try:
        fetch(_SECURITIES)
    except Refused as refusal:
        return refusal.is_invalid
    except AttemptFailed:
        return False
    return True
