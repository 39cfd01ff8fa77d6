"""Results as earlier releases stored them: lines as columns, or line by line with their transactions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from ordergen_server.domain.rebalances.lines import RebalancePosition, RunSecurity, transactions_of
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.documents import from_document

Columns = Mapping[str, Sequence[Any]]

_OF_SECURITIES = ("security_id", "ticker", "price", "target", "low_drift", "high_drift")
_NAMES = (*_OF_SECURITIES, "original_quantity", "trade_quantity", "reason")
_DECIMALS = {"price", "target", "low_drift", "high_drift", "original_quantity"}
_OF_TRADES = ("security_id", "trade_quantity")
#: The projection that leaves out lines, but for their trades.
WITHOUT_LINES = {f"positions.{name}": 0 for name in _NAMES if name not in _OF_TRADES}


def earlier_result(document: Document) -> PortfolioRebalance:
    """The result of a document; without lines where the document was read `WITHOUT_LINES`."""
    positions = document["positions"]
    columns = _columns(positions) if isinstance(positions, list) else cast("Columns", positions)
    found = from_document({**document, "positions": [], "transactions": []}, PortfolioRebalance)
    trades = zip(columns["security_id"], columns["trade_quantity"], strict=True)
    return replace(
        found,
        positions=tuple(_lines(columns)) if "price" in columns else (),
        transactions=transactions_of(trades, found.trade_date),
    )


def _lines(columns: Columns) -> Iterable[RebalancePosition]:
    securities = map(RunSecurity, *(_values(columns, name) for name in _OF_SECURITIES))
    quantities = _values(columns, "original_quantity")
    return map(RebalancePosition, securities, quantities, columns["trade_quantity"], columns["reason"])


def _values(columns: Columns, name: str) -> Iterable[Any]:
    values = columns[name]
    return map(Decimal, values) if name in _DECIMALS else values  # one of very many digits is stored as text


def _columns(lines: Sequence[Document]) -> Columns:
    names = _NAMES if all("price" in line for line in lines) else _OF_TRADES
    return {name: [line[name] for line in lines] for name in names}
