"""Trades and positions of results as the bytes of their messages.

A run has a hundred of each a portfolio: what portfolios share is encoded once, and of the rest no more is
made than the text of its numbers.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import chain, repeat

from globeco.ordergen.v1 import rebalance_pb2
from google.type import date_pb2

from ordergen_server.api.messages.numbers import plain, set_date, set_decimal
from ordergen_server.api.messages.wire import DecimalHeads, Heads
from ordergen_server.domain.desk.price_ranges import PriceRange
from ordergen_server.domain.numbers import EXACT
from ordergen_server.domain.rebalances.frozen import FrozenPosition, FrozenSecurity, PriceProblem
from ordergen_server.domain.rebalances.lines import RebalancePosition, RuleSource, RunSecurity, Side, bound_by
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.weights import line_weights, weight

pb = rebalance_pb2
#: Encodings that are kept of each kind: of securities of runs, of trades, of weights.
KEPT = 16_384
_BUY, _SELL = pb.TRANSACTION_TYPE_BUY, pb.TRANSACTION_TYPE_SELL
#: Whose rule it is.
SOURCES = {RuleSource.RUN: pb.RULE_SOURCE_RUN, RuleSource.SETTINGS: pb.RULE_SOURCE_SETTINGS}
_PROBLEMS = {one: pb.PriceProblem.Value(f"PRICE_PROBLEM_{one.name}") for one in PriceProblem}
_REASONS = {name.removeprefix("POSITION_REASON_"): number for name, number in pb.PositionReason.items()}

_RESULT, _LINE = pb.PortfolioRebalance.DESCRIPTOR, pb.RebalancePosition.DESCRIPTOR
_TRANSACTIONS, _POSITIONS = Heads(_RESULT, "transactions"), Heads(_RESULT, "positions")
_QUANTITY, _VALUE = DecimalHeads(_LINE, "original_quantity"), DecimalHeads(_LINE, "original_market_value")
_NEW_QUANTITY, _NEW_VALUE = (
    DecimalHeads(_LINE, "adjusted_quantity"),
    DecimalHeads(_LINE, "adjusted_market_value"),
)
_WEIGHT, _DRIFT = DecimalHeads(_LINE, "actual"), DecimalHeads(_LINE, "actual_drift")
_COST, _GOOD_UNTIL = DecimalHeads(_LINE, "cost"), Heads(_LINE, "good_until")
_LOW = DecimalHeads(pb.PriceRange.DESCRIPTOR, "low")
_HIGH = DecimalHeads(pb.PriceRange.DESCRIPTOR, "high")


def result_lines(value: PortfolioRebalance, ranges: Sequence[PriceRange] = ()) -> bytes:
    """The transactions and positions of a result: fields of a PortfolioRebalance.

    Args:
        value: the result.
        ranges: until which prices its orders are good: of each position that has a price, or none.
    """
    return b"".join([*_transactions(value), *_positions(value, ranges)])


def _transactions(value: PortfolioRebalance) -> Iterator[bytes]:
    buy = Side.BUY
    for side, security_id, quantity, trade_date in value.transactions:
        line = _of_trade(side is buy, security_id, trade_date) + _of_quantity(quantity)
        yield _TRANSACTIONS[len(line)] + line


def _positions(value: PortfolioRebalance, ranges: Sequence[PriceRange]) -> Iterator[bytes]:
    """All of them, by security id."""
    lines = _priced(value, ranges)
    if value.frozen:
        ids = [one.security.security_id for one in value.positions]
        ids += [one.security.security_id for one in value.frozen]
        by_id = sorted(zip(ids, chain(lines, map(_frozen, value.frozen)), strict=True))
        lines = (line for _, line in by_id)
    return (_POSITIONS[len(line)] + line for line in lines)


def _priced(value: PortfolioRebalance, ranges: Sequence[PriceRange]) -> Iterator[bytes]:
    """Those that have a price, each of what all of them have, and of what they have where it is known."""
    lines = value.positions
    before, shares, after = _amounts(lines)
    parts = (
        map(_line, lines, before, shares, after, repeat(value.trade_date)),
        _weights(value, after),
        _costs(value),
        map(_good_until, ranges) if ranges else repeat(b""),
    )
    return map(b"".join, zip(*parts, strict=False))  # some of them have no end


def _amounts(lines: Sequence[RebalancePosition]) -> tuple[list[Decimal], list[Decimal], list[Decimal]]:
    """The market value of each before its trade, and the shares and the market value after it."""
    with localcontext(EXACT):  # once for all of them
        before = [held * security.price for security, held, _, _, _ in lines]
        shares = [held + trade if trade else held for _, held, trade, _, _ in lines]
        after = [held * one.security.price for held, one in zip(shares, lines, strict=True)]
    return before, shares, after


def _line(
    value: RebalancePosition, before: Decimal, shares: Decimal, after: Decimal, trade_date: date
) -> bytes:
    security, held, trade, reason, by_settings = value
    return (
        _of_security(security)
        + _number(_QUANTITY, held)
        + _number(_VALUE, before)
        + _number(_NEW_QUANTITY, shares)
        + _number(_NEW_VALUE, after)
        + _of_reason(reason, by_settings)
        + (_of_order(trade, trade_date) if trade else b"")
    )


def _weights(value: PortfolioRebalance, after: Iterable[Decimal]) -> Iterable[bytes]:
    if value.base_value is None:
        return repeat(b"")
    targets = (one.security.target for one in value.positions)
    found = line_weights(value.base_value, zip(after, targets, strict=True))
    return [_of_weight(one) + (b"" if drift is None else _of_drift(drift)) for one, drift in found]


def _costs(value: PortfolioRebalance) -> Iterable[bytes]:
    costs = value.costs
    if costs is None:
        return repeat(b"")
    return (
        _number(_COST, costs.of(one.trade_value)) if one.trade_quantity else b"" for one in value.positions
    )


def _good_until(value: PriceRange) -> bytes:
    low = b"" if value.low is None else _number(_LOW, value.low)
    ends = low if value.high is None else low + _number(_HIGH, value.high)
    return _GOOD_UNTIL[len(ends)] + ends  # without ends it is there, too


def _frozen(value: FrozenPosition) -> bytes:
    held = value.quantity
    return _of_frozen(value.security) + _number(_QUANTITY, held) + _number(_NEW_QUANTITY, held)


def _number(heads: DecimalHeads, value: Decimal) -> bytes:
    text = plain(value)
    return heads[len(text)] + text.encode()


@lru_cache(maxsize=KEPT)
def _of_security(value: RunSecurity) -> bytes:
    """What all portfolios of a run have in common of a line."""
    line = pb.RebalancePosition(security_id=value.security_id, ticker=value.ticker)
    for name in ("price", "target", "low_drift", "high_drift"):
        set_decimal(getattr(line, name), getattr(value, name))
    if value.price_date:
        set_date(line.price_date, value.price_date)
    return line.SerializeToString()


@lru_cache(maxsize=KEPT)
def _of_frozen(value: FrozenSecurity) -> bytes:
    """The same of a line that is frozen."""
    line = pb.RebalancePosition(
        security_id=value.security_id,
        ticker=value.ticker,
        reason=pb.POSITION_REASON_FROZEN,
        price_problem=_PROBLEMS[value.problem],
    )
    for name in ("target", "low_drift", "high_drift"):
        set_decimal(getattr(line, name), getattr(value, name))
    if value.price_date:
        set_date(line.price_date, value.price_date)
    return line.SerializeToString()


@lru_cache(maxsize=KEPT)
def _of_reason(reason: str, by_settings: bool) -> bytes:
    line = pb.RebalancePosition(reason=_REASONS[reason])
    if source := bound_by(reason, by_settings):
        line.bound_by = SOURCES[source]
    return line.SerializeToString()


@lru_cache(maxsize=KEPT)
def _of_order(trade: int, trade_date: date) -> bytes:
    side = _BUY if trade > 0 else _SELL
    line = pb.RebalancePosition(
        trade_quantity=abs(trade), transaction_type=side, trade_date=_date(trade_date)
    )
    return line.SerializeToString()


@lru_cache(maxsize=KEPT)
def _of_weight(steps: int) -> bytes:
    return _number(_WEIGHT, weight(steps))


@lru_cache(maxsize=KEPT)
def _of_drift(steps: int) -> bytes:
    return _number(_DRIFT, weight(steps))


@lru_cache(maxsize=KEPT)
def _of_trade(buy: bool, security_id: str, trade_date: date) -> bytes:
    """What all portfolios of a run have in common of a trade."""
    side = _BUY if buy else _SELL
    line = pb.Transaction(transaction_type=side, security_id=security_id, trade_date=_date(trade_date))
    return line.SerializeToString()


@lru_cache(maxsize=KEPT)
def _of_quantity(shares: int) -> bytes:
    return pb.Transaction(quantity=shares).SerializeToString()


def _date(value: date) -> date_pb2.Date:
    return date_pb2.Date(year=value.year, month=value.month, day=value.day)
