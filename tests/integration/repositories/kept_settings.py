"""Settings of portfolios, small and whole, that a real database keeps."""

from datetime import date
from decimal import Decimal

from ordergen_server.domain.desk.portfolio_settings import DoNotTrade, PortfolioSettings, SettingsContent
from ordergen_server.domain.rebalances.options import Restriction, RestrictionType
from ordergen_server.domain.rebalances.weight_limits import SecurityLimit
from ordergen_server.repositories.settings_store.settings import Settings
from tests.builders import NOW, portfolio_id, security_id

FLOOR = SettingsContent(minimum_cash_amount=Decimal("950.00"))
WHOLE = SettingsContent(
    DoNotTrade("Lots are moved \N{GRINNING FACE}.", date(2026, 12, 31)),
    Decimal("1000.50"),
    Decimal("0.020"),
    Decimal("1E-7"),
    (
        Restriction(security_id(2), RestrictionType.HOLD),
        Restriction(security_id(1), RestrictionType.DO_NOT_BUY),
    ),
    Decimal("0.10"),
    "a text",
    (
        SecurityLimit(security_id(2), Decimal("0.010"), Decimal("1E-1")),
        SecurityLimit(security_id(1), None, Decimal(0)),
    ),
)


def put(store: Settings, number: int, content: SettingsContent, version: int = 0) -> PortfolioSettings:
    return store.change(portfolio_id(number), version, lambda _: content, NOW)
