"""Options of a rebalance as domain values."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TypeVar

from globeco.ordergen.v1 import rebalance_pb2

from ordergen_server.api.messages.numbers import decimal, decimal_or_none
from ordergen_server.domain.rebalances.options import (
    LotSides,
    LotSize,
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Sides,
    Strategy,
    TradingCosts,
    Unpriced,
)
from ordergen_server.domain.rebalances.weight_limits import (
    GroupLimit,
    SecurityLimit,
    check_groups,
    check_weights,
)
from ordergen_server.domain.requests.ids import check_entity_id
from ordergen_server.domain.requests.violations import Violations

OfSecurity = TypeVar(
    "OfSecurity", rebalance_pb2.Restriction, rebalance_pb2.LotSize, rebalance_pb2.SecurityLimit
)
_RESTRICTIONS = {
    rebalance_pb2.RESTRICTION_TYPE_DO_NOT_BUY: RestrictionType.DO_NOT_BUY,
    rebalance_pb2.RESTRICTION_TYPE_DO_NOT_SELL: RestrictionType.DO_NOT_SELL,
    rebalance_pb2.RESTRICTION_TYPE_HOLD: RestrictionType.HOLD,
}
_SIDES: dict[int, Sides] = {
    rebalance_pb2.SIDES_UNSPECIFIED: Sides.BUY_AND_SELL,
    rebalance_pb2.SIDES_BUY_AND_SELL: Sides.BUY_AND_SELL,
    rebalance_pb2.SIDES_BUY_ONLY: Sides.BUY_ONLY,
    rebalance_pb2.SIDES_SELL_ONLY: Sides.SELL_ONLY,
}
_UNPRICED: dict[int, Unpriced] = {
    rebalance_pb2.UNPRICED_UNSPECIFIED: Unpriced.FAIL,
    rebalance_pb2.UNPRICED_FAIL: Unpriced.FAIL,
    rebalance_pb2.UNPRICED_FREEZE: Unpriced.FREEZE,
}
_LOT_SIDES: dict[int, LotSides] = {
    rebalance_pb2.LOT_SIDES_UNSPECIFIED: LotSides.BOTH,
    rebalance_pb2.LOT_SIDES_BOTH: LotSides.BOTH,
    rebalance_pb2.LOT_SIDES_BUYS: LotSides.BUYS,
}
MAXIMUM_SOLVER_SECONDS = 3600
MAXIMUM_PRICE_AGE_DAYS = 3650
_NANOS = 1_000_000_000
DEFAULT_SOLVER_SECONDS = 30.0


def rebalance_options(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> RebalanceOptions:
    """How to rebalance."""
    value, turnover = "options.minimum_trade_value", "options.maximum_turnover_weight"
    weight = "options.minimum_cash.weight"
    decoded = RebalanceOptions(
        minimum_cash_amount=decimal_or_none(
            message.minimum_cash.amount, "options.minimum_cash.amount", violations
        ),
        minimum_cash_weight=decimal_or_none(message.minimum_cash.weight, weight, violations),
        allow_overdraft=message.allow_overdraft,
        solver_timeout_seconds=_solver_seconds(message, violations),
        strategy=_strategy(message, violations),
        minimum_trade_value=decimal_or_none(message.minimum_trade_value, value, violations),
        restrictions=_restrictions(message, violations),
        lot_sizes=_lot_sizes(message, violations),
        maximum_turnover_weight=decimal_or_none(message.maximum_turnover_weight, turnover, violations),
        maximum_trade_count=(
            message.maximum_trade_count if message.HasField("maximum_trade_count") else None
        ),
        sides=_sides(message, violations),
        costs=_costs(message.costs, violations) if message.HasField("costs") else None,
        maximum_price_age_days=_price_age(message, violations),
        security_limits=_security_limits(message, violations),
        group_limits=_group_limits(message, violations),
        unpriced=_unpriced(message, violations),
    )
    if decoded.minimum_cash_weight is not None and not 0 <= decoded.minimum_cash_weight <= 1:
        violations.add(weight, "must be from 0 to 1", decoded.minimum_cash_weight)
    for path, number in (
        ("options.minimum_cash.amount", decoded.minimum_cash_amount),
        (value, decoded.minimum_trade_value),
        (turnover, decoded.maximum_turnover_weight),
        ("options.maximum_trade_count", decoded.maximum_trade_count),
    ):
        if number is not None and number < 0:
            violations.add(path, "must not be negative", number)
    return decoded


def _costs(message: rebalance_pb2.TradingCosts, violations: Violations) -> TradingCosts:
    rate, amount = "options.costs.rate_weight", "options.costs.per_trade_amount"
    decoded = TradingCosts(
        decimal(message.rate_weight, rate, violations), decimal(message.per_trade_amount, amount, violations)
    )
    if not 0 <= decoded.rate_weight < 1:
        violations.add(rate, "must be 0 or more, and below 1", decoded.rate_weight)
    if decoded.per_trade_amount < 0:
        violations.add(amount, "must not be negative", decoded.per_trade_amount)
    return decoded


def _price_age(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> int | None:
    if not message.HasField("maximum_price_age_days"):
        return None
    days = message.maximum_price_age_days
    if not 0 <= days <= MAXIMUM_PRICE_AGE_DAYS:
        rule = f"must be from 0 to {MAXIMUM_PRICE_AGE_DAYS:,} days"
        violations.add("options.maximum_price_age_days", rule, days)
    return days


def _solver_seconds(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> float:
    if not message.HasField("solver_timeout"):
        return DEFAULT_SOLVER_SECONDS
    timeout = message.solver_timeout
    is_duration = abs(timeout.nanos) < _NANOS and timeout.seconds * timeout.nanos >= 0
    seconds = timeout.seconds + timeout.nanos / _NANOS
    if not (is_duration and 0 < seconds <= MAXIMUM_SOLVER_SECONDS):
        rule = f"must be above 0 and at most {MAXIMUM_SOLVER_SECONDS} seconds"
        shown = f"{timeout.seconds} seconds and {timeout.nanos} nanoseconds"
        violations.add("options.solver_timeout", rule, shown)
    return seconds


def _strategy(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> Strategy:
    match message.strategy:
        case rebalance_pb2.STRATEGY_UNSPECIFIED | rebalance_pb2.STRATEGY_TO_TARGET:
            return Strategy.TO_TARGET
        case rebalance_pb2.STRATEGY_TO_BAND:
            return Strategy.TO_BAND
    violations.add("options.strategy", "must be TO_TARGET, TO_BAND or unspecified", message.strategy)
    return Strategy.TO_TARGET


def _sides(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> Sides:
    if message.sides not in _SIDES:
        rule = "must be BUY_AND_SELL, BUY_ONLY, SELL_ONLY or unspecified"
        violations.add("options.sides", rule, message.sides)
    return _SIDES.get(message.sides, Sides.BUY_AND_SELL)


def _unpriced(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> Unpriced:
    if message.unpriced not in _UNPRICED:
        violations.add("options.unpriced", "must be FAIL, FREEZE or unspecified", message.unpriced)
    return _UNPRICED.get(message.unpriced, Unpriced.FAIL)


def _restrictions(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> tuple[Restriction, ...]:
    found = _of_securities(message.restrictions, "options.restrictions", violations)
    return tuple(one for path, each in found for one in restriction(each, path, violations))


def restriction(
    message: rebalance_pb2.Restriction, path: str, violations: Violations
) -> Iterator[Restriction]:
    """A restriction; none where it does not say what may not be done (a violation)."""
    if message.type in _RESTRICTIONS:
        yield Restriction(message.security_id, _RESTRICTIONS[message.type])
    else:
        violations.add(f"{path}.type", "must be DO_NOT_BUY, DO_NOT_SELL or HOLD", message.type)


def _lot_sizes(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> tuple[LotSize, ...]:
    found = []
    for path, one in _of_securities(message.lot_sizes, "options.lot_sizes", violations):
        if one.shares < 1:
            violations.add(f"{path}.shares", "must be at least 1", one.shares)
        if one.applies_to not in _LOT_SIDES:
            violations.add(f"{path}.applies_to", "must be BOTH, BUYS or unspecified", one.applies_to)
        applies_to = _LOT_SIDES.get(one.applies_to, LotSides.BOTH)
        found.append(LotSize(one.security_id, one.shares, applies_to))
    return tuple(found)


def _security_limits(
    message: rebalance_pb2.RebalanceOptions, violations: Violations
) -> tuple[SecurityLimit, ...]:
    return tuple(
        SecurityLimit(one.security_id, *_weights(one, path, violations))
        for path, one in _of_securities(message.security_limits, "options.security_limits", violations)
    )


def _group_limits(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> tuple[GroupLimit, ...]:
    path = "options.group_limits"
    found = tuple(
        GroupLimit(one.name, tuple(one.security_ids), *_weights(one, f"{path}[{index}]", violations))
        for index, one in enumerate(message.group_limits)
    )
    check_groups(found, path, violations)
    return found


def _weights(
    message: rebalance_pb2.SecurityLimit | rebalance_pb2.GroupLimit, path: str, violations: Violations
) -> tuple[Decimal | None, Decimal | None]:
    """The least and the greatest weight of a limit, of which one must be there."""
    minimum = decimal_or_none(message.minimum_weight, f"{path}.minimum_weight", violations)
    maximum = decimal_or_none(message.maximum_weight, f"{path}.maximum_weight", violations)
    if not (message.minimum_weight.value or message.maximum_weight.value):
        violations.add(path, "must have a minimum_weight or a maximum_weight")
    check_weights(minimum, maximum, path, violations)
    return minimum, maximum


def _of_securities(
    messages: Iterable[OfSecurity], path: str, violations: Violations
) -> Iterator[tuple[str, OfSecurity]]:
    """Each message with its path; a violation where its security is none, or was there before."""
    seen: set[str] = set()
    for index, one in enumerate(messages):
        check_entity_id(one.security_id, f"{path}[{index}].security_id", violations)
        if one.security_id in seen:
            violations.add(f"{path}[{index}].security_id", "must be in the list only once", one.security_id)
        seen.add(one.security_id)
        yield f"{path}[{index}]", one
