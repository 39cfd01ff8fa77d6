"""What can be asked of the settings of portfolios."""

from collections.abc import Mapping
from enum import Enum

from globeco.ordergen.v1 import rebalance_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from ordergen_client.calls.call import Call, Pages, nothing
from ordergen_client.records import checks
from ordergen_client.records.checks import Number
from ordergen_client.records.desk import setting_messages
from ordergen_client.records.desk.settings import DoNotTrade, PortfolioSettings
from ordergen_client.records.options.options import RebalanceOptions, RestrictionName
from ordergen_client.records.options.weight_limits import SecurityLimit
from ordergen_client.records.states import Restriction


class Unchanged(Enum):
    """In the place of a setting: it stays as it is. None takes a setting away."""

    UNCHANGED = "UNCHANGED"

    def __repr__(self) -> str:
        """As it is written."""
        return self.value


UNCHANGED = Unchanged.UNCHANGED


def get(portfolio_id: str) -> Call[PortfolioSettings]:
    """Read the settings of a portfolio."""
    request = pb.GetPortfolioSettingsRequest(portfolio_id=_id(portfolio_id))
    return Call("GetPortfolioSettings", request, setting_messages.portfolio_settings)


def list_all(*, page_size: int = 0) -> Pages[PortfolioSettings]:
    """Read all settings that there are, by portfolio id, page after page as they are needed.

    Args:
        page_size: how many are read at once; 0 leaves it to the server.
    """
    request = pb.ListPortfolioSettingsRequest(page_size=checks.whole(page_size, "page_size"))
    return Pages(
        "ListPortfolioSettings",
        request,
        lambda page: map(setting_messages.portfolio_settings, page.portfolio_settings),
    )


def update(
    portfolio_id: str,
    version: int = 0,
    *,
    do_not_trade: DoNotTrade | Unchanged | None = UNCHANGED,
    minimum_cash_amount: Number | Unchanged | None = UNCHANGED,
    minimum_cash_weight: Number | Unchanged | None = UNCHANGED,
    minimum_trade_value: Number | Unchanged | None = UNCHANGED,
    restrictions: Mapping[str, Restriction | RestrictionName] | Unchanged | None = UNCHANGED,
    maximum_turnover_weight: Number | Unchanged | None = UNCHANGED,
    note: str | Unchanged = UNCHANGED,
    security_limits: Mapping[str, SecurityLimit] | Unchanged | None = UNCHANGED,
) -> Call[PortfolioSettings]:
    """Make the settings of a portfolio, or replace those that are given; None takes one away.

    Args:
        portfolio_id: the portfolio.
        version: the one that was read; 0 where there are no settings yet.
        do_not_trade: it is not to be traded.
        minimum_cash_amount: cash to keep, in money.
        minimum_cash_weight: cash to keep, as a weight of market value. The two are one setting: where either
            is given, both are replaced.
        minimum_trade_value: no smaller trades, in money.
        restrictions: what may not be done, by security id.
        maximum_turnover_weight: buys and sells together at most, as a weight of market value.
        note: for people.
        security_limits: what a security may be worth after the trades, by security id.

    Raises:
        ValueError: none is given.
    """
    given = {
        "do_not_trade": do_not_trade,
        "minimum_cash": _given(minimum_cash_amount) or _given(minimum_cash_weight) or UNCHANGED,
        "minimum_trade_value": minimum_trade_value,
        "restrictions": restrictions,
        "maximum_turnover_weight": maximum_turnover_weight,
        "note": note,
        "security_limits": security_limits,
    }
    fields = [field for field, value in given.items() if value is not UNCHANGED]
    if not fields:  # a mask that names nothing is one of all fields
        raise ValueError(f"one of {', '.join(given)} must be given")
    rules = RebalanceOptions(
        minimum_cash_amount=_value(minimum_cash_amount),
        minimum_cash_weight=_value(minimum_cash_weight),
        minimum_trade_value=_value(minimum_trade_value),
        restrictions=None if isinstance(restrictions, Unchanged) else restrictions,
        maximum_turnover_weight=_value(maximum_turnover_weight),
        security_limits=None if isinstance(security_limits, Unchanged) else security_limits,
    )
    order = None if isinstance(do_not_trade, Unchanged) else do_not_trade
    if order is not None:
        checks.record(order, "do_not_trade", DoNotTrade)
    text = "" if isinstance(note, Unchanged) else checks.text(note, "note")
    message = setting_messages.settings_message(rules, order, text)
    message.portfolio_id, message.version = _id(portfolio_id), checks.whole(version, "version")
    request = pb.UpdatePortfolioSettingsRequest(
        portfolio_settings=message, update_mask=FieldMask(paths=fields)
    )
    return Call("UpdatePortfolioSettings", request, setting_messages.portfolio_settings)


def delete(portfolio_id: str, version: int) -> Call[None]:
    """Delete the settings of a portfolio; `version` is the one that was read."""
    request = pb.DeletePortfolioSettingsRequest(
        portfolio_id=_id(portfolio_id), version=checks.whole(version, "version")
    )
    return Call("DeletePortfolioSettings", request, nothing)


def _given(value: object) -> bool:
    return value is not UNCHANGED


def _value(value: Number | Unchanged | None) -> Number | None:
    return None if isinstance(value, Unchanged) else value


def _id(portfolio_id: str) -> str:
    return checks.text(portfolio_id, "portfolio_id")
