"""Whose rule bound a line: that of the run, or that of the portfolio's settings where it is the stricter."""

from collections.abc import Iterable
from decimal import Decimal

from ordergen_server.domain.desk.portfolio_settings import SettingsContent, joined
from ordergen_server.domain.numbers import product
from ordergen_server.domain.rebalances.lines import RebalancePosition
from ordergen_server.domain.rebalances.options import RebalanceOptions, Restriction, RestrictionType
from ordergen_server.services.constraints import cash_floor


class Binding:
    """The rules of one portfolio, and for each of them whose it is.

    Args:
        options: of the run.
        content: the portfolio's settings.
        market_value: of the portfolio, above 0: what weights are of.
    """

    def __init__(self, options: RebalanceOptions, content: SettingsContent, market_value: Decimal) -> None:
        self._market_value = market_value
        self._of_settings = {
            "REDUCED_FOR_CASH": _floor_is_raised(options, content, market_value),
            "BELOW_MINIMUM_TRADE": _is_above(content.minimum_trade_value, options.minimum_trade_value),
            "TURNOVER_LIMIT": _is_below(content.maximum_turnover_weight, options.maximum_turnover_weight),
        }
        self._of_run = _types(options.restrictions)
        self._restricted = _types(content.restrictions)

    def is_by_settings(self, line: RebalancePosition) -> bool:
        """Whether the rule that is a line's reason is that of the settings, and not the run's as well."""
        if line.reason == "RESTRICTED":
            return self._is_restricted_by_settings(line)
        return self._of_settings.get(line.reason, False)

    def _is_restricted_by_settings(self, line: RebalancePosition) -> bool:
        """A restricted line would go to its target: whoever forbids that way decides, the run first."""
        security = line.security
        wanted = product(self._market_value, security.target)
        forbidding = _SIDES[wanted > line.original_market_value]
        if self._of_run.get(security.security_id) in forbidding:
            return False
        return self._restricted.get(security.security_id) in forbidding


#: What forbids to sell, and what forbids to buy.
_SIDES = (
    frozenset({RestrictionType.DO_NOT_SELL, RestrictionType.HOLD}),
    frozenset({RestrictionType.DO_NOT_BUY, RestrictionType.HOLD}),
)


def _floor_is_raised(options: RebalanceOptions, content: SettingsContent, market_value: Decimal) -> bool:
    own, both = cash_floor(market_value, options), cash_floor(market_value, joined(options, content))
    return both is not None and (own is None or both > own)


def _is_above(one: Decimal | None, other: Decimal | None) -> bool:
    return one is not None and (other is None or one > other)


def _is_below(one: Decimal | None, other: Decimal | None) -> bool:
    return one is not None and (other is None or one < other)


def _types(restrictions: Iterable[Restriction]) -> dict[str, RestrictionType]:
    return {one.security_id: one.type for one in restrictions}
