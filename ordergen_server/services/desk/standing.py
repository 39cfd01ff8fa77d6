"""How a portfolio stands to its model: its drift, its worst position, and its state."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from ordergen_server.domain.desk.drifts import DriftState, PortfolioDrift, WorstPosition
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Position
from ordergen_server.domain.numbers import EXACT, ZERO, ratio
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.portfolios.valuation import DRIFT_PLACES, Valued, valued

ONE = Decimal(1)


class CashBand:
    """The weights of cash that the bands of a model's securities leave.

    Attributes:
        low: the least; all securities at the upper edges of their bands, and no overdraft.
        high: the greatest; all securities at the lower edges, and none short.
    """

    def __init__(self, positions: Sequence[Position]) -> None:
        with localcontext(EXACT):
            self.low = max(ZERO, ONE - sum([one.target + one.high_drift for one in positions], ZERO))
            least = [max(ZERO, one.target - one.low_drift) for one in positions]
            self.high = ONE - sum(least, ZERO)

    def state(self, cash: Decimal, market_value: Decimal) -> DriftState | None:
        """HIGH_CASH or LOW_CASH, or None within the band, to which its edges belong."""
        if cash > EXACT.multiply(self.high, market_value):
            return DriftState.HIGH_CASH
        if cash < EXACT.multiply(self.low, market_value):
            return DriftState.LOW_CASH
        return None


def standing(
    start: PortfolioDrift, holdings: Holdings, securities: Securities, cash_band: CashBand
) -> PortfolioDrift:
    """How a portfolio stands, valued as a rebalance values it.

    Args:
        start: its ids, names and time.
        holdings: what it has.
        securities: of its model, with prices.
        cash_band: of its model.
    """
    found = valued(_untried(start, securities), holdings, securities)
    if isinstance(found, Valued):
        return _judged(start, found, cash_band)
    known = replace(start, market_value=found.market_value)
    if found.state is PortfolioState.FAILED:
        return replace(known, state=DriftState.FAILED, error=found.error)
    return replace(known, state=DriftState.NEW)


def _untried(start: PortfolioDrift, securities: Securities) -> PortfolioRebalance:
    """The portfolio as a rebalance begins with it."""
    return PortfolioRebalance(
        rebalance_id="",
        portfolio_id=start.portfolio_id,
        portfolio_name=start.portfolio_name,
        state=PortfolioState.SKIPPED,
        snapshot_time=securities.time,
        trade_date=securities.time.date(),
    )


def _judged(start: PortfolioDrift, portfolio: Valued, cash_band: CashBand) -> PortfolioDrift:
    beyond = _beyond(portfolio)
    worst = max(beyond, default=ZERO)
    outside = sum([one > ZERO for one in beyond]) if worst > ZERO else 0
    return replace(
        start,
        state=_state(portfolio, cash_band, outside),
        market_value=portfolio.market_value,
        cash_weight=ratio(portfolio.cash, portfolio.market_value, DRIFT_PLACES),
        drift=portfolio.result.drift_before,
        outside_count=outside,
        # The first of several: lines are by id.
        worst_position=_worst(portfolio, worst, beyond.index(worst)) if beyond else None,
    )


def _beyond(portfolio: Valued) -> list[Decimal]:
    """How far each line is beyond the nearer edge of its band, in money; below 0 within it."""
    market_value = portfolio.market_value
    with localcontext(EXACT):
        lines = zip(portfolio.listing.bands, portfolio.values, strict=True)
        return [max(low * market_value - value, value - high * market_value) for (low, high), value in lines]


def _state(portfolio: Valued, cash_band: CashBand, outside: int) -> DriftState:
    if not any(quantity for _, quantity in portfolio.lines):
        return DriftState.NEW
    of_cash = cash_band.state(portfolio.cash, portfolio.market_value)
    return of_cash or (DriftState.OUT_OF_BAND if outside else DriftState.IN_BAND)


def _worst(portfolio: Valued, beyond: Decimal, place: int) -> WorstPosition:
    security, market_value = portfolio.listing.priced[place], portfolio.market_value
    return WorstPosition(
        security.position.security_id,
        security.quote.ticker,
        ratio(portfolio.values[place], market_value, DRIFT_PLACES),
        *portfolio.listing.bands[place],
        ratio(beyond, market_value, DRIFT_PLACES),
    )
