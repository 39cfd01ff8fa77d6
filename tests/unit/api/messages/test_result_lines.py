"""Lines of results as bytes are the messages that field by field would be."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from globeco.ordergen.v1 import rebalance_pb2
from google.type import decimal_pb2
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.api.messages.result_lines import result_lines
from ordergen_server.api.messages.wire import DecimalHeads, Heads
from ordergen_server.domain.desk.price_ranges import PriceRange
from ordergen_server.domain.rebalances.frozen import FrozenPosition, FrozenSecurity, PriceProblem
from ordergen_server.domain.rebalances.lines import (
    SHARED_RULES,
    RebalancePosition,
    RunSecurity,
    transactions_of,
)
from ordergen_server.domain.rebalances.options import TradingCosts
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from tests.builders import result, security_id
from tests.plain_lines import plain_lines

pb = rebalance_pb2
DAY = date(2026, 3, 2)
AMOUNTS = st.decimals(-(10**20), 10**20, places=6) | st.sampled_from(
    [Decimal(text) for text in ("0", "-0", "1E+20", "-1E+3", "1E-40", "0.000", "-0.00001", "9" * 34)]
)
SOME = AMOUNTS.filter(bool)
WEIGHTS = st.sampled_from([Decimal(text) for text in ("0", "0.0", "1E-26", "0.0100", "0.5", "1")])
DAYS = st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31))
TRADES = st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-300, 300)
REASONS = st.sampled_from(["TRADED_TO_TARGET", "UNSPECIFIED", "ALREADY_NEAREST", *sorted(SHARED_RULES)])
TICKERS = st.text(min_size=1, max_size=200)
RANGES = st.builds(PriceRange, st.none() | AMOUNTS, st.none() | AMOUNTS)
PRICED = st.builds(
    RunSecurity, st.just(""), TICKERS, SOME.map(abs), WEIGHTS, WEIGHTS, WEIGHTS, DAYS
)  # fmt: skip
FROZEN = st.builds(
    FrozenSecurity, st.just(""), TICKERS, WEIGHTS, WEIGHTS, WEIGHTS, st.sampled_from(PriceProblem), DAYS
)


@st.composite
def results(draw: st.DrawFn) -> tuple[PortfolioRebalance, tuple[PriceRange, ...]]:
    """Results, and ranges of their priced lines, or none."""
    kinds = draw(st.lists(st.booleans(), max_size=5))
    lines, frozen = [], []
    for number, is_priced in enumerate(kinds):
        key = security_id(number)
        if is_priced:
            security = replace(draw(PRICED), security_id=key)
            lines.append(
                RebalancePosition(security, draw(AMOUNTS), draw(TRADES), draw(REASONS), draw(st.booleans()))
            )
        else:
            frozen.append(FrozenPosition(replace(draw(FROZEN), security_id=key), draw(AMOUNTS)))
    orders = [(one.security.security_id, one.trade_quantity) for one in lines]
    costs = TradingCosts(draw(WEIGHTS), draw(AMOUNTS.map(abs)))
    found = replace(
        result(trade_date=draw(st.dates(date(1, 1, 1)))),
        positions=tuple(lines),
        frozen=tuple(frozen),
        transactions=transactions_of(orders, DAY),
        market_value=draw(st.none() | SOME),
        costs=draw(st.none() | st.just(costs)),
    )
    ranges = tuple(draw(st.lists(RANGES, min_size=len(lines), max_size=len(lines))))
    return found, ranges if draw(st.booleans()) else ()


@given(results())
def test_lines_are_what_they_would_be_field_by_field(
    made: tuple[PortfolioRebalance, tuple[PriceRange, ...]],
) -> None:
    value, ranges = made
    message = pb.PortfolioRebalance.FromString(result_lines(value, ranges))
    expected = plain_lines(value, ranges)
    assert message == expected
    assert message.SerializeToString() == expected.SerializeToString()


@given(st.integers(0, 20_000))
def test_what_stands_before_a_text_of_any_length(size: int) -> None:
    text = "x" * size
    ticker = Heads(pb.RebalancePosition.DESCRIPTOR, "ticker")[size] + text.encode()
    assert pb.RebalancePosition.FromString(ticker) == pb.RebalancePosition(ticker=text)
    cost = DecimalHeads(pb.RebalancePosition.DESCRIPTOR, "cost")[size] + text.encode()
    assert pb.RebalancePosition.FromString(cost) == pb.RebalancePosition(cost=decimal_pb2.Decimal(value=text))
