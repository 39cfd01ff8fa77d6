"""Between records of comparisons and the messages of the contract."""

from globeco.ordergen.v1 import comparison_pb2, rebalance_service_pb2

from ordergen_client.errors import from_status
from ordergen_client.records import enums, messages
from ordergen_client.records.desk.comparisons import (
    ComparedPortfolio,
    ComparedVariant,
    ComparisonEvent,
    Variant,
)
from ordergen_client.records.figures import decimal, zero
from ordergen_client.records.options import option_messages
from ordergen_client.records.states import PortfolioState


def variant_message(variant: Variant) -> comparison_pb2.OptionsVariant:
    """One way to rebalance."""
    return comparison_pb2.OptionsVariant(
        name=variant.name,
        options=option_messages.options_message(variant.options),
        draft_positions=map(messages.position_message, variant.positions),
    )


def comparison_event(message: rebalance_service_pb2.CompareOptionsResponse) -> ComparisonEvent:
    """A step of a comparison."""
    return ComparisonEvent(
        portfolio=_compared_portfolio(message.portfolio) if message.HasField("portfolio") else None,
        variant=_compared_variant(message.variant) if message.HasField("variant") else None,
    )


def _compared_portfolio(message: comparison_pb2.ComparedPortfolio) -> ComparedPortfolio:
    return ComparedPortfolio(
        portfolio_id=message.portfolio_id,
        portfolio_name=message.portfolio_name,
        variant=message.variant,
        state=enums.PORTFOLIO_STATES[message.state],
        error=from_status(message.error) if message.HasField("error") else None,
        market_value=decimal(message.market_value),
        drift_before=decimal(message.drift_before),
        drift_after=decimal(message.drift_after),
        turnover=decimal(message.turnover),
        turnover_weight=decimal(message.turnover_weight),
        trade_count=message.trade_count if message.HasField("trade_count") else None,
        cash_after=decimal(message.cash_after),
        proven_optimal=message.proven_optimal,
        cost=decimal(message.cost),
    )


def _compared_variant(message: comparison_pb2.ComparedVariant) -> ComparedVariant:
    return ComparedVariant(
        variant=message.variant,
        counts={state: getattr(message, f"{state.lower()}_count") for state in PortfolioState},
        proven_count=message.proven_count,
        market_value=zero(message.market_value),
        bought=zero(message.bought),
        sold=zero(message.sold),
        turnover=zero(message.turnover),
        trade_count=message.trade_count,
        drift_before=decimal(message.drift_before),
        drift_after=decimal(message.drift_after),
        cost=zero(message.cost),
    )
