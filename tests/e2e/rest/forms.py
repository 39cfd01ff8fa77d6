"""Bodies as callers send them, and what the answers must be: made anew from what the gRPC API says."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from globeco.ordergen.v1 import model_pb2, rebalance_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.fronts import Answer, Front

pb = rebalance_pb2
SIDES = {pb.TRANSACTION_TYPE_BUY: "BUY", pb.TRANSACTION_TYPE_SELL: "SELL"}
#: Numbers of a line by their names in the API, and in the answer.
LINE = {
    "price": "price",
    "original_quantity": "original_quantity",
    "adjusted_quantity": "adjusted_quantity",
    "original_market_value": "original_position_market_value",
    "adjusted_market_value": "adjusted_position_market_value",
    "target": "target",
    "high_drift": "high_drift",
    "low_drift": "low_drift",
    "actual": "actual",
}
DRIFT = ("original_quantity", "adjusted_quantity", "target", "high_drift", "low_drift", "actual")
NOWHERE = "0" * 24


def new_id() -> str:
    """24 characters that nothing else has."""
    return uuid.uuid4().hex[:24]


def position(security_id: str, target: object = "0.1", high: object = "0.05", low: object = "0.05") -> Any:  # noqa: ANN401 - JSON
    return {"security_id": security_id, "target": target, "high_drift": high, "low_drift": low}


def form(positions: Sequence[object] = (), portfolios: Sequence[object] = (), name: str = "") -> Any:  # noqa: ANN401 - JSON
    return {"name": name or uuid.uuid4().hex, "positions": positions, "portfolios": portfolios}


def created(front: Front, positions: Sequence[object] = (), portfolios: Sequence[object] = ()) -> Any:  # noqa: ANN401 - JSON
    """A model as it was answered when it was made."""
    answer = front.ask("POST", "/api/v1/models", form(positions, portfolios))
    assert answer.status == 201, answer.body
    return answer.json


def time_of(stamp: Timestamp) -> datetime:
    """A time of the API, without a zone."""
    return stamp.ToDatetime()


def model_of(message: model_pb2.Model) -> dict[str, object]:
    """A model as it must be answered."""
    rebalanced = message.HasField("last_rebalance_time")
    return {
        "model_id": message.model_id,
        "name": message.name,
        "positions": [
            {
                "security_id": one.security_id,
                **{name: getattr(one, name).value for name in ("target", "high_drift", "low_drift")},
            }
            for one in message.positions
        ],
        "portfolios": list(message.portfolio_ids),
        "last_rebalance_date": time_of(message.last_rebalance_time).isoformat() if rebalanced else None,
        "version": message.version,
    }


def check_run(run: pb.Rebalance, portfolios: Sequence[pb.PortfolioRebalance], given: Any) -> None:  # noqa: ANN401 - JSON
    """Fail unless a run is answered as the API has it, with all its portfolios."""
    begun = time_of(run.create_time)
    assert {name: given[name] for name in ("rebalance_id", "model_id", "model_name", "version")} == {
        "rebalance_id": run.rebalance_id,
        "model_id": run.model_id,
        "model_name": run.model_name,
        "version": run.version,
    }
    assert given["number_of_portfolios"] == run.portfolio_count
    assert datetime.fromisoformat(given["rebalance_date"]) == datetime.fromisoformat(given["created_at"])
    assert datetime.fromisoformat(given["created_at"]) == begun  # a time with a zone would not compare
    expected = {one.portfolio_id: one for one in portfolios}
    assert sorted(one["portfolio_id"] for one in given["portfolios"]) == sorted(expected)
    for one in given["portfolios"]:
        check_portfolio(expected[one["portfolio_id"]], one)


def check_portfolio(message: pb.PortfolioRebalance, given: Any) -> None:  # noqa: ANN401 - JSON
    """Fail unless what a run did for a portfolio is answered with every number."""
    before = Decimal(message.cash_before.value or "0")
    after = Decimal(message.cash_after.value) if message.HasField("cash_after") else before
    assert number(given["market_value"]) == Decimal(message.market_value.value or "0")
    assert number(given["cash_before_rebalance"]) == before
    assert number(given["cash_after_rebalance"]) == after
    state = pb.PortfolioRebalanceState.Name(message.state)
    assert state == f"PORTFOLIO_REBALANCE_STATE_{given['state']}"
    assert (given["error"] or "") == message.error.message
    check_lines(message, given["positions"])


def check_lines(message: pb.PortfolioRebalance, given: Any) -> None:  # noqa: ANN401 - JSON
    """Fail unless every line is answered, its drift by the formula that callers know."""
    worth = Fraction(message.market_value.value or "0")
    assert [one["security_id"] for one in given] == [one.security_id for one in message.positions]
    for line, one in zip(message.positions, given, strict=True):
        for name, theirs in LINE.items():
            assert number(one[theirs]) == Decimal(getattr(line, name).value or "0"), theirs
        check_drift(line, worth, number(one["actual_drift"]))
        trades = line.trade_quantity > 0
        assert one["transaction_type"] == (SIDES[line.transaction_type] if trades else None)
        assert one["trade_quantity"] == (line.trade_quantity if trades else None)
        day = line.trade_date
        midnight = f"{day.year:04}-{day.month:02}-{day.day:02}T00:00:00"
        assert one["trade_date"] == (midnight if trades else None)


def check_drift(line: pb.RebalancePosition, worth: Fraction, given: Decimal) -> None:
    """actual / target - 1, to 4 decimals; 0 without a target. Never -0, which pages show as such."""
    assert not given.is_signed() or given
    if not Decimal(line.target.value):
        assert given == 0
    elif line.actual_drift.value:
        exact = Fraction(line.adjusted_market_value.value) / worth / Fraction(line.target.value) - 1
        assert abs(Fraction(given) - exact) <= Fraction(1, 20000)


def check_orders(messages: Sequence[pb.PortfolioRebalance], given: Any) -> None:  # noqa: ANN401 - JSON
    """Fail unless transactions and drifts are those of the portfolios, in whatever order they came."""
    trades = [
        (portfolio.portfolio_id, one.security_id, SIDES[one.transaction_type], one.quantity, day_of(one))
        for portfolio in messages
        for one in portfolio.transactions
    ]
    found = [
        (
            one["portfolio_id"],
            one["security_id"],
            one["transaction_type"],
            one["quantity"],
            one["trade_date"],
        )
        for one in given["transactions"]
    ]
    assert sorted(found) == sorted(trades)
    assert all(type(one["quantity"]) is int for one in given["transactions"])
    drifts = {
        (portfolio.portfolio_id, line.security_id): [getattr(line, name).value or "0" for name in DRIFT]
        for portfolio in messages
        for line in portfolio.positions
    }
    assert len(given["drifts"]) == len(drifts)
    assert {
        (one["portfolio_id"], one["security_id"]): [one[name] for name in DRIFT] for one in given["drifts"]
    } == drifts


def day_of(one: pb.Transaction) -> str:
    return f"{one.trade_date.year:04}-{one.trade_date.month:02}-{one.trade_date.day:02}"


def number(value: object) -> Decimal:
    """A JSON number, digit for digit; anything else fails: pages call `toFixed`."""
    assert type(value) in (int, Decimal), value
    return Decimal(value)  # type: ignore[arg-type] # one of the two


def fields(answer: Answer) -> list[list[object]]:
    """Where a body breaks rules, as it is told."""
    assert answer.status == 422, answer.body
    for one in answer.json["detail"]:
        assert set(one) >= {"type", "loc", "msg", "input"}
        assert one["type"]
        assert one["msg"]
    return [one["loc"] for one in answer.json["detail"]]
