"""What became of a portfolio, as it is stored.

A hundred lines of a portfolio would repeat the names of their fields a hundred times: the lines are stored
as columns, a third of the size and of the time. Transactions are what the lines say and are not stored.
Documents that were stored line by line, with transactions, are read as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from operator import attrgetter, is_
from typing import Any, cast

from bson import encode
from bson.raw_bson import RawBSONDocument

from ordergen_server.domain.rebalances import PortfolioRebalance, RebalancePosition, transactions_of
from ordergen_server.repositories.mongodb.codec import Document, encoded
from ordergen_server.repositories.mongodb.documents import from_document, to_document

Columns = Mapping[str, Sequence[Any]]

_NAMES = RebalancePosition._fields
_DECIMALS = {name for name, kind in RebalancePosition.__annotations__.items() if kind is Decimal}
_OF_TRADES = ("security_id", "trade_quantity")
#: The projection that leaves out lines, but for their trades.
WITHOUT_LINES = {"_id": 0, **{f"positions.{name}": 0 for name in _NAMES if name not in _OF_TRADES}}


class ResultWriter:
    """Makes documents of results; portfolios of a run have the same prices and weights, encoded once."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Sequence[object], list[object]]] = {}

    def document(self, result: PortfolioRebalance) -> Document:
        """The document of a result, its lines encoded already."""
        document = to_document(replace(result, positions=(), transactions=()))
        del document["transactions"]
        columns = {name: self._column(result.positions, name) for name in _NAMES}
        return {**document, "positions": RawBSONDocument(encode(columns))}

    def _column(self, positions: Sequence[RebalancePosition], name: str) -> list[object]:
        values = list(map(attrgetter(name), positions))
        if name not in _DECIMALS:
            return values
        last, made = self._last.get(name, ((), []))
        # The very same, not equal ones: those may differ in their digits.
        if len(last) == len(values) and all(map(is_, last, values)):
            return made
        made = list(map(encoded, values))
        self._last[name] = (values, made)
        return made


def result_of(document: Document) -> PortfolioRebalance:
    """The result of a document; without lines where the document was read `WITHOUT_LINES`."""
    positions = document["positions"]
    columns = _columns(positions) if isinstance(positions, list) else cast("Columns", positions)
    found = from_document({**document, "positions": [], "transactions": []}, PortfolioRebalance)
    lines = map(RebalancePosition, *(_values(columns, name) for name in _NAMES)) if "price" in columns else ()
    trades = zip(columns["security_id"], columns["trade_quantity"], strict=True)
    return replace(found, positions=tuple(lines), transactions=transactions_of(trades, found.trade_date))


def _values(columns: Columns, name: str) -> Iterable[Any]:
    values = columns[name]
    return map(Decimal, values) if name in _DECIMALS else values  # one of very many digits is stored as text


def _columns(lines: Sequence[Document]) -> Columns:
    names = _NAMES if all("price" in line for line in lines) else _OF_TRADES
    return {name: [line[name] for line in lines] for name in names}
