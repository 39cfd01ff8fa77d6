"""Summaries, ranges of prices and what is said of rules, out of their messages."""

from decimal import Decimal

from globeco.ordergen.v1 import rebalance_pb2
from google.type import decimal_pb2

from ordergen_client.records import enums
from ordergen_client.records.explanations import Relaxations, Rule, RulePrice
from ordergen_client.records.price_ranges import PriceRange
from ordergen_client.records.summaries import RebalanceSummary

_ZERO = Decimal(0)


def summary(message: rebalance_pb2.RebalanceSummary) -> RebalanceSummary:
    """The sums of a run; what must be there and is not is 0."""
    return RebalanceSummary(
        market_value=zero(message.market_value),
        buy_value=zero(message.buy_value),
        sell_value=zero(message.sell_value),
        turnover_weight=decimal(message.turnover_weight),
        cash_before=zero(message.cash_before),
        cash_after=zero(message.cash_after),
        drift_before=decimal(message.drift_before),
        drift_after=decimal(message.drift_after),
        trade_count=message.trade_count,
        proven_count=message.proven_count,
        unproven_count=message.unproven_count,
        worst_unproven_gap=decimal(message.worst_unproven_gap),
        cash_flow=zero(message.cash_flow),
        cost=zero(message.cost),
        frozen_count=message.frozen_count,
    )


def price_range(message: rebalance_pb2.PriceRange) -> PriceRange:
    """Prices from one to another; an end that is absent is None."""
    return PriceRange(decimal(message.low), decimal(message.high))


def rule_price(message: rebalance_pb2.RulePrice) -> RulePrice:
    """What a rule costs."""
    return RulePrice(_rule(message.rule), decimal(message.drift_saved), message.proven)


def relaxations(message: rebalance_pb2.Relaxations) -> Relaxations:
    """Sets of rules without which there is an answer."""
    return Relaxations(tuple(tuple(map(_rule, one.rules)) for one in message.sets), message.incomplete)


def _rule(message: rebalance_pb2.Rule) -> Rule:
    return Rule(enums.RULES[message.kind], message.security_id, message.ticker, message.name)


def decimal(message: decimal_pb2.Decimal) -> Decimal | None:
    """The number, or None where there is none."""
    digits = message.value  # read once: a run has thousands of numbers
    return Decimal(digits) if digits else None


def zero(message: decimal_pb2.Decimal) -> Decimal:
    """The number, or 0 where there is none."""
    digits = message.value
    return Decimal(digits) if digits else _ZERO
