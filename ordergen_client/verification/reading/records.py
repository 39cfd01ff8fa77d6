"""Portfolios of an export as plain records of exact numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from ordergen_client.verification.reading.numbers import fraction, given, whole

_SIGNS = {"TRANSACTION_TYPE_BUY": 1, "TRANSACTION_TYPE_SELL": -1}
_STATE = "PORTFOLIO_REBALANCE_STATE_"
_REASON = "POSITION_REASON_"
_PROBLEM = "PRICE_PROBLEM_"
#: What no frozen line has.
_OF_A_PRICE = (
    *("price", "originalMarketValue", "adjustedMarketValue", "actual", "actualDrift", "goodUntil"),
    *("transactionType", "tradeQuantity", "tradeDate", "cost", "boundBy"),
)

#: Year, month, day.
Date = tuple[int, int, int]


class Trade(NamedTuple):
    """Shares bought (above 0) or sold (below 0), and the day."""

    security_id: str
    shares: int
    date: Date | None


class Line(NamedTuple):
    """One security of a portfolio; names and units are the contract's."""

    security_id: str
    price: Fraction
    original_quantity: Fraction
    adjusted_quantity: Fraction
    original_market_value: Fraction
    adjusted_market_value: Fraction
    target: Fraction
    low_drift: Fraction
    high_drift: Fraction
    actual: Fraction
    actual_drift: Fraction | None
    trade: Trade
    reason: str
    cost: Fraction | None
    price_date: Date | None
    by_settings: bool = False


class FrozenLine(NamedTuple):
    """One security of a portfolio without a usable price.

    Attributes:
        of_a_price: the names of values that it has, and that only a price could give.
    """

    security_id: str
    original_quantity: Fraction
    adjusted_quantity: Fraction
    target: Fraction
    low_drift: Fraction
    high_drift: Fraction
    problem: str
    price_date: Date | None
    of_a_price: tuple[str, ...]


class Solution(NamedTuple):
    """How good an answer is said to be."""

    proven: bool
    objective: Fraction
    lower_bound: Fraction
    tie_broken: bool


@dataclass(frozen=True)
class Portfolio:
    """What a run did for a portfolio.

    Attributes:
        lines: those that have a price.
        frozen: those that have none.
        security_ids: of all, in the order in which they come.
        limit_breaches: of the options, by security and group, with what it is worth.
        breaches_of_settings: securities, with what they are worth.
    """

    portfolio_id: str
    rebalance_id: str
    state: str
    has_error: bool
    is_not_to_be_traded: bool
    has_settings: bool
    market_value: Fraction | None
    cash_before: Fraction | None
    cash_after: Fraction | None
    drift_before: Fraction | None
    drift_after: Fraction | None
    snapshot_time: str
    lines: Sequence[Line]
    frozen: Sequence[FrozenLine]
    frozen_count: int
    security_ids: Sequence[str]
    transactions: Sequence[Trade]
    solution: Solution | None
    limit_breaches: Mapping[tuple[str, str], Fraction]
    breaches_of_settings: Sequence[tuple[str, Fraction]]
    cash_flow: Fraction | None = None
    cost: Fraction | None = None


def read_portfolio(message: Mapping[str, Any]) -> Portfolio:
    """A portfolio of protojson. Raises KeyError, TypeError, ValueError for what cannot be."""
    solution = message.get("solution")
    positions = message.get("positions", ())
    return Portfolio(
        portfolio_id=message["portfolioId"],
        rebalance_id=message["rebalanceId"],
        state=message["state"].removeprefix(_STATE),
        has_error="error" in message,
        is_not_to_be_traded=_reason(message) == "DO_NOT_TRADE",
        has_settings=whole(message.get("settingsVersion", 0)) > 0,
        market_value=given(message, "marketValue"),
        cash_before=given(message, "cashBefore"),
        cash_after=given(message, "cashAfter"),
        drift_before=given(message, "driftBefore"),
        drift_after=given(message, "driftAfter"),
        snapshot_time=message.get("snapshotTime", ""),
        lines=[_line(one) for one in positions if not _is_frozen(one)],
        frozen=[_frozen(one) for one in positions if _is_frozen(one)],
        frozen_count=whole(message.get("frozenCount", 0)),
        security_ids=[one["securityId"] for one in positions],
        transactions=[_trade(one, one["quantity"]) for one in message.get("transactions", ())],
        solution=None if solution is None else _solution(solution),
        cash_flow=given(message, "cashFlow"),
        cost=given(message, "cost"),
        limit_breaches={
            (one.get("securityId", ""), one.get("group", "")): fraction(one["value"]["value"])
            for one in message.get("limitBreaches", ())
            if not _is_of_settings(one, "source")
        },
        breaches_of_settings=[
            (one["securityId"], fraction(one["value"]["value"]))
            for one in message.get("limitBreaches", ())
            if _is_of_settings(one, "source")
        ],
    )


def _is_frozen(message: Mapping[str, Any]) -> bool:
    return bool(message["reason"] == f"{_REASON}FROZEN")


def _frozen(message: Mapping[str, Any]) -> FrozenLine:
    return FrozenLine(
        message["securityId"],
        fraction(message["originalQuantity"]["value"]),
        fraction(message["adjustedQuantity"]["value"]),
        fraction(message["target"]["value"]),
        fraction(message["lowDrift"]["value"]),
        fraction(message["highDrift"]["value"]),
        message.get("priceProblem", "").removeprefix(_PROBLEM),
        read_date(message["priceDate"]) if "priceDate" in message else None,
        tuple(name for name in _OF_A_PRICE if name in message),
    )


def _line(message: Mapping[str, Any]) -> Line:
    if "priceProblem" in message:
        raise ValueError(f"{message['securityId']} has a problem of its price, and is not frozen")
    return Line(
        message["securityId"],
        fraction(message["price"]["value"]),
        fraction(message["originalQuantity"]["value"]),
        fraction(message["adjustedQuantity"]["value"]),
        fraction(message["originalMarketValue"]["value"]),
        fraction(message["adjustedMarketValue"]["value"]),
        fraction(message["target"]["value"]),
        fraction(message["lowDrift"]["value"]),
        fraction(message["highDrift"]["value"]),
        fraction(message["actual"]["value"]),
        given(message, "actualDrift"),
        _trade(message, message.get("tradeQuantity", 0)),
        message["reason"].removeprefix(_REASON),
        given(message, "cost"),
        read_date(message["priceDate"]) if "priceDate" in message else None,
        _is_of_settings(message, "boundBy"),
    )


def _is_of_settings(message: Mapping[str, Any], field: str) -> bool:
    return message.get(field) == "RULE_SOURCE_SETTINGS"


def _reason(message: Mapping[str, Any]) -> str:
    """Of the error of a portfolio, if it has one."""
    details = message.get("error", {}).get("details", ())
    return next((str(one["reason"]) for one in details if "reason" in one), "")


def _trade(message: Mapping[str, Any], quantity: object) -> Trade:
    """A side and a quantity are both there, or neither is. Raises KeyError otherwise."""
    shares = whole(quantity)
    if shares < 0:
        raise ValueError(f"{shares} shares are traded")
    if not shares and "transactionType" in message:
        raise ValueError("a trade of no shares")
    date = read_date(message["tradeDate"]) if "tradeDate" in message else None
    return Trade(message["securityId"], shares and _SIGNS[message["transactionType"]] * shares, date)


def read_date(message: Mapping[str, Any]) -> Date:
    """A google.type.Date."""
    return whole(message["year"]), whole(message["month"]), whole(message["day"])


def _solution(message: Mapping[str, Any]) -> Solution:
    statuses = {"SOLUTION_STATUS_PROVEN_OPTIMAL": True, "SOLUTION_STATUS_FEASIBLE": False}
    return Solution(
        statuses[message["status"]],
        fraction(message["objective"]["value"]),
        fraction(message["lowerBound"]["value"]),
        message.get("tieBroken", False) is True,
    )
