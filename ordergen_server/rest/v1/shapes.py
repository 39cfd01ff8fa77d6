"""The API's messages in the forms that callers read. Decimals become JSON numbers, strings stay strings."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from globeco.ordergen.v1 import model_pb2, rebalance_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type import date_pb2, decimal_pb2

pb = rebalance_pb2

ZERO = Decimal(0)
_SIDES = {pb.TRANSACTION_TYPE_BUY: "BUY", pb.TRANSACTION_TYPE_SELL: "SELL"}


def model(message: model_pb2.Model) -> dict[str, Any]:
    """A model; its numbers are strings."""
    return {
        "model_id": message.model_id,
        "name": message.name,
        "positions": [
            {
                "security_id": line.security_id,
                "target": _digits(line.target),
                "high_drift": _digits(line.high_drift),
                "low_drift": _digits(line.low_drift),
            }
            for line in message.positions
        ],
        "portfolios": list(message.portfolio_ids),
        "last_rebalance_date": _optional_time(message, "last_rebalance_time"),
        "version": message.version,
    }


def transactions(message: pb.PortfolioRebalance) -> list[dict[str, Any]]:
    """The orders of a portfolio."""
    return [
        {
            "portfolio_id": message.portfolio_id,
            "transaction_type": _SIDES[one.transaction_type],
            "security_id": one.security_id,
            "quantity": one.quantity,
            "trade_date": _day(one.trade_date).isoformat(),
        }
        for one in message.transactions
    ]


def drifts(message: pb.PortfolioRebalance) -> list[dict[str, Any]]:
    """The securities of a portfolio before and after; their numbers are strings."""
    names = ("original_quantity", "adjusted_quantity", "target", "high_drift", "low_drift", "actual")
    return [
        {
            "portfolio_id": message.portfolio_id,
            "security_id": line.security_id,
            **{name: _digits(getattr(line, name)) for name in names},
        }
        for line in message.positions
    ]


def orders(message: pb.PortfolioRebalance) -> dict[str, Any]:
    """What the rebalance of one portfolio asks for."""
    return {
        "portfolio_id": message.portfolio_id,
        "rebalance_id": message.rebalance_id,
        "transactions": transactions(message),
        "drifts": drifts(message),
        "state": portfolio_state(message),
    }


def rebalance(message: pb.Rebalance) -> dict[str, Any]:
    """A run, all but its portfolios."""
    began = _time(message.create_time)
    return {
        "rebalance_id": message.rebalance_id,
        "model_id": message.model_id,
        "rebalance_date": began,
        "model_name": message.model_name,
        "number_of_portfolios": message.portfolio_count,
        "version": message.version,
        "created_at": began,
        "state": pb.RebalanceState.Name(message.state).removeprefix("REBALANCE_STATE_"),
        "error": message.error.message if message.HasField("error") else None,
    }


def portfolio(message: pb.PortfolioRebalance) -> dict[str, Any]:
    """What a run did for a portfolio; what could not be valued is 0, and the error says why."""
    before = _number(message.cash_before)
    return {
        "portfolio_id": message.portfolio_id,
        "market_value": _number(message.market_value),
        "cash_before_rebalance": before,
        # Without a solution nothing trades, and the cash stays.
        "cash_after_rebalance": _number(message.cash_after) if message.HasField("cash_after") else before,
        "positions": positions(message),
        "portfolio_name": message.portfolio_name,
        "state": portfolio_state(message),
        "error": message.error.message if message.HasField("error") else None,
    }


def positions(message: pb.PortfolioRebalance) -> list[dict[str, Any]]:
    """The securities of a portfolio in a run; all numbers are numbers."""
    return [_line(line) for line in message.positions]


def _line(line: pb.RebalancePosition) -> dict[str, Any]:
    trades = line.trade_quantity > 0
    return {
        "security_id": line.security_id,
        "price": _number(line.price),
        "original_quantity": _number(line.original_quantity),
        "adjusted_quantity": _number(line.adjusted_quantity),
        "original_position_market_value": _number(line.original_market_value),
        "adjusted_position_market_value": _number(line.adjusted_market_value),
        "target": _number(line.target),
        "high_drift": _number(line.high_drift),
        "low_drift": _number(line.low_drift),
        "actual": _number(line.actual),
        # Theirs is actual / target - 1, the contract's 1 - actual / target.
        "actual_drift": _negated(_number(line.actual_drift)),
        "transaction_type": _SIDES.get(line.transaction_type),
        "trade_quantity": line.trade_quantity if trades else None,
        "trade_date": _midnight(line.trade_date) if trades else None,
        "ticker": line.ticker,
        "reason": pb.PositionReason.Name(line.reason).removeprefix("POSITION_REASON_"),
    }


def portfolio_state(message: pb.PortfolioRebalance) -> str:
    """The name of what became of a portfolio."""
    return pb.PortfolioRebalanceState.Name(message.state).removeprefix("PORTFOLIO_REBALANCE_STATE_")


def _digits(message: decimal_pb2.Decimal) -> str:
    return message.value or "0"


def _number(message: decimal_pb2.Decimal) -> Decimal:
    return Decimal(message.value) if message.value else ZERO


def _negated(number: Decimal) -> Decimal:
    """With all its digits, which `-` would round, and no sign where it is 0."""
    return number.copy_negate() if number else number


def _time(message: Timestamp) -> str:
    """UTC without a zone, as pages take it."""
    return message.ToDatetime().isoformat()


def _optional_time(message: Message, name: str) -> str | None:
    return _time(getattr(message, name)) if message.HasField(name) else None


def _day(message: date_pb2.Date) -> date:
    return date(message.year, message.month, message.day)


def _midnight(message: date_pb2.Date) -> str:
    return datetime(message.year, message.month, message.day).isoformat()  # noqa: DTZ001 - times here have no zone
