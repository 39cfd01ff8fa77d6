"""Trades and positions of results as messages, field by field: what faster ways must come to."""

from decimal import Decimal
from fractions import Fraction

from globeco.ordergen.v1 import rebalance_pb2

from ordergen_server.domain.desk.price_ranges import PriceRange
from ordergen_server.domain.numbers import EXACT
from ordergen_server.domain.rebalances.frozen import FrozenPosition
from ordergen_server.domain.rebalances.lines import RebalancePosition, RuleSource, Side
from ordergen_server.domain.rebalances.results import PortfolioRebalance

pb = rebalance_pb2


def plain_lines(value: PortfolioRebalance, ranges: tuple[PriceRange, ...] = ()) -> pb.PortfolioRebalance:
    """A message that has the transactions and positions of a result, and nothing else."""
    message = pb.PortfolioRebalance()
    for trade in value.transactions:
        order = message.transactions.add(security_id=trade.security_id, quantity=trade.quantity)
        order.transaction_type = (
            pb.TRANSACTION_TYPE_BUY if trade.side is Side.BUY else pb.TRANSACTION_TYPE_SELL
        )
        day = trade.trade_date
        order.trade_date.year, order.trade_date.month, order.trade_date.day = day.year, day.month, day.day
    found = dict(zip(value.positions, ranges, strict=True)) if ranges else {}
    lines: list[RebalancePosition | FrozenPosition] = [*value.positions, *value.frozen]
    for one in sorted(lines, key=lambda line: line.security.security_id):
        line = message.positions.add(security_id=one.security.security_id, ticker=one.security.ticker)
        _set_security(line, one)
        if isinstance(one, FrozenPosition):
            line.original_quantity.value = line.adjusted_quantity.value = _text(one.quantity)
        else:
            _set_amounts(line, one)
            _set_trade(line, one, value)
            _set_weights(line, one, value.base_value)
            if one in found:
                _set_range(line.good_until, found[one])
    return message


def _set_security(line: pb.RebalancePosition, one: RebalancePosition | FrozenPosition) -> None:
    security = one.security
    line.target.value, line.low_drift.value = _text(security.target), _text(security.low_drift)
    line.high_drift.value = _text(security.high_drift)
    if day := security.price_date:
        line.price_date.year, line.price_date.month, line.price_date.day = day.year, day.month, day.day
    if isinstance(one, FrozenPosition):
        line.reason = pb.POSITION_REASON_FROZEN
        line.price_problem = pb.PriceProblem.Value(f"PRICE_PROBLEM_{one.security.problem.name}")
    else:
        line.price.value = _text(one.security.price)
        line.reason = pb.PositionReason.Value(f"POSITION_REASON_{one.reason}")


def _set_amounts(line: pb.RebalancePosition, one: RebalancePosition) -> None:
    line.original_quantity.value = _text(one.original_quantity)
    line.original_market_value.value = _text(one.original_market_value)
    quantity = one.adjusted_quantity if one.trade_quantity else one.original_quantity
    line.adjusted_quantity.value = _text(quantity)
    line.adjusted_market_value.value = _text(EXACT.multiply(quantity, one.security.price))


def _set_trade(line: pb.RebalancePosition, one: RebalancePosition, value: PortfolioRebalance) -> None:
    if source := one.bound_by:
        line.bound_by = {
            RuleSource.RUN: pb.RULE_SOURCE_RUN,
            RuleSource.SETTINGS: pb.RULE_SOURCE_SETTINGS,
        }[source]
    if not one.trade_quantity:
        return
    line.trade_quantity = abs(one.trade_quantity)
    line.transaction_type = pb.TRANSACTION_TYPE_BUY if one.trade_quantity > 0 else pb.TRANSACTION_TYPE_SELL
    day = value.trade_date
    line.trade_date.year, line.trade_date.month, line.trade_date.day = day.year, day.month, day.day
    if value.costs:
        line.cost.value = _text(value.costs.of(one.trade_value))


def _set_weights(line: pb.RebalancePosition, one: RebalancePosition, worth: Decimal | None) -> None:
    if worth is None:
        return
    weight = Fraction(line.adjusted_market_value.value) / Fraction(worth)
    line.actual.value = _rounded(weight)
    if one.security.target:
        line.actual_drift.value = _rounded(1 - weight / Fraction(one.security.target))


def _set_range(message: pb.PriceRange, found: PriceRange) -> None:
    message.SetInParent()
    if found.low is not None:
        message.low.value = _text(found.low)
    if found.high is not None:
        message.high.value = _text(found.high)


def _rounded(value: Fraction) -> str:
    return str(EXACT.scaleb(Decimal(round(value * 10_000)), -4))


def _text(value: Decimal) -> str:
    return format(value, "f")
