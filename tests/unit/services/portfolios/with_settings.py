"""Portfolios rebalanced with settings of their own."""

from decimal import Decimal

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, DoNotTrade, SettingsContent
from ordergen_server.domain.market import Holdings, MarketSnapshot
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.rebalances.weight_limits import SecurityLimit
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.securities import Securities
from tests.builders import portfolio_id, position, result, security_id, snapshot
from tests.limits import PATIENCE

POSITIONS = (position(1, "0.3"), position(2, "0.25"), position(3, "0.4"))
MARKET = snapshot({1: "10", 2: "7.25", 3: "133.7", 4: "3.3333"})
CLOSED = SettingsContent(DoNotTrade("The owner has died."))


def rebalanced(
    held: Holdings,
    options: RebalanceOptions,
    content: SettingsContent | None = None,
    positions: tuple[Position, ...] = POSITIONS,
    market: MarketSnapshot = MARKET,
) -> PortfolioRebalance:
    known = {portfolio_id(0): AppliedSettings(7, content)} if content else {}
    [answer] = rebalance_portfolios(
        [(result(), held)], Securities(positions, market), options, Deadline.after(PATIENCE), settings=known
    )
    return answer


def limited(number: int, sides: str) -> SecurityLimit:
    """Of MIN:MAX."""
    least, most = (Decimal(side) if side else None for side in sides.split(":"))
    return SecurityLimit(security_id(number), least, most)
