"""How to rebalance, as a record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Literal, TypeVar

from ordergen_client.records.checks import (
    Number,
    chosen,
    flag,
    optional_decimal,
    optional_seconds,
    optional_whole,
    record,
    text,
    whole,
)
from ordergen_client.records.options.weight_limits import GroupLimit, SecurityLimit
from ordergen_client.records.states import (
    OpenOrders,
    Restriction,
    Sides,
    Strategy,
    Unpriced,
)

StrategyName = Literal["TO_TARGET", "TO_BAND"]
RestrictionName = Literal["DO_NOT_BUY", "DO_NOT_SELL", "HOLD"]
SidesName = Literal["BUY_AND_SELL", "BUY_ONLY", "SELL_ONLY"]
OpenOrdersName = Literal["REFUSE", "COUNT", "IGNORE"]
UnpricedName = Literal["FAIL", "FREEZE"]

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, init=False, repr=False)
class RebalanceOptions:
    """How to rebalance. Money and weights are given as those of a `Position`.

    Attributes:
        minimum_cash_amount: cash to keep, in money.
        minimum_cash_weight: cash to keep, as a weight of market value plus cash flow; the greater of the two
            holds.
        allow_overdraft: cash is not checked at all; goes with neither of the two.
        solver_timeout_seconds: for one portfolio; None is the server's default.
        strategy: TO_TARGET, or TO_BAND for the least turnover that brings every position inside its band.
        minimum_trade_value: no smaller trades, in money; full exits and repairs of a band or of a security's
            limit are exempt.
        restrictions: what may not be done, by security id.
        lot_sizes: shares in a lot, by security id; orders are multiples of it.
        maximum_turnover_weight: buys and sells together at most, as a weight of market value plus cash flow.
        maximum_trade_count: transactions of a portfolio at most.
        sides: on which sides orders may be; with BUY_ONLY or SELL_ONLY what the other side alone could mend
            stays as it is.
        buy_lot_sizes: shares in a lot, by security id, of which buys alone are multiples: any number is sold.
        cost_rate_weight: what a trade costs beyond its value, as a weight of that; below 1.
        cost_per_trade_amount: what it costs besides, in money.
        maximum_price_age_days: so many days before the date of the run a price may be of; None is what the
            server is configured with.
        security_limits: what a security may be worth after the trades, by security id.
        group_limits: what securities may be worth together after the trades, by the name of the group.
        open_orders: what to do with a portfolio that has open orders in the order service: REFUSE lets it
            fail, COUNT takes them as filled, IGNORE does not look; None is REFUSE where there is an order
            service, and IGNORE where there is none.
        unpriced: FAIL, or FREEZE for securities without a usable price to stay as they are and count nothing.

    Raises:
        TypeError: money or a weight is a float, or another argument is not of its type.
        ValueError: a text is no number or no such choice; an overdraft is allowed, and cash to keep is given
            with it; or a security has lots of both kinds.
    """

    minimum_cash_amount: Decimal | None
    minimum_cash_weight: Decimal | None
    allow_overdraft: bool
    solver_timeout_seconds: float | None
    strategy: Strategy
    minimum_trade_value: Decimal | None
    restrictions: Mapping[str, Restriction]
    lot_sizes: Mapping[str, int]
    maximum_turnover_weight: Decimal | None
    maximum_trade_count: int | None
    sides: Sides
    buy_lot_sizes: Mapping[str, int]
    cost_rate_weight: Decimal | None
    cost_per_trade_amount: Decimal | None
    maximum_price_age_days: int | None
    security_limits: Mapping[str, SecurityLimit]
    group_limits: Mapping[str, GroupLimit]
    open_orders: OpenOrders | None
    unpriced: Unpriced

    def __init__(  # noqa: PLR0917 - each may be given by its place, as it always could
        self,
        minimum_cash_amount: Number | None = None,
        minimum_cash_weight: Number | None = None,
        allow_overdraft: bool = False,
        solver_timeout_seconds: float | None = None,
        strategy: Strategy | StrategyName = Strategy.TO_TARGET,
        minimum_trade_value: Number | None = None,
        restrictions: Mapping[str, Restriction | RestrictionName] | None = None,
        lot_sizes: Mapping[str, int] | None = None,
        maximum_turnover_weight: Number | None = None,
        maximum_trade_count: int | None = None,
        sides: Sides | SidesName = Sides.BUY_AND_SELL,
        buy_lot_sizes: Mapping[str, int] | None = None,
        cost_rate_weight: Number | None = None,
        cost_per_trade_amount: Number | None = None,
        maximum_price_age_days: int | None = None,
        security_limits: Mapping[str, SecurityLimit] | None = None,
        group_limits: Mapping[str, GroupLimit] | None = None,
        open_orders: OpenOrders | OpenOrdersName | None = None,
        unpriced: Unpriced | UnpricedName = Unpriced.FAIL,
    ) -> None:
        _set(self, "minimum_cash_amount", optional_decimal(minimum_cash_amount, "minimum_cash_amount"))
        _set(self, "minimum_cash_weight", optional_decimal(minimum_cash_weight, "minimum_cash_weight"))
        _set(self, "allow_overdraft", flag(allow_overdraft, "allow_overdraft"))
        _set(
            self, "solver_timeout_seconds", optional_seconds(solver_timeout_seconds, "solver_timeout_seconds")
        )
        _set(self, "strategy", chosen(strategy, "strategy", Strategy))
        _set(self, "minimum_trade_value", optional_decimal(minimum_trade_value, "minimum_trade_value"))
        _set(self, "restrictions", _by_id(restrictions, "restrictions", _restriction))
        _set(self, "lot_sizes", _by_id(lot_sizes, "lot_sizes", whole))
        _set(
            self,
            "maximum_turnover_weight",
            optional_decimal(maximum_turnover_weight, "maximum_turnover_weight"),
        )
        _set(self, "maximum_trade_count", optional_whole(maximum_trade_count, "maximum_trade_count"))
        _set(self, "sides", chosen(sides, "sides", Sides))
        _set(self, "buy_lot_sizes", _by_id(buy_lot_sizes, "buy_lot_sizes", whole))
        _set(self, "cost_rate_weight", optional_decimal(cost_rate_weight, "cost_rate_weight"))
        _set(self, "cost_per_trade_amount", optional_decimal(cost_per_trade_amount, "cost_per_trade_amount"))
        _set(self, "maximum_price_age_days", optional_whole(maximum_price_age_days, "maximum_price_age_days"))
        _set(self, "security_limits", _by_id(security_limits, "security_limits", _security_limit))
        _set(self, "group_limits", _by_id(group_limits, "group_limits", _group_limit))
        asked = None if open_orders is None else chosen(open_orders, "open_orders", OpenOrders)
        _set(self, "open_orders", asked)
        _set(self, "unpriced", chosen(unpriced, "unpriced", Unpriced))
        self._refuse_contradiction()

    def __repr__(self) -> str:
        """What is not as it is by default."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        told = (f"{name}={one!r}" for name, one in given.items() if one != getattr(DEFAULT_OPTIONS, name))
        return f"RebalanceOptions({', '.join(told)})"

    def _refuse_contradiction(self) -> None:
        for name in ("minimum_cash_amount", "minimum_cash_weight"):
            if self.allow_overdraft and getattr(self, name) is not None:
                raise ValueError(f"allow_overdraft and {name} exclude each other: leave one of them out")
        if both := sorted(self.lot_sizes.keys() & self.buy_lot_sizes.keys()):
            raise ValueError(f"lot_sizes and buy_lot_sizes both have {both[0]}: leave it out of one of them")


def _set(record: object, name: str, value: object) -> None:
    """Set a field of a record that is being made; afterwards it is frozen."""
    object.__setattr__(record, name, value)


def _by_id(given: object, name: str, read: Callable[[object, str], Value]) -> dict[str, Value]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a mapping by security id, not {type(given).__name__} {given!r}")
    return {text(key, f"a key of {name}"): read(value, f"{name}[{key!r}]") for key, value in given.items()}


def _security_limit(value: object, name: str) -> SecurityLimit:
    return record(value, name, SecurityLimit)


def _group_limit(value: object, name: str) -> GroupLimit:
    return record(value, name, GroupLimit)


def _restriction(value: object, name: str) -> Restriction:
    return chosen(value, name, Restriction)


#: Drift at its least, with the server's own limits.
DEFAULT_OPTIONS = RebalanceOptions()
