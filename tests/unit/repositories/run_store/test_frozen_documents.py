"""Positions without a usable price in stored results: they come back digit for digit, in few bytes."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from bson import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.errors import BadData, StoredDataDamaged
from ordergen_server.domain.market import MarketSnapshot, NoPrice
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.frozen import FrozenPosition, FrozenSecurity, PriceProblem
from ordergen_server.domain.rebalances.options import RebalanceOptions, Unpriced
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.run_store.market.markets import RunMarket, RunTable
from ordergen_server.repositories.run_store.packing import pack, unpack
from ordergen_server.repositories.run_store.result_documents import WITHOUT_LINES, result_document, result_of
from tests.builders import NOW, TODAY, holdings, no_price, position, rebalanced, result, security_id, snapshot

FREEZE = RebalanceOptions(unpriced=Unpriced.FREEZE)
WEEK = replace(FREEZE, maximum_price_age_days=7)
#: Weights with zeros at their end, as a model may have them.
MODEL = [position(1), Position(security_id(2), Decimal("0.20"), Decimal("0.050"), Decimal("0.05"))]
OLD = TODAY - timedelta(days=30)
SPOILED = no_price(3, BadData("the price is 0: it must be mended there"))
MARKET = MarketSnapshot(
    {
        **snapshot({1: "3.33333333", 6: "2.5"}, TODAY).quotes,
        **snapshot({4: "1"}, OLD).quotes,
        security_id(2): no_price(2),
        security_id(3): SPOILED,
    },
    NOW,
)
TABLE = RunMarket.of(MODEL, MARKET).table
#: Fractions, shorts, and nothing of what the model lists.
HELD = holdings("1000.10", {1: "3", 3: "-4.50", 4: "0.12345678", 6: "2"})


@pytest.fixture
def solved() -> PortfolioRebalance:
    return rebalanced(result(sequence=2), HELD, MODEL, MARKET, WEEK)


def stored(one: PortfolioRebalance, table: RunTable) -> Document:
    """As the database gives it back."""
    return decode(encode(result_document(one, table), codec_options=CODEC_OPTIONS), CODEC_OPTIONS)


def in_digits(one: PortfolioRebalance) -> list[tuple[tuple[str, ...], str]]:
    return [(line.security.texts, str(line.quantity)) for line in one.frozen]


@pytest.mark.parametrize("table", ["with its table", "alone", "in part"])
def test_they_come_back_as_they_were(solved: PortfolioRebalance, table: str) -> None:
    """Wherever they stand, beside lines that have a price."""
    kept = {
        key: one for key, one in MARKET.quotes.items() if table == "with its table" or key == security_id(2)
    }
    known = RunTable() if table == "alone" else RunMarket.of(MODEL, replace(MARKET, quotes=kept)).table
    found = result_of(stored(solved, known), known)
    assert found == solved
    assert in_digits(found) == [
        ((security_id(2), "T2", "0.20", "0.050", "0.05", "MISSING_DATA", ""), "0"),
        ((security_id(3), "T3", "0", "0", "0", "BAD_DATA", ""), "-4.50"),
        ((security_id(4), "T4", "0", "0", "0", "STALE_PRICE", str(OLD)), "0.12345678"),
    ]
    assert [line.security.ticker for line in found.positions] == ["T1", "T6"]


def test_without_lines_they_are_counted(solved: PortfolioRebalance) -> None:
    document = {name: one for name, one in stored(solved, TABLE).items() if name not in WITHOUT_LINES}
    found = result_of(document, TABLE)
    assert found == replace(solved, positions=(), frozen=())
    assert found.frozen_count == 3


def test_who_has_nothing_else_is_stored_with_them() -> None:
    one = rebalanced(result(), holdings("5", {3: "1"}), MODEL[1:], MARKET, WEEK)
    assert (one.positions, one.frozen_count) == ((), 2)
    assert result_of(stored(one, TABLE), TABLE) == one


def test_a_result_whose_market_is_gone_is_no_result(solved: PortfolioRebalance) -> None:
    alone = replace(solved, positions=(), transactions=())
    with pytest.raises(StoredDataDamaged, match="securities that are not kept"):
        result_of(stored(alone, TABLE), RunTable())


WEIGHTS = st.sampled_from(["0", "0.1", "0.10", "0.005"]).map(Decimal)
SECURITIES = st.builds(
    FrozenSecurity,
    st.integers(0, 6).map(security_id),
    st.sampled_from(["T1", "T2", "", "T6"]),
    WEIGHTS,
    WEIGHTS,
    WEIGHTS,
    st.sampled_from(PriceProblem),
    st.none() | st.dates(date(1999, 1, 1), TODAY),
)
QUANTITIES = st.sampled_from(["0", "-0", "0.0", "7", "1E+2", "-12345678901234567890"]).map(Decimal)


@given(
    st.lists(
        st.builds(FrozenPosition, SECURITIES, QUANTITIES), unique_by=lambda one: one.security.security_id
    )
)
def test_any_come_back_digit_for_digit(drawn: list[FrozenPosition]) -> None:
    one = replace(result(), frozen=tuple(drawn), frozen_count=len(drawn))
    for table in (TABLE, RunTable()):
        assert in_digits(result_of(stored(one, table), table)) == in_digits(one)


def test_a_portfolio_with_twenty_of_them_takes_as_much_as_with_none() -> None:
    model = [position(number, "0.0095", "0.002", "0.002") for number in range(100)]
    prices: dict[int, str | NoPrice] = {number: f"{number * 7 % 50 + 1}.{number:02}" for number in range(100)}
    known, held = snapshot(prices), {number: str(number * 7 % 90) for number in range(100)}
    lacking = snapshot({**prices, **{number: no_price(number) for number in range(0, 100, 5)}})
    sizes = []
    for market in (known, lacking):
        one = rebalanced(result(), holdings("1234567.89", held), model, market, FREEZE)
        document = result_document(one, RunMarket.of(model, market).table)
        sizes.append(len(encode(document, codec_options=CODEC_OPTIONS)))
    assert sizes[1] < sizes[0] + 100


def test_a_market_with_problems_of_prices_comes_back() -> None:
    """A problem of a security stays one; in markets of before, those of prices are as those of securities."""
    market = MarketSnapshot({**MARKET.quotes, security_id(9): SPOILED.problem}, NOW)
    kept = RunMarket.of(MODEL, market)
    assert unpack(pack(kept), RunMarket, "it").snapshot == market
    assert set(kept.problems) == {security_id(number) for number in (2, 3, 9)}
    before = to_document(kept)
    del before["unpriced"]
    found = unpack(pack(before), RunMarket, "it").snapshot
    assert found.quotes[security_id(3)] == SPOILED.problem


def test_results_of_before_have_none(solved: PortfolioRebalance) -> None:
    document = stored(solved, TABLE)
    lines = unpack(document["lines"], list, "lines")  # type: ignore[arg-type] # it is bytes
    del document["frozen_count"]
    found = result_of({**document, "lines": pack(lines[:5])}, TABLE)
    assert found == replace(solved, frozen=(), frozen_count=0)
