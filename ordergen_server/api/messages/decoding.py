"""Requests as domain values; whatever is not of the right form is a violation with its path."""

import copy
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from globeco.ordergen.v1 import model_pb2, order_pb2, rebalance_pb2, rebalance_service_pb2
from google.protobuf import field_mask_pb2
from google.type import decimal_pb2

from ordergen_server.domain.changes import PositionMatch
from ordergen_server.domain.models import FIELDS, ModelContent, Position, check_chosen, check_positions
from ordergen_server.domain.open_orders import OpenOrders
from ordergen_server.domain.rebalances import (
    LotSides,
    LotSize,
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Sides,
    Strategy,
    TradingCosts,
    View,
)
from ordergen_server.domain.requests.ids import check_entity_id, check_request_id
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.domain.stores import Request

#: google.type.Decimal, within what Decimal128 keeps digit for digit and the optimizer takes.
_DECIMAL_FORM = re.compile(r"[+-]?(\d{1,34}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?", re.ASCII)
MAXIMUM_DIGITS = 34
#: On each side of the point.
MAXIMUM_PLACES = 40
#: Of any text of that form.
_MAXIMUM_LENGTH = 80
_CACHED = 4096
NUMBER_RULE = (
    f"must be a decimal number of at most {MAXIMUM_DIGITS} digits"
    f" and {MAXIMUM_PLACES} places on each side of the point"
)
OfSecurity = TypeVar("OfSecurity", rebalance_pb2.Restriction, rebalance_pb2.LotSize)
RebalanceRequest = (
    rebalance_service_pb2.RebalancePortfolioRequest
    | rebalance_service_pb2.RebalanceModelRequest
    | rebalance_service_pb2.StartRebalanceRequest
    | order_pb2.SubmitOrdersRequest
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
_OPEN_ORDERS: dict[int, OpenOrders | None] = {
    rebalance_pb2.OPEN_ORDERS_UNSPECIFIED: None,
    rebalance_pb2.OPEN_ORDERS_REFUSE: OpenOrders.REFUSE,
    rebalance_pb2.OPEN_ORDERS_COUNT: OpenOrders.COUNT,
    rebalance_pb2.OPEN_ORDERS_IGNORE: OpenOrders.IGNORE,
}
_LOT_SIDES: dict[int, LotSides] = {
    rebalance_pb2.LOT_SIDES_UNSPECIFIED: LotSides.BOTH,
    rebalance_pb2.LOT_SIDES_BOTH: LotSides.BOTH,
    rebalance_pb2.LOT_SIDES_BUYS: LotSides.BUYS,
}
_VIEWS: dict[int, View] = {
    rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_UNSPECIFIED: View.FULL,
    rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_BASIC: View.BASIC,
    rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_FULL: View.FULL,
}
MAXIMUM_SOLVER_SECONDS = 3600
MAXIMUM_PRICE_AGE_DAYS = 3650
_NANOS = 1_000_000_000
DEFAULT_SOLVER_SECONDS = 30.0


def decimal_or_none(message: decimal_pb2.Decimal, path: str, violations: Violations) -> Decimal | None:
    """The number, exactly as written; None of an empty one, or of one that is no number (a violation)."""
    text = message.value
    if not text:
        return None
    number = _number(text)
    if number is None:
        violations.add(path, NUMBER_RULE, text)
    return number


# The weights of models are few, and come again in every position.
@lru_cache(maxsize=_CACHED)
def _number(text: str) -> Decimal | None:
    number = Decimal(text) if len(text) <= _MAXIMUM_LENGTH and _DECIMAL_FORM.fullmatch(text) else None
    if number is None or not _fits(number):
        return None
    return number or number.copy_abs()  # -0 is 0


def _fits(number: Decimal) -> bool:
    _, digits, exponent = number.as_tuple()
    places = -int(exponent)
    return len(digits) <= MAXIMUM_DIGITS and places <= MAXIMUM_PLACES and number.adjusted() < MAXIMUM_PLACES


def decimal(message: decimal_pb2.Decimal, path: str, violations: Violations) -> Decimal:
    """The number, or 0 of an empty one."""
    number = decimal_or_none(message, path, violations)
    return Decimal(0) if number is None else number


def content(
    message: model_pb2.Model, path: str, violations: Violations, fields: Collection[str] = FIELDS
) -> ModelContent:
    """What a caller says of these fields of a model."""
    lines = message.positions if "positions" in fields else ()
    return ModelContent(
        name=message.name,
        positions=positions(lines, f"{path}.positions", violations),
        portfolio_ids=tuple(message.portfolio_ids),
    )


def positions(
    messages: Iterable[model_pb2.Position], path: str, violations: Violations
) -> tuple[Position, ...]:
    """Positions of a model."""
    return tuple(position(message, f"{path}[{index}]", violations) for index, message in enumerate(messages))


def chosen(portfolio_ids: Iterable[str], violations: Violations) -> tuple[str, ...]:
    """Portfolios of a model that a run is to be over; none are all."""
    found = tuple(portfolio_ids)
    check_chosen(found, "portfolio_ids", violations)
    return found


def draft(
    message: rebalance_service_pb2.RebalanceModelRequest, violations: Violations
) -> tuple[Position, ...]:
    """Positions to try in place of a model's own; none are no draft."""
    found = positions(message.draft_positions, "draft_positions", violations)
    check_positions(found, "draft_positions", violations)
    if found and not message.validate_only:
        violations.add("draft_positions", "must come with validate_only, for a draft is never stored")
    return found


def cash_flow(
    message: rebalance_service_pb2.RebalancePortfolioRequest, violations: Violations
) -> Decimal | None:
    """Money that comes to a portfolio, or is paid out of it; None of 0."""
    return decimal_or_none(message.cash_flow, "cash_flow", violations) or None


def cash_flows(
    messages: Iterable[rebalance_service_pb2.CashFlow], violations: Violations
) -> dict[str, Decimal]:
    """Money that comes to portfolios, or is paid out of them, in their order and those of 0 with them."""
    found: dict[str, Decimal] = {}
    for index, one in enumerate(messages):
        path = f"cash_flows[{index}]"
        check_entity_id(one.portfolio_id, f"{path}.portfolio_id", violations)
        if one.portfolio_id in found:
            violations.add(f"{path}.portfolio_id", "must be in the list only once", one.portfolio_id)
        amount = decimal_or_none(one.amount, f"{path}.amount", violations)
        if not one.amount.value:
            violations.add(f"{path}.amount", "must be given")
        found[one.portfolio_id] = Decimal(0) if amount is None else amount
    return found


def position(message: model_pb2.Position, path: str, violations: Violations) -> Position:
    """One position; its target must be there, drifts that are not are 0."""
    target = decimal_or_none(message.target, f"{path}.target", violations)
    if target is None and not message.target.value:
        violations.add(f"{path}.target", "must be given")
    return Position(
        security_id=message.security_id,
        target=Decimal(0) if target is None else target,
        low_drift=decimal(message.low_drift, f"{path}.low_drift", violations),
        high_drift=decimal(message.high_drift, f"{path}.high_drift", violations),
    )


def position_match(message: model_pb2.Position, path: str, violations: Violations) -> PositionMatch:
    """A security, with the target and drifts that are given."""
    check_entity_id(message.security_id, f"{path}.security_id", violations)
    return PositionMatch(
        security_id=message.security_id,
        target=decimal_or_none(message.target, f"{path}.target", violations),
        low_drift=decimal_or_none(message.low_drift, f"{path}.low_drift", violations),
        high_drift=decimal_or_none(message.high_drift, f"{path}.high_drift", violations),
    )


def update_fields(mask: field_mask_pb2.FieldMask, violations: Violations) -> tuple[str, ...]:
    """The fields an update mask names; all of an empty one, or of `*`."""
    if not mask.paths or list(mask.paths) == ["*"]:
        return FIELDS
    for index, path in enumerate(mask.paths):
        if path not in FIELDS:
            violations.add(f"update_mask.paths[{index}]", f"must be one of {', '.join(FIELDS)}", path)
    return tuple(path for path in mask.paths if path in FIELDS)


def options(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> RebalanceOptions:
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
        open_orders=_open_orders(message, violations),
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


def _open_orders(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> OpenOrders | None:
    if message.open_orders not in _OPEN_ORDERS:
        rule = "must be REFUSE, COUNT, IGNORE or unspecified"
        violations.add("options.open_orders", rule, message.open_orders)
    return _OPEN_ORDERS.get(message.open_orders)


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


def _restrictions(message: rebalance_pb2.RebalanceOptions, violations: Violations) -> tuple[Restriction, ...]:
    found = []
    for path, one in _of_securities(message.restrictions, "options.restrictions", violations):
        if one.type in _RESTRICTIONS:
            found.append(Restriction(one.security_id, _RESTRICTIONS[one.type]))
        else:
            violations.add(f"{path}.type", "must be DO_NOT_BUY, DO_NOT_SELL or HOLD", one.type)
    return tuple(found)


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


def request(message: RebalanceRequest, violations: Violations) -> Request | None:
    """What makes a call safe to repeat: its request id, and a digest of what else it asks to be done."""
    found = request_id(message.request_id, violations)
    if not found:
        return None
    body = copy.copy(message)
    body.request_id = ""
    if isinstance(body, rebalance_service_pb2.RebalanceModelRequest):
        body.view = rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_UNSPECIFIED  # it is told, and changes nothing
    text = body.DESCRIPTOR.full_name.encode() + body.SerializeToString(deterministic=True)
    return Request(found, hashlib.sha256(text).hexdigest())


def request_id(text: str, violations: Violations) -> str:
    """A request id in its one form, for a UUID may be sent in either case (RFC 9562, 4); empty is none."""
    check_request_id(text, "request_id", violations)
    return text.lower()


def view(value: int, violations: Violations) -> View:
    """How much is wanted of what a run did for a portfolio."""
    if value not in _VIEWS:
        violations.add("view", "must be BASIC, FULL or unspecified", value)
    return _VIEWS.get(value, View.FULL)
