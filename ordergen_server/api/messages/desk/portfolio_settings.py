"""Settings of portfolios as messages of the contract, and back."""

from collections.abc import Collection
from datetime import date

from globeco.ordergen.v1 import portfolio_settings_pb2 as pb
from globeco.ordergen.v1 import rebalance_pb2
from google.protobuf import field_mask_pb2
from google.type import date_pb2

from ordergen_server.api.messages.decoding import masked_fields
from ordergen_server.api.messages.encoding import set_time, set_weights
from ordergen_server.api.messages.numbers import decimal_or_none, set_date, set_decimal
from ordergen_server.api.messages.options import restriction, security_limits
from ordergen_server.domain.desk.portfolio_settings import (
    FIELDS,
    DoNotTrade,
    PortfolioSettings,
    SettingsContent,
    check_settings,
)
from ordergen_server.domain.rebalances.options import Restriction
from ordergen_server.domain.requests.violations import Violations

PATH = "portfolio_settings"


def update_fields(mask: field_mask_pb2.FieldMask, violations: Violations) -> tuple[str, ...]:
    """The fields an update mask names; all of an empty one, or of `*`."""
    return masked_fields(mask, tuple(FIELDS), violations)


def content(
    message: pb.PortfolioSettings, violations: Violations, fields: Collection[str] = tuple(FIELDS)
) -> SettingsContent:
    """What a caller says of these fields of settings; every rule of them is checked."""
    asked = pb.PortfolioSettings()
    field_mask_pb2.FieldMask(paths=fields).MergeMessage(message, asked)
    cash, value, turnover = (f"{PATH}.{name}" for name in _NUMBERS)
    order = asked.do_not_trade if asked.HasField("do_not_trade") else None
    found = SettingsContent(
        do_not_trade=order and _do_not_trade(order, violations),
        minimum_cash_amount=decimal_or_none(asked.minimum_cash.amount, f"{cash}.amount", violations),
        minimum_cash_weight=decimal_or_none(asked.minimum_cash.weight, f"{cash}.weight", violations),
        minimum_trade_value=decimal_or_none(asked.minimum_trade_value, value, violations),
        restrictions=_restrictions(asked, violations),
        maximum_turnover_weight=decimal_or_none(asked.maximum_turnover_weight, turnover, violations),
        note=asked.note,
        security_limits=security_limits(asked.security_limits, f"{PATH}.security_limits", violations),
    )
    check_settings(found, PATH, violations)
    return found


_NUMBERS = ("minimum_cash", "minimum_trade_value", "maximum_turnover_weight")


def _restrictions(message: pb.PortfolioSettings, violations: Violations) -> tuple[Restriction, ...]:
    return tuple(
        one
        for index, each in enumerate(message.restrictions)
        for one in restriction(each, f"{PATH}.restrictions[{index}]", violations)
    )


def _do_not_trade(message: pb.DoNotTrade, violations: Violations) -> DoNotTrade:
    until = _date(message.until, violations) if message.HasField("until") else None
    return DoNotTrade(message.reason, until)


def _date(message: date_pb2.Date, violations: Violations) -> date | None:
    try:
        return date(message.year, message.month, message.day)
    except ValueError:
        shown = f"{message.year}-{message.month}-{message.day}"
        rule = "must be a day of the calendar, with its year from 1 to 9999"
        violations.add(f"{PATH}.do_not_trade.until", rule, shown)
        return None


def message(value: PortfolioSettings) -> pb.PortfolioSettings:
    """Settings."""
    known = value.content
    found = pb.PortfolioSettings(
        portfolio_id=value.portfolio_id, note=known.note, version=value.version, actor=value.actor
    )
    if known.do_not_trade:
        found.do_not_trade.reason = known.do_not_trade.reason
        if known.do_not_trade.until:
            set_date(found.do_not_trade.until, known.do_not_trade.until)
    if known.minimum_cash_amount is not None:
        set_decimal(found.minimum_cash.amount, known.minimum_cash_amount)
    if known.minimum_cash_weight is not None:
        set_decimal(found.minimum_cash.weight, known.minimum_cash_weight)
    if known.minimum_trade_value is not None:
        set_decimal(found.minimum_trade_value, known.minimum_trade_value)
    if known.maximum_turnover_weight is not None:
        set_decimal(found.maximum_turnover_weight, known.maximum_turnover_weight)
    for one in known.restrictions:
        kind = rebalance_pb2.RestrictionType.Value(f"RESTRICTION_TYPE_{one.type.name}")
        found.restrictions.add(security_id=one.security_id, type=kind)
    for limit in known.security_limits:
        set_weights(found.security_limits.add(security_id=limit.security_id), limit)
    set_time(found.create_time, value.create_time)
    set_time(found.update_time, value.update_time)
    return found
