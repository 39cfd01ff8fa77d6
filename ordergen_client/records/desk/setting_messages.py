"""Between records of settings and the messages of the contract."""

from datetime import UTC, date

from globeco.ordergen.v1 import portfolio_settings_pb2 as pb
from globeco.ordergen.v1 import rebalance_pb2

from ordergen_client.records.desk.settings import DoNotTrade, PortfolioSettings
from ordergen_client.records.options import option_messages
from ordergen_client.records.options.options import RebalanceOptions


def portfolio_settings(message: pb.PortfolioSettings) -> PortfolioSettings:
    """Settings as stored."""
    known = option_messages.options(
        rebalance_pb2.RebalanceOptions(
            minimum_cash=message.minimum_cash,
            minimum_trade_value=message.minimum_trade_value,
            restrictions=message.restrictions,
            maximum_turnover_weight=message.maximum_turnover_weight,
            security_limits=message.security_limits,
        )
    )
    return PortfolioSettings(
        portfolio_id=message.portfolio_id,
        do_not_trade=_do_not_trade(message.do_not_trade) if message.HasField("do_not_trade") else None,
        minimum_cash_amount=known.minimum_cash_amount,
        minimum_cash_weight=known.minimum_cash_weight,
        minimum_trade_value=known.minimum_trade_value,
        maximum_turnover_weight=known.maximum_turnover_weight,
        note=message.note,
        version=message.version,
        create_time=message.create_time.ToDatetime(UTC),
        update_time=message.update_time.ToDatetime(UTC),
        actor=message.actor,
        restrictions=known.restrictions,
        security_limits=known.security_limits,
    )


def settings_message(
    rules: RebalanceOptions, do_not_trade: DoNotTrade | None, note: str
) -> pb.PortfolioSettings:
    """What a caller says of a portfolio; of the rules those that settings have."""
    told = option_messages.options_message(rules)
    message = pb.PortfolioSettings(
        minimum_cash=told.minimum_cash if told.HasField("minimum_cash") else None,
        minimum_trade_value=told.minimum_trade_value if told.HasField("minimum_trade_value") else None,
        restrictions=told.restrictions,
        security_limits=told.security_limits,
        note=note,
    )
    if told.HasField("maximum_turnover_weight"):
        message.maximum_turnover_weight.CopyFrom(told.maximum_turnover_weight)
    if do_not_trade:
        message.do_not_trade.reason = do_not_trade.reason
        if until := do_not_trade.until:
            stored = message.do_not_trade.until
            stored.year, stored.month, stored.day = until.year, until.month, until.day
    return message


def _do_not_trade(message: pb.DoNotTrade) -> DoNotTrade:
    end = message.until
    return DoNotTrade(
        message.reason, date(end.year, end.month, end.day) if message.HasField("until") else None
    )
