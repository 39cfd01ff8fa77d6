"""How far portfolios are from their models, as records."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ordergen_client.errors import OrderGenerationError
from ordergen_client.records.states import DriftState


@dataclass(frozen=True, slots=True)
class WorstPosition:
    """One security of a portfolio against its band, in weights of the market value.

    Attributes:
        weight: to 12 decimals.
        band_low: target less low drift.
        band_high: target plus high drift.
        distance: beyond the nearer edge of the band, to 12 decimals; below 0 within it.
    """

    security_id: str
    ticker: str
    weight: Decimal
    band_low: Decimal
    band_high: Decimal
    distance: Decimal


@dataclass(frozen=True, slots=True)
class PortfolioDrift:
    """How far a portfolio is from its model now; what could not be computed is None.

    Attributes:
        error: why it FAILED, or why no more is known of one that is not to be traded.
        market_value: cash and holdings, in money.
        cash_weight: cash over market value.
        drift: all distances between value and target value, over market value.
        outside_count: securities whose weight is outside their band.
        worst_position: the one farthest outside its band, or nearest to an edge where none is outside.
        snapshot_time: when prices were read, UTC.
    """

    portfolio_id: str
    portfolio_name: str
    model_id: str
    model_name: str
    state: DriftState
    error: OrderGenerationError | None
    market_value: Decimal | None
    cash_weight: Decimal | None
    drift: Decimal | None
    outside_count: int | None
    worst_position: WorstPosition | None
    snapshot_time: datetime | None
