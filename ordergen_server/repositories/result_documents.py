"""What became of a portfolio, as it is stored.

A hundred lines of a portfolio would repeat the names of their fields a hundred times: the lines are stored
as columns, a third of the size and of the time. Transactions are what the lines say and are not stored.
Documents that were stored line by line, with transactions, are read as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import cast

from ordergen_server.domain.rebalances import PortfolioRebalance, RebalancePosition, Side
from ordergen_server.repositories.database import Document
from ordergen_server.repositories.documents import from_document, to_document

Columns = Mapping[str, Sequence[object]]

_NAMES = tuple(one.name for one in fields(RebalancePosition))
_OF_TRADES = ("security_id", "trade_quantity")
#: The projection that leaves out lines, but for their trades.
WITHOUT_LINES = {"_id": 0, **{f"positions.{name}": 0 for name in _NAMES if name not in _OF_TRADES}}


def result_document(result: PortfolioRebalance) -> Document:
    """The document of a result."""
    document = to_document(replace(result, positions=(), transactions=()))
    del document["transactions"]
    lines = [to_document(position) for position in result.positions]
    return {**document, "positions": {name: [line[name] for line in lines] for name in _NAMES}}


def result_of(document: Document) -> PortfolioRebalance:
    """The result of a document; without lines where the document was read `WITHOUT_LINES`."""
    positions = document["positions"]
    if isinstance(positions, list):
        whole = all("price" in line for line in positions)
        return from_document({**document, "positions": positions if whole else []}, PortfolioRebalance)
    columns = cast("Columns", positions)
    lines = _lines(columns) if len(columns) == len(_NAMES) else []
    return from_document(
        {**document, "positions": lines, "transactions": _trades(columns, document["trade_date"])},
        PortfolioRebalance,
    )


def _lines(columns: Columns) -> list[Document]:
    rows = zip(*(columns[name] for name in _NAMES), strict=True)
    return [dict(zip(_NAMES, row, strict=True)) for row in rows]


def _trades(columns: Columns, trade_date: object) -> list[Document]:
    trades = zip(columns["security_id"], cast("Sequence[int]", columns["trade_quantity"]), strict=True)
    return [
        {
            "security_id": security_id,
            "side": (Side.BUY if quantity > 0 else Side.SELL).value,
            "quantity": abs(quantity),
            "trade_date": trade_date,
        }
        for security_id, quantity in trades
        if quantity
    ]
