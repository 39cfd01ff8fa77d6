"""Summaries and ranges of prices, out of their messages."""

from decimal import Decimal

from globeco.ordergen.v1 import rebalance_pb2
from google.type import decimal_pb2

from ordergen_client.records.price_ranges import PriceRange
from ordergen_client.records.summaries import RebalanceSummary


def summary(message: rebalance_pb2.RebalanceSummary) -> RebalanceSummary:
    """The sums of a run; what must be there and is not is 0."""
    return RebalanceSummary(
        market_value=_zero(message.market_value),
        buy_value=_zero(message.buy_value),
        sell_value=_zero(message.sell_value),
        turnover_weight=_decimal(message.turnover_weight),
        cash_before=_zero(message.cash_before),
        cash_after=_zero(message.cash_after),
        drift_before=_decimal(message.drift_before),
        drift_after=_decimal(message.drift_after),
        trade_count=message.trade_count,
        proven_count=message.proven_count,
        unproven_count=message.unproven_count,
        worst_unproven_gap=_decimal(message.worst_unproven_gap),
        cash_flow=_zero(message.cash_flow),
        cost=_zero(message.cost),
    )


def price_range(message: rebalance_pb2.PriceRange) -> PriceRange:
    """Prices from one to another; an end that is absent is None."""
    return PriceRange(_decimal(message.low), _decimal(message.high))


def _decimal(message: decimal_pb2.Decimal) -> Decimal | None:
    return Decimal(message.value) if message.value else None


def _zero(message: decimal_pb2.Decimal) -> Decimal:
    return Decimal(message.value or 0)
