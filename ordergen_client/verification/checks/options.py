"""What the options of a run demand of every portfolio."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from ordergen_client.verification.checks.weights import WeightLimit, read_limits
from ordergen_client.verification.reading.numbers import given, seconds, whole

#: All that there are; another one cannot be checked here.
KNOWN = frozenset(
    {
        "strategy",
        "minimumCash",
        "allowOverdraft",
        "solverTimeout",
        "minimumTradeValue",
        "restrictions",
        "lotSizes",
        "maximumTurnoverWeight",
        "maximumTradeCount",
        "sides",
        "costs",
        "maximumPriceAgeDays",
        "securityLimits",
        "groupLimits",
        "openOrders",  # what a portfolio is rebalanced with is in its lines, however it came about
        "unpriced",
    }
)
_STRATEGIES = {"STRATEGY_TO_TARGET": False, "STRATEGY_TO_BAND": True}
#: What nobody may do, by the sides that orders may be on.
_FORBIDDEN = {"SIDES_BUY_AND_SELL": "", "SIDES_BUY_ONLY": "SELL", "SIDES_SELL_ONLY": "BUY"}
_UNPRICED = {"UNPRICED_FAIL": False, "UNPRICED_FREEZE": True}
_LOT_SIDES = {"LOT_SIDES_BOTH": False, "LOT_SIDES_BUYS": True}
_RESTRICTIONS = {
    "RESTRICTION_TYPE_DO_NOT_BUY": "DO_NOT_BUY",
    "RESTRICTION_TYPE_DO_NOT_SELL": "DO_NOT_SELL",
    "RESTRICTION_TYPE_HOLD": "HOLD",
}


@dataclass(frozen=True)
class Options:
    """The options of a run; None where there is no such limit.

    Attributes:
        restrictions: DO_NOT_BUY, DO_NOT_SELL or HOLD, by security id.
        lots: shares in a lot, by security id.
        lots_of_buys: the securities whose lots bind buys alone.
        forbidden: BUY or SELL, where no security may be bought, or sold.
        has_costs: trades have costs beyond their value, which are told.
        weights: limits of securities, and of groups.
        freezes: securities without a usable price stay as they are.
        unknown: names of options that cannot be checked here.
    """

    to_band: bool
    allow_overdraft: bool
    minimum_cash_amount: Fraction | None
    minimum_cash_weight: Fraction | None
    solver_seconds: Fraction
    minimum_trade_value: Fraction | None
    restrictions: Mapping[str, str]
    lots: Mapping[str, int]
    maximum_turnover_weight: Fraction | None
    maximum_trade_count: int | None
    lots_of_buys: frozenset[str]
    forbidden: str
    has_costs: bool
    cost_rate: Fraction
    cost_per_trade: Fraction
    maximum_price_age_days: int | None
    weights: tuple[WeightLimit, ...]
    freezes: bool
    unknown: tuple[str, ...]

    def cash_floor(self, base: Fraction) -> Fraction | None:
        """The least cash after the trades, in money; None where an overdraft is allowed.

        Args:
            base: what weights are of: market value plus cash flow.
        """
        if self.allow_overdraft:
            return None
        weight = self.minimum_cash_weight
        floors = [self.minimum_cash_amount, None if weight is None else weight * base]
        return max((one for one in floors if one is not None), default=Fraction(0))

    def cost(self, value: Fraction) -> Fraction:
        """What a trade of such a value, above 0, costs besides."""
        return self.cost_rate * value + self.cost_per_trade

    @cached_property
    def security_limits(self) -> Mapping[str, WeightLimit]:
        """The limits of securities by themselves."""
        return {one.key[0]: one for one in self.weights if not one.group}

    def forbids(self, security_id: str, trade: int) -> bool:
        """Whether buying (above 0) or selling (below 0) is forbidden."""
        side = "BUY" if trade > 0 else "SELL"
        return side == self.forbidden or self.restrictions.get(security_id) in ("HOLD", f"DO_NOT_{side}")


def read_options(message: Mapping[str, Any]) -> Options:
    """The options of protojson. Raises KeyError, TypeError, ValueError for what cannot be."""
    cash = message.get("minimumCash", {})
    count, days = message.get("maximumTradeCount"), message.get("maximumPriceAgeDays")
    return Options(
        to_band=_STRATEGIES[message["strategy"]],
        allow_overdraft=message.get("allowOverdraft", False) is True,
        minimum_cash_amount=given(cash, "amount"),
        minimum_cash_weight=given(cash, "weight"),
        solver_seconds=seconds(message["solverTimeout"]),
        minimum_trade_value=given(message, "minimumTradeValue"),
        restrictions={
            one["securityId"]: _RESTRICTIONS[one["type"]] for one in message.get("restrictions", ())
        },
        lots={one["securityId"]: whole(one["shares"]) for one in message.get("lotSizes", ())},
        maximum_turnover_weight=given(message, "maximumTurnoverWeight"),
        maximum_trade_count=None if count is None else whole(count),
        lots_of_buys=frozenset(
            one["securityId"]
            for one in message.get("lotSizes", ())
            if _LOT_SIDES[one.get("appliesTo", "LOT_SIDES_BOTH")]
        ),
        forbidden=_FORBIDDEN[message.get("sides", "SIDES_BUY_AND_SELL")],
        has_costs="costs" in message,
        cost_rate=given(message.get("costs", {}), "rateWeight") or Fraction(0),
        cost_per_trade=given(message.get("costs", {}), "perTradeAmount") or Fraction(0),
        maximum_price_age_days=None if days is None else whole(days),
        weights=read_limits(message),
        freezes=_UNPRICED[message.get("unpriced", "UNPRICED_FAIL")],
        unknown=tuple(sorted(message.keys() - KNOWN)),
    )
