"""Requests about reviews, blocks and fills as domain values; what breaks a rule is told with its path."""

from globeco.ordergen.v1 import order_pb2, rebalance_pb2
from google.type import decimal_pb2

from ordergen_server.api.messages.numbers import decimal_or_none
from ordergen_server.domain.orders.reviews import ReviewDecision
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.requests.violations import Violations

_DECISIONS: dict[int, ReviewDecision] = {
    order_pb2.REVIEW_DECISION_APPROVED: ReviewDecision.APPROVED,
    order_pb2.REVIEW_DECISION_REJECTED: ReviewDecision.REJECTED,
}
_SIDES: dict[int, Side] = {
    rebalance_pb2.TRANSACTION_TYPE_BUY: Side.BUY,
    rebalance_pb2.TRANSACTION_TYPE_SELL: Side.SELL,
}


def decision(value: int, violations: Violations) -> ReviewDecision:
    """What is decided."""
    if value not in _DECISIONS:
        violations.add("decision", "must be APPROVED or REJECTED", value)
    return _DECISIONS.get(value, ReviewDecision.REJECTED)


def side(value: int, violations: Violations) -> Side:
    """The side of a block."""
    if value not in _SIDES:
        violations.add("transaction_type", "must be BUY or SELL", value)
    return _SIDES.get(value, Side.BUY)


def shares(message: decimal_pb2.Decimal, path: str, violations: Violations) -> int:
    """Whole shares, 0 or more; they must be given."""
    number = decimal_or_none(message, path, violations)
    if number is None:
        if not message.value:
            violations.add(path, "must be given")
        return 0
    if number < 0 or number != number.to_integral_value():
        violations.add(path, "must be a whole number of shares, 0 or more", number)
    return int(number)
