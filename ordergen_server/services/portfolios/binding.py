"""Whose rule bound a line: that of the run, or that of the portfolio's settings where it is the stricter."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

import optimizer
from ordergen_server.domain.desk.portfolio_settings import SettingsContent, joined
from ordergen_server.domain.numbers import product
from ordergen_server.domain.rebalances.lines import RebalancePosition, RuleSource
from ordergen_server.domain.rebalances.options import (
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Strategy,
)
from ordergen_server.domain.rebalances.weight_limits import stricter_sides
from ordergen_server.services.portfolios.constraints import cash_floor


class Binding:
    """The rules of one portfolio, and for each of them whose it is.

    Args:
        options: of the run.
        content: the portfolio's settings.
        market_value: of the portfolio, above 0: what weights are of.

    Attributes:
        floor: the cash that the settings keep; None where they say nothing of it.
        limits: the sides of the settings' limits that are stricter than the run's, by security id.
    """

    def __init__(self, options: RebalanceOptions, content: SettingsContent, market_value: Decimal) -> None:
        self._market_value = market_value
        self.floor = content.floor
        self._of_settings = {
            "REDUCED_FOR_CASH": _floor_is_raised(options, content, market_value),
            "BELOW_MINIMUM_TRADE": _is_above(content.minimum_trade_value, options.minimum_trade_value),
            "TURNOVER_LIMIT": _is_below(content.maximum_turnover_weight, options.maximum_turnover_weight),
        }
        self._of_run = _types(options.restrictions)
        self._restricted = _types(content.restrictions)
        self._joined = _types(joined(options, content).restrictions)
        self._is_to_band = options.strategy is Strategy.TO_BAND
        _, stricter = stricter_sides(options.security_limits, content.security_limits)
        self.limits = {one.security_id: one for one in stricter}

    def is_by_settings(self, line: RebalancePosition) -> bool:
        """Whether the rule that is a line's reason is that of the settings, and not the run's as well."""
        if line.reason == "RESTRICTED":
            return self._is_restricted_by_settings(line)
        if line.reason == "SECURITY_LIMIT":
            return self._is_limited_by_settings(line)
        return self._of_settings.get(line.reason, False)

    def is_limit_by_settings(self, security_id: str, *, is_maximum: bool) -> bool:
        """Whether a side of the limit of a security is that of the settings."""
        limit = self.limits.get(security_id)
        side = limit and (limit.maximum_weight if is_maximum else limit.minimum_weight)
        return side is not None

    def source(self, rule: optimizer.Rule) -> RuleSource | None:
        """Whose a rule of the portfolio's problem is; None of a kind that settings do not have."""
        match rule:
            case optimizer.CashFloor():
                by_settings = self._of_settings["REDUCED_FOR_CASH"]
            case optimizer.MinimumTradeValue():
                by_settings = self._of_settings["BELOW_MINIMUM_TRADE"]
            case optimizer.MaximumTurnover():
                by_settings = self._of_settings["TURNOVER_LIMIT"]
            case optimizer.Restriction(security_id=one):
                by_settings = self._joined[one] is not self._of_run.get(one)
            case optimizer.SecurityLimit(security_id=one, maximum=most):
                by_settings = self.is_limit_by_settings(one, is_maximum=most is not None)
            case _:
                return None
        return RuleSource.SETTINGS if by_settings else RuleSource.RUN

    def sides_of_settings(self, security_id: str) -> Iterator[str]:
        """Which sides of the limit of a security are those of the settings, in words."""
        for side, is_maximum in (("minimum", False), ("maximum", True)):
            if self.is_limit_by_settings(security_id, is_maximum=is_maximum):
                yield side

    def _is_limited_by_settings(self, line: RebalancePosition) -> bool:
        """A limit keeps a line from its target, or with TO_BAND makes it trade: the way tells the side."""
        if self._is_to_band:
            is_maximum = line.trade_quantity < 0
        else:
            wanted = product(self._market_value, line.security.target)
            is_maximum = wanted > line.adjusted_market_value
        return self.is_limit_by_settings(line.security.security_id, is_maximum=is_maximum)

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
