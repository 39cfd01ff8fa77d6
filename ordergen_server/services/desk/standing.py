"""How a portfolio stands to its model: its drift, its worst position, and its state."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from ordergen_server.domain.desk.drifts import DriftState, PortfolioDrift, WorstPosition
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Position
from ordergen_server.domain.numbers import EXACT, ZERO, ratio
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.services.portfolios.securities import Securities, Security
from ordergen_server.services.portfolios.valuation import DRIFT_PLACES, Valued, valued

ONE = Decimal(1)
_UNLISTED = (ZERO, ZERO)
#: How far a security is beyond the nearer edge of its band, in money; the security, and what it is worth.
_Judged = tuple[Decimal, Security, Decimal]


class Bands:
    """The bands of a model's securities, and the weights of cash that they leave.

    Attributes:
        low: of cash, the least; all securities at the upper edges of their bands, and no overdraft.
        high: of cash, the greatest; all securities at the lower edges, and none short.
    """

    def __init__(self, positions: Sequence[Position]) -> None:
        with localcontext(EXACT):
            self._of = {
                one.security_id: (one.target - one.low_drift, one.target + one.high_drift)
                for one in positions
            }
            self.low = max(ZERO, ONE - sum((high for _, high in self._of.values()), ZERO))
            self.high = ONE - sum((max(ZERO, low) for low, _ in self._of.values()), ZERO)

    def of(self, security: Security) -> tuple[Decimal, Decimal]:
        """The least and the greatest weight of a security; both 0 of one that the model does not list."""
        return self._of.get(security.position.security_id, _UNLISTED)

    def state(self, cash: Decimal, market_value: Decimal) -> DriftState | None:
        """HIGH_CASH or LOW_CASH, or None within the band, to which its edges belong."""
        if cash > EXACT.multiply(self.high, market_value):
            return DriftState.HIGH_CASH
        if cash < EXACT.multiply(self.low, market_value):
            return DriftState.LOW_CASH
        return None


def standing(
    start: PortfolioDrift, holdings: Holdings, securities: Securities, bands: Bands
) -> PortfolioDrift:
    """How a portfolio stands, valued as a rebalance values it.

    Args:
        start: its ids, names and time.
        holdings: what it has.
        securities: of its model, with prices.
        bands: of its model.
    """
    found = valued(_untried(start, securities), holdings, securities)
    if isinstance(found, Valued):
        return _judged(start, found, bands)
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


def _judged(start: PortfolioDrift, portfolio: Valued, bands: Bands) -> PortfolioDrift:
    market_value, outside = portfolio.market_value, 0
    worst: _Judged | None = None
    with localcontext(EXACT):  # once: a context takes longer to enter than a line to judge
        for (security, _), value in zip(portfolio.lines, portfolio.values, strict=True):
            low, high = bands.of(security)
            beyond = max(low * market_value - value, value - high * market_value)
            outside += beyond > 0
            if worst is None or beyond > worst[0]:  # the first of several: lines are by id
                worst = beyond, security, value
    return replace(
        start,
        state=_state(portfolio, bands, outside),
        market_value=market_value,
        cash_weight=ratio(portfolio.cash, market_value, DRIFT_PLACES),
        drift=portfolio.result.drift_before,
        outside_count=outside,
        worst_position=worst and _worst(*worst, market_value, bands),
    )


def _state(portfolio: Valued, bands: Bands, outside: int) -> DriftState:
    if not any(quantity for _, quantity in portfolio.lines):
        return DriftState.NEW
    of_cash = bands.state(portfolio.cash, portfolio.market_value)
    return of_cash or (DriftState.OUT_OF_BAND if outside else DriftState.IN_BAND)


def _worst(
    beyond: Decimal, security: Security, value: Decimal, market_value: Decimal, bands: Bands
) -> WorstPosition:
    low, high = bands.of(security)
    return WorstPosition(
        security.position.security_id,
        security.quote.ticker,
        ratio(value, market_value, DRIFT_PLACES),
        low,
        high,
        ratio(beyond, market_value, DRIFT_PLACES),
    )
