"""What became of a portfolio as a document, and back."""

from dataclasses import replace
from decimal import Decimal

import pytest
from bson import decode, encode

from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState, RebalancePosition
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.run_store.result_documents import WITHOUT_LINES, ResultWriter, result_of
from tests.builders import by_line, holdings, position, rebalanced, result, snapshot


@pytest.fixture
def solved() -> PortfolioRebalance:
    """It buys, sells and keeps, with fractions and fine prices."""
    prices = snapshot({1: "3.33333333", 2: "7.10", 3: "0.00000001", 4: "1"})
    held = holdings("1000.10", {2: "0.12345678", 3: "-4", 4: "0.5"})
    return rebalanced(result(sequence=2), held, [position(1), position(2, "0.2")], prices)


def stored(document: Document) -> Document:
    """As the database gives it back."""
    return decode(encode(document, codec_options=CODEC_OPTIONS), CODEC_OPTIONS)


def finer(line: RebalancePosition) -> RebalancePosition:
    """The same line with one more digit of its price, a zero."""
    return line._replace(price=Decimal(f"{line.price}0"))


def left_out(document: Document) -> Document:
    """A stored document without what the projection leaves out."""
    names = {name.removeprefix("positions.") for name in WITHOUT_LINES}
    positions = document["positions"]
    if isinstance(positions, list):
        kept: object = [{name: line[name] for name in line.keys() - names} for line in positions]
    else:
        assert isinstance(positions, dict)
        kept = {name: positions[name] for name in positions.keys() - names}
    return {**document, "positions": kept}


def test_a_result_comes_back_as_it_was(solved: PortfolioRebalance) -> None:
    assert solved.transactions
    assert solved == result_of(stored(ResultWriter().document(solved)))


def test_more_digits_than_the_database_has_come_back_too() -> None:
    held = holdings("1000.10", {1: "2." + "1" * 40})
    one = rebalanced(result(sequence=2), held, [position(1)], snapshot({1: "3.5"}))
    assert one.positions
    assert one == result_of(stored(ResultWriter().document(one)))


def test_columns_are_used_again_only_where_every_number_is_the_very_same(solved: PortfolioRebalance) -> None:
    """Not for numbers that are equal but have other digits, nor for a part of them."""
    writer = ResultWriter()
    others = [
        replace(solved, positions=tuple(map(finer, solved.positions))),
        replace(solved, positions=solved.positions[:2]),
        solved,
    ]
    for one in (solved, *others):
        prices = [str(line.price) for line in result_of(stored(writer.document(one))).positions]
        assert prices == [str(line.price) for line in one.positions]


@pytest.mark.parametrize("state", [PortfolioState.FAILED, PortfolioState.NO_ACTION])
def test_a_result_without_lines_comes_back_as_it_was(state: PortfolioState) -> None:
    one = result(state=state)
    assert one == result_of(stored(ResultWriter().document(one)))
    assert one == result_of(left_out(stored(ResultWriter().document(one))))


def test_a_result_that_was_stored_line_by_line_is_read_as_it_is(solved: PortfolioRebalance) -> None:
    assert solved == result_of(stored(by_line(solved)))


def test_a_listing_has_transactions_without_lines(solved: PortfolioRebalance) -> None:
    for document in (ResultWriter().document(solved), by_line(solved)):
        found = result_of(left_out(stored(document)))
        assert (found.positions, found.transactions) == ((), solved.transactions)
        assert found.market_value == solved.market_value


def test_what_follows_from_other_numbers_is_not_stored(solved: PortfolioRebalance) -> None:
    document = ResultWriter().document(solved)
    assert "transactions" not in document
    columns = stored(document)["positions"]
    assert isinstance(columns, dict)
    assert sorted(columns) == [
        "high_drift",
        "low_drift",
        "original_quantity",
        "price",
        "reason",
        "security_id",
        "target",
        "ticker",
        "trade_quantity",
    ]
