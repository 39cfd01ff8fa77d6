"""How far portfolios are from their models, before anybody trades."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from ordergen_server.domain.errors import OrderGenerationError


class DriftState(Enum):
    """How a portfolio stands to its model: the first of these that is true, FAILED as the second."""

    DO_NOT_TRADE = "DO_NOT_TRADE"
    NEW = "NEW"
    HIGH_CASH = "HIGH_CASH"
    LOW_CASH = "LOW_CASH"
    OUT_OF_BAND = "OUT_OF_BAND"
    IN_BAND = "IN_BAND"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class WorstPosition:
    """One security of a portfolio against its band; all but ids are weights of the market value.

    Attributes:
        band_low: target less low drift, exactly.
        band_high: target plus high drift, exactly.
        distance: beyond the nearer edge of the band; below 0 within it.
    """

    security_id: str
    ticker: str
    weight: Decimal
    band_low: Decimal
    band_high: Decimal
    distance: Decimal


@dataclass(frozen=True, slots=True)
class PortfolioDrift:
    """How far a portfolio is from its model; what cannot be computed is None.

    Attributes:
        error: why it FAILED, or why no more is known of one that is not to be traded.
        market_value: in money.
        cash_weight: cash over market value.
        drift: sum of |value - target value| over market value.
        outside_count: securities whose weight is outside their band.
        snapshot_time: when prices were read, UTC.
    """

    portfolio_id: str
    portfolio_name: str
    model_id: str
    model_name: str
    state: DriftState
    error: OrderGenerationError | None = None
    market_value: Decimal | None = None
    cash_weight: Decimal | None = None
    drift: Decimal | None = None
    outside_count: int | None = None
    worst_position: WorstPosition | None = None
    snapshot_time: datetime | None = None


def worst_first(one: PortfolioDrift) -> tuple[bool, bool, Decimal, str]:
    """What a page is sorted by: what FAILED, then by drift, the greatest first; those without one last."""
    drift = one.drift
    unknown = one.state is not DriftState.FAILED, drift is None
    return (*unknown, Decimal(0) if drift is None else -drift, one.portfolio_id)
