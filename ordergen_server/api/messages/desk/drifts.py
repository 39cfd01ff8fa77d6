"""How far portfolios are from their models, as messages of the contract."""

from globeco.ordergen.v1 import drift_pb2 as pb

from ordergen_server.api.messages.encoding import set_time
from ordergen_server.api.messages.errors import to_status
from ordergen_server.api.messages.numbers import set_decimal
from ordergen_server.domain.desk.drifts import PortfolioDrift, WorstPosition


def portfolio_drift(value: PortfolioDrift) -> pb.PortfolioDrift:
    """How far a portfolio is from its model."""
    message = pb.PortfolioDrift(
        portfolio_id=value.portfolio_id,
        portfolio_name=value.portfolio_name,
        model_id=value.model_id,
        model_name=value.model_name,
        state=pb.DriftState.Value(f"DRIFT_STATE_{value.state.name}"),
        error=to_status(value.error) if value.error else None,
        outside_count=value.outside_count,
        worst_position=_worst_position(value.worst_position) if value.worst_position else None,
    )
    for name in ("market_value", "cash_weight", "drift"):
        number = getattr(value, name)
        if number is not None:
            set_decimal(getattr(message, name), number)
    if value.snapshot_time:
        set_time(message.snapshot_time, value.snapshot_time)
    return message


def _worst_position(value: WorstPosition) -> pb.WorstPosition:
    message = pb.WorstPosition(security_id=value.security_id, ticker=value.ticker)
    for name in ("weight", "band_low", "band_high", "distance"):
        set_decimal(getattr(message, name), getattr(value, name))
    return message
