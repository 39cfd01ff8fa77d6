"""What became of a portfolio as a document, and back, in every form that was ever stored."""

from dataclasses import replace
from decimal import Decimal

import pytest
from bson import decode, encode
from hypothesis import example, given
from hypothesis import strategies as st

import optimizer
from ordergen_server.domain.errors import DataProblem, StoredDataDamaged
from ordergen_server.domain.market import MarketSnapshot, Price, Quote
from ordergen_server.domain.open_orders import OpenOrder
from ordergen_server.domain.rebalances.lines import (
    UNKNOWN_REASON,
    RebalancePosition,
    RunSecurity,
    transactions_of,
)
from ordergen_server.domain.rebalances.options import MinimumCash
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.weight_limits import LimitBreach, SecurityLimit
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.run_store.market.markets import KNOWN, RunMarket, RunTable
from ordergen_server.repositories.run_store.packing import pack, unpack
from ordergen_server.repositories.run_store.result_documents import (
    REASONS,
    WITHOUT_LINES,
    result_document,
    result_of,
)
from tests.builders import (
    NOW,
    TODAY,
    by_column,
    by_line,
    holdings,
    portfolio_id,
    position,
    rebalanced,
    result,
    security_id,
    snapshot,
)

MODEL = [position(1), position(2, "0.2")]
MARKET = snapshot({1: "3.33333333", 2: "7.10", 3: "0.00000001", 4: "1"})
TABLE = RunMarket.of(MODEL, MARKET).table
NO_TABLE = RunTable()


@pytest.fixture
def solved() -> PortfolioRebalance:
    """It buys, sells and keeps, with fractions and fine prices, and holds what its model does not list."""
    held = holdings("1000.10", {2: "0.12345678", 3: "-4", 4: "0.5"})
    return rebalanced(result(sequence=2), held, MODEL, MARKET)


def stored(document: Document) -> Document:
    """As the database gives it back."""
    return decode(encode(document, codec_options=CODEC_OPTIONS), CODEC_OPTIONS)


def left_out(document: Document) -> Document:
    """A stored document without what the projection leaves out."""
    kept = {name: value for name, value in document.items() if name not in WITHOUT_LINES}
    names = {name.removeprefix("positions.") for name in WITHOUT_LINES}
    positions = document.get("positions")
    if isinstance(positions, list):
        kept["positions"] = [{name: line[name] for name in line.keys() - names} for line in positions]
    elif isinstance(positions, dict):
        kept["positions"] = {name: positions[name] for name in positions.keys() - names}
    return kept


def test_a_table_does_not_grow_with_what_it_is_asked() -> None:
    """Each chunk of a run has securities of its own making."""
    first = TABLE.securities[0]
    table = RunTable(TABLE.securities)
    asked = [replace(first) for _ in range(2 * KNOWN + 1)]
    assert {table.place(one) for one in asked} == {0}
    assert len(table._places._known) <= KNOWN  # noqa: SLF001 - memory is not seen otherwise


@pytest.mark.parametrize("table", [TABLE, NO_TABLE], ids=["with its table", "alone"])
def test_a_result_comes_back_as_it_was(solved: PortfolioRebalance, table: RunTable) -> None:
    document = stored(result_document(solved, table))
    assert solved.transactions
    assert result_of(document, table) == solved
    assert result_of(left_out(document), table) == replace(solved, positions=())


def test_lines_that_settings_bound_are_known_again(solved: PortfolioRebalance) -> None:
    """Wherever they stand in the blob; results of earlier releases have none."""
    bound = tuple(line._replace(by_settings=place in {0, 2}) for place, line in enumerate(solved.positions))
    floor = MinimumCash(weight=Decimal("0.050"))
    limits = (
        SecurityLimit(security_id(1), Decimal("0.10"), None),
        SecurityLimit(security_id(2), None, Decimal("1E-7")),
        SecurityLimit(security_id(4), Decimal(0), Decimal("0.500")),
    )
    breaches = (LimitBreach(security_id(1), "", Decimal("10.50"), by_settings=True),)
    one = replace(
        solved,
        positions=bound,
        settings_version=2**40,
        settings_floor=floor,
        settings_limits=limits,
        limit_breaches=breaches,
    )
    for table in (TABLE, NO_TABLE):
        document = stored(result_document(one, table))
        found = result_of(document, table)
        assert found == one
        assert str(found.settings_floor) == str(floor)
        assert str(found.settings_limits) == str(limits)
        assert result_of(left_out(document), table) == replace(one, positions=(), settings_limits=())
        assert "settings_limits" not in document
    for form in (by_column, by_line):
        found = result_of(stored(form(solved)), TABLE)
        assert (found.settings_version, {line.by_settings for line in found.positions}) == (0, {False})


def test_securities_that_the_market_of_the_run_did_not_have_stand_in_the_result(
    solved: PortfolioRebalance,
) -> None:
    """Nor those that it had at the same price in other digits."""
    fewer = dict(MARKET.quotes)
    del fewer[security_id(3)]
    fewer[security_id(4)] = Quote("T4", Decimal("1.0"))
    table = RunMarket.of(MODEL, replace(MARKET, quotes=fewer)).table
    document = stored(result_document(solved, table))
    found = result_of(document, table)
    assert found == solved
    assert [str(line.security.price) for line in found.positions] == ["3.33333333", "7.10", "1E-8", "1"]
    assert result_of(left_out(document), table) == replace(solved, positions=())


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
TEXTS = st.sampled_from(["0", "-0", "0.0", "00.10", "1E+2", "-7", "1234567890123456789", f"-{'9' * 18}"])
#: So few that all of a market are held now and then.
NUMBERED = st.integers(0, 5)
QUANTITIES = NUMBERS | TEXTS.map(Decimal)


@example([(1, Decimal(7), 3, REASONS[0]), (5, Decimal(8), -2, REASONS[1])], [5], [1, 5])
@given(
    st.lists(
        st.tuples(NUMBERED, QUANTITIES, st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(REASONS)),
        unique_by=lambda line: line[0],
        min_size=1,
    ),
    st.lists(NUMBERED, unique=True),
    st.lists(NUMBERED, unique=True),
)
def test_any_lines_come_back_digit_for_digit(
    drawn: list[tuple[int, Decimal, int, str]], listed: list[int], quoted: list[int]
) -> None:
    """Whichever of them the model lists, and the market quotes."""
    model = [position(number) for number in listed]
    table = RunMarket.of(model, snapshot({number: f"1.{number}" for number in quoted})).table
    positions = tuple(
        RebalancePosition(line(number, listed=number in listed), quantity, trade, reason)
        for number, quantity, trade, reason in sorted(drawn)
    )
    trades = [(one.security.security_id, one.trade_quantity) for one in positions]
    one = replace(result(), positions=positions, transactions=transactions_of(trades, TODAY))
    document = stored(result_document(one, table))
    found = result_of(document, table)
    assert found == one
    assert [str(line.original_quantity) for line in found.positions] == [
        str(n) for _, n, _, _ in sorted(drawn)
    ]
    assert result_of(left_out(document), table) == replace(one, positions=())


def test_portfolios_are_told_apart_by_what_they_hold(solved: PortfolioRebalance) -> None:
    """Though places are looked up once for portfolios that hold the same."""
    held = [solved.positions, solved.positions[:2], solved.positions[1:3], solved.positions[:2], ()]
    table = RunTable(TABLE.securities[:3])
    for positions in held:
        one = replace(result(), positions=positions)
        assert result_of(stored(result_document(one, table)), table).positions == positions


def line(number: int, *, listed: bool) -> RunSecurity:
    target, low, high = map(Decimal, ("0.1", "0.05", "0.05") if listed else ("0", "0", "0"))
    return RunSecurity(security_id(number), f"T{number}", Decimal(f"1.{number}"), target, low, high)


@pytest.mark.parametrize("state", [PortfolioState.FAILED, PortfolioState.NO_ACTION])
def test_a_result_without_lines_comes_back_as_it_was(state: PortfolioState) -> None:
    one = result(state=state)
    document = stored(result_document(one, TABLE))
    assert result_of(document, TABLE) == one
    assert result_of(left_out(document), TABLE) == one


@pytest.mark.parametrize("form", [by_column, by_line])
def test_results_of_earlier_releases_are_read_as_they_are(solved: PortfolioRebalance, form: type) -> None:
    document = stored(form(solved))
    assert result_of(document, TABLE) == solved
    assert result_of(left_out(document), TABLE) == replace(solved, positions=())


def test_a_portfolio_of_100_positions_takes_1_5_kb() -> None:
    """And 2.5 kB where it holds ten more; alone, with its securities, it takes more."""
    model = [position(number, "0.0095", "0.002", "0.002") for number in range(100)]
    prices = {number: f"{number * 7919 % 500 + 1}.{number * 104729 % 100:02}" for number in range(110)}
    table = RunMarket.of(model, snapshot(prices)).table
    held = {number: str(number * 7 % 90) for number in range(110)}
    sizes = []
    for count in (100, 110):
        quantities = {number: held[number] for number in range(count)}
        one = rebalanced(result(), holdings("1234567.89", quantities), model, snapshot(prices))
        assert len(one.positions) == count
        sizes.append(len(encode(result_document(one, table), codec_options=CODEC_OPTIONS)))
    assert sizes[0] <= 1_500
    assert sizes[1] <= 2_500


def test_every_reason_of_the_optimizer_has_its_number() -> None:
    assert {reason.name for reason in optimizer.Reason} | {UNKNOWN_REASON} == set(REASONS)


@pytest.mark.parametrize("name", ["trades", "lines"])
@pytest.mark.parametrize("place", [0, 2, -1])
def test_a_damaged_result_is_no_result(solved: PortfolioRebalance, name: str, place: int) -> None:
    document = stored(result_document(solved, TABLE))
    data = bytearray(document[name])  # type: ignore[call-overload] # it is bytes
    data[place] ^= 1
    with pytest.raises(StoredDataDamaged) as raised:
        result_of({**document, name: bytes(data)}, TABLE)
    assert portfolio_id(0) in raised.value.message


def test_a_result_whose_market_is_gone_is_no_result(solved: PortfolioRebalance) -> None:
    with pytest.raises(StoredDataDamaged, match="securities that are not kept"):
        result_of(stored(result_document(solved, TABLE)), NO_TABLE)


def test_a_market_comes_back_as_it_was_packed() -> None:
    problem = DataProblem("no price")
    market = MarketSnapshot(
        {security_id(1): Quote("T1", Decimal("1.50")), security_id(2): problem},
        NOW,
        {"T1": Price(Decimal("1.50")), "T2": Price(Decimal(2), TODAY), "T9": problem},
        {portfolio_id(0): (OpenOrder(7, security_id(1), "T1", "BUY", Decimal("2.50"), "PART"),)},
    )
    kept = RunMarket.of(MODEL, market)
    assert unpack(pack(kept), RunMarket, "it").snapshot == market
    assert [one.security_id for one in kept.table.securities] == [security_id(1)]


@pytest.mark.parametrize("table", ["with its table", "alone", "in part"])
def test_the_days_of_prices_come_back(table: str) -> None:
    """Those of the market, and of what stands in the result itself, of which one may have none."""
    market = snapshot({1: "3.3", 2: "7.1", 3: "2", 4: "1"}, TODAY)
    quotes = {**market.quotes, security_id(3): Quote("T3", Decimal(2))}
    kept = {key: one for key, one in quotes.items() if table == "with its table" or key < security_id(3)}
    one = rebalanced(result(), holdings("1000", {3: "4", 4: "5"}), MODEL, replace(market, quotes=quotes))
    known = NO_TABLE if table == "alone" else RunMarket.of(MODEL, replace(market, quotes=kept)).table
    found = result_of(stored(result_document(one, known)), known)
    assert found == one
    assert [line.security.price_date for line in found.positions] == [TODAY, TODAY, None, TODAY]


def test_results_and_markets_of_before_days_were_kept_have_none(solved: PortfolioRebalance) -> None:
    document = stored(result_document(solved, NO_TABLE))
    lines = unpack(document["lines"], list, "lines")  # type: ignore[arg-type] # it is bytes
    assert result_of({**document, "lines": pack(lines[:3])}, NO_TABLE) == solved
    before = to_document(RunMarket.of(MODEL, MARKET))
    del before["price_dates"], before["open_orders"]
    for quote in before["quotes"].values():  # type: ignore[attr-defined] # of a market
        del quote["price_date"]
    assert unpack(pack(before), RunMarket, "it").snapshot == MARKET
