"""The market of a run that a server of an earlier release has begun: a document of the run's work."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ordergen_server.domain.errors import DataProblem
from ordergen_server.domain.market import MarketSnapshot, Price, Quote
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.documents import from_document


@dataclass(frozen=True, slots=True)
class _Price:
    ticker: str
    price: Decimal | None = None
    problem: DataProblem | None = None


@dataclass(frozen=True, slots=True)
class _Market:
    quotes: dict[str, Quote]
    problems: dict[str, DataProblem]
    time: datetime
    prices: tuple[_Price, ...] | None = None


def earlier_market(document: Document) -> MarketSnapshot:
    """The market of such a document."""
    kept = from_document(document, _Market)
    found = {one.ticker: one.problem if one.price is None else Price(one.price) for one in kept.prices or ()}
    prices = None if kept.prices is None else {name: one for name, one in found.items() if one is not None}
    return MarketSnapshot({**kept.quotes, **kept.problems}, kept.time, prices)
