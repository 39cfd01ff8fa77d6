"""Options of a rebalance from messages of the contract, and to them."""

from decimal import Decimal

from globeco.ordergen.v1 import rebalance_pb2
from google.protobuf.message import Message

from ordergen_client.records import enums
from ordergen_client.records.figures import decimal
from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.options.weight_limits import GroupLimit, SecurityLimit
from ordergen_client.records.states import Sides, Strategy, Unpriced

pb = rebalance_pb2


def options_message(options: RebalanceOptions) -> pb.RebalanceOptions:
    """How to rebalance."""
    message = pb.RebalanceOptions()
    set_if_given(message.minimum_cash, "amount", options.minimum_cash_amount)
    set_if_given(message.minimum_cash, "weight", options.minimum_cash_weight)
    set_if_given(message, "minimum_trade_value", options.minimum_trade_value)
    set_if_given(message, "maximum_turnover_weight", options.maximum_turnover_weight)
    if options.allow_overdraft:
        message.allow_overdraft = True
    if options.solver_timeout_seconds is not None:
        message.solver_timeout.FromNanoseconds(round(options.solver_timeout_seconds * 1e9))
    if options.strategy is not Strategy.TO_TARGET:
        message.strategy = pb.Strategy.Value(f"STRATEGY_{options.strategy}")
    if options.maximum_trade_count is not None:
        message.maximum_trade_count = options.maximum_trade_count
    set_if_given(message.costs, "rate_weight", options.cost_rate_weight)
    set_if_given(message.costs, "per_trade_amount", options.cost_per_trade_amount)
    if options.maximum_price_age_days is not None:
        message.maximum_price_age_days = options.maximum_price_age_days
    _set_choices(message, options)
    _add_rules_of_securities(message, options)
    return message


def _set_choices(message: pb.RebalanceOptions, options: RebalanceOptions) -> None:
    if options.sides is not Sides.BUY_AND_SELL:
        message.sides = pb.Sides.Value(f"SIDES_{options.sides}")
    if options.unpriced is not Unpriced.FAIL:
        message.unpriced = pb.Unpriced.Value(f"UNPRICED_{options.unpriced}")
    if options.open_orders is not None:
        message.open_orders = pb.OpenOrders.Value(f"OPEN_ORDERS_{options.open_orders}")


def _add_rules_of_securities(message: pb.RebalanceOptions, options: RebalanceOptions) -> None:
    for security_id, restriction in options.restrictions.items():
        kind = pb.RestrictionType.Value(f"RESTRICTION_TYPE_{restriction}")
        message.restrictions.add(security_id=security_id, type=kind)
    for security_id, shares in options.lot_sizes.items():
        message.lot_sizes.add(security_id=security_id, shares=shares)
    for security_id, shares in options.buy_lot_sizes.items():
        message.lot_sizes.add(security_id=security_id, shares=shares, applies_to=pb.LOT_SIDES_BUYS)
    for security_id, limit in options.security_limits.items():
        _set_weights(message.security_limits.add(security_id=security_id), limit)
    for name, group in options.group_limits.items():
        _set_weights(message.group_limits.add(name=name, security_ids=group.security_ids), group)


def _set_weights(message: pb.SecurityLimit | pb.GroupLimit, limit: SecurityLimit | GroupLimit) -> None:
    set_if_given(message, "minimum_weight", limit.minimum_weight)
    set_if_given(message, "maximum_weight", limit.maximum_weight)


def options(message: pb.RebalanceOptions) -> RebalanceOptions:
    """How a run rebalances."""
    timeout = message.solver_timeout.ToNanoseconds() / 1e9 if message.HasField("solver_timeout") else None
    count = message.maximum_trade_count if message.HasField("maximum_trade_count") else None
    days = message.maximum_price_age_days if message.HasField("maximum_price_age_days") else None
    return RebalanceOptions(
        minimum_cash_amount=decimal(message.minimum_cash.amount),
        minimum_cash_weight=decimal(message.minimum_cash.weight),
        allow_overdraft=message.allow_overdraft,
        solver_timeout_seconds=timeout,
        strategy=enums.STRATEGIES[message.strategy or pb.STRATEGY_TO_TARGET],
        minimum_trade_value=decimal(message.minimum_trade_value),
        restrictions={one.security_id: enums.RESTRICTIONS[one.type] for one in message.restrictions},
        lot_sizes={one.security_id: one.shares for one in message.lot_sizes if not _is_of_buys(one)},
        maximum_turnover_weight=decimal(message.maximum_turnover_weight),
        maximum_trade_count=count,
        sides=enums.SIDES_ALLOWED[message.sides or pb.SIDES_BUY_AND_SELL],
        buy_lot_sizes={one.security_id: one.shares for one in message.lot_sizes if _is_of_buys(one)},
        cost_rate_weight=decimal(message.costs.rate_weight),
        cost_per_trade_amount=decimal(message.costs.per_trade_amount),
        maximum_price_age_days=days,
        security_limits={one.security_id: SecurityLimit(*_weights(one)) for one in message.security_limits},
        group_limits={one.name: GroupLimit(one.security_ids, *_weights(one)) for one in message.group_limits},
        open_orders=enums.OPEN_ORDERS[message.open_orders] if message.open_orders else None,
        unpriced=enums.UNPRICED[message.unpriced or pb.UNPRICED_FAIL],
    )


def _is_of_buys(lot: pb.LotSize) -> bool:
    return lot.applies_to == pb.LOT_SIDES_BUYS


def _weights(message: pb.SecurityLimit | pb.GroupLimit) -> tuple[Decimal | None, Decimal | None]:
    return decimal(message.minimum_weight), decimal(message.maximum_weight)


def set_if_given(message: Message, name: str, value: Decimal | None) -> None:
    """Set a number of a message, unless there is none."""
    if value is not None:
        getattr(message, name).value = digits(value)


def digits(value: Decimal) -> str:
    """A number as messages have it."""
    return format(value, "f")
