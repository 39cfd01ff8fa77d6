"""How far portfolios are from their models, out of messages of the contract."""

from globeco.ordergen.v1 import drift_pb2

from ordergen_client.errors import from_status
from ordergen_client.records import enums
from ordergen_client.records.desk.drifts import PortfolioDrift, WorstPosition
from ordergen_client.records.figures import decimal, zero
from ordergen_client.records.messages import optional_time


def portfolio_drift(message: drift_pb2.PortfolioDrift) -> PortfolioDrift:
    """How far a portfolio is from its model."""
    worst = message.worst_position if message.HasField("worst_position") else None
    return PortfolioDrift(
        portfolio_id=message.portfolio_id,
        portfolio_name=message.portfolio_name,
        model_id=message.model_id,
        model_name=message.model_name,
        state=enums.DRIFT_STATES[message.state],
        error=from_status(message.error) if message.HasField("error") else None,
        market_value=decimal(message.market_value),
        cash_weight=decimal(message.cash_weight),
        drift=decimal(message.drift),
        outside_count=message.outside_count if message.HasField("outside_count") else None,
        worst_position=_worst_position(worst) if worst else None,
        snapshot_time=optional_time(message, "snapshot_time"),
    )


def _worst_position(message: drift_pb2.WorstPosition) -> WorstPosition:
    return WorstPosition(
        security_id=message.security_id,
        ticker=message.ticker,
        weight=zero(message.weight),
        band_low=zero(message.band_low),
        band_high=zero(message.band_high),
        distance=zero(message.distance),
    )
