"""Documents as the service before writes them: Decimals of 28 digits as Decimal128, nulls written out.

Its driver stores times to the millisecond and UTC; a time without a zone is taken as UTC. Cash after a
rebalance is the cash before it. Portfolios that failed are only counted.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

from bson import Decimal128, ObjectId

from tests.builders import portfolio_id, security_id

Document = dict[str, Any]

#: When models were made, and runs carried out.
CREATED = datetime(2025, 6, 3, 19, 48, 27, 5000, tzinfo=UTC)
RAN = datetime(2025, 9, 16, 23, 59, 59, 123000, tzinfo=UTC)
_ITS = Context(prec=28)


def legacy_id(number: int, when: datetime = CREATED) -> ObjectId:
    """An id made at that time; later numbers are later ids."""
    return ObjectId(f"{int(when.timestamp()):08x}{number:016x}")


def position_document(number: int, target: object, low: object = "0.01", high: object = "0.02") -> Document:
    """A position of a model; texts are stored as Decimal128, all else as it is."""
    return {
        "security_id": security_id(number),
        "target": _number(target),
        "high_drift": _number(high),
        "low_drift": _number(low),
    }


def model_document(number: int = 1, /, **changed: object) -> Document:
    """A model of two positions with two portfolios, rebalanced once."""
    return {
        "_id": legacy_id(number),
        "name": f"Model {number}",
        "positions": [position_document(1, "0.3"), position_document(2, "0.250")],
        "portfolios": [portfolio_id(10 * number), portfolio_id(10 * number + 1)],
        "last_rebalance_date": RAN.replace(tzinfo=None),
        "version": 4,
        "created_at": CREATED,
        "updated_at": RAN,
        **changed,
    }


#: Number of a security, price, shares before and after, target.
Line = tuple[int, str, int, int, str]
LINES: Sequence[Line] = (
    (3, "10.50", 40, 0, "0"),
    (1, "33.33", 10, 300, "0.3"),
    (2, "101.25", 80, 80, "0.250"),
)


def line_document(line: Line, market_value: Decimal) -> Document:
    """A line of a portfolio, with everything that the service computes."""
    number, price, before, after, target = line
    cost, weight = Decimal(price), Decimal(target)
    actual = _ITS.divide(_ITS.multiply(Decimal(after), cost), market_value)
    drift = _ITS.subtract(_ITS.divide(actual, weight), Decimal(1)) if weight else Decimal(0)
    return {
        "security_id": security_id(number),
        "price": Decimal128(cost),
        "original_quantity": Decimal128(str(before)),
        "adjusted_quantity": Decimal128(str(after)),
        "original_position_market_value": Decimal128(_ITS.multiply(Decimal(before), cost)),
        "adjusted_position_market_value": Decimal128(_ITS.multiply(Decimal(after), cost)),
        "target": Decimal128(target),
        "high_drift": Decimal128("0.02" if weight else "0"),
        "low_drift": Decimal128("0.01" if weight else "0"),
        "actual": Decimal128(actual),
        "actual_drift": Decimal128(drift),
        "transaction_type": None if before == after else "BUY" if after > before else "SELL",
        "trade_quantity": abs(after - before) or None,
        "trade_date": RAN if before != after else None,
    }


def portfolio_document(
    number: int,
    lines: Sequence[Line] = LINES,
    cash: str = "21626.70",
    changed: Mapping[int, Document] | None = None,
) -> Document:
    """What a run did for a portfolio; fields of lines are changed by the number of their security."""
    held = sum((Decimal(price) * before for _, price, before, _, _ in lines), Decimal(0))
    worth = held + Decimal(cash)
    return {
        "portfolio_id": portfolio_id(number),
        "market_value": Decimal128(worth),
        "cash_before_rebalance": Decimal128(cash),
        "cash_after_rebalance": Decimal128(cash),
        "positions": [{**line_document(line, worth), **(changed or {}).get(line[0], {})} for line in lines],
    }


def rebalance_document(
    number: int = 1, portfolios: Sequence[Document] | None = None, /, **changed: object
) -> Document:
    """A run of two portfolios of the first model."""
    done = [portfolio_document(10), portfolio_document(11)] if portfolios is None else list(portfolios)
    return {
        "_id": legacy_id(number, RAN),
        "model_id": legacy_id(1),
        "rebalance_date": RAN,
        "model_name": "Model 1",
        "number_of_portfolios": len(done),
        "portfolios": done,
        "version": 1,
        "created_at": RAN,
        **changed,
    }


def _number(value: object) -> object:
    return Decimal128(value) if isinstance(value, str) else value
