"""Runs of the service before: what it stored as it is, what it did not store as not known."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from bson import Decimal128, decode, encode
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ordergen_server.domain.rebalances.lines import (
    UNKNOWN_REASON,
    RebalancePosition,
    RunSecurity,
    Side,
    Transaction,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.legacy.flaws import Flaw, Flaws
from ordergen_server.legacy.runs import EndedRun, run_of
from ordergen_server.legacy.source import READING
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS
from ordergen_server.repositories.run_store.market.markets import RunTable
from ordergen_server.repositories.run_store.result_documents import result_document, result_of
from tests.builders import portfolio_id, security_id
from tests.legacy_documents import (
    RAN,
    Document,
    legacy_id,
    portfolio_document,
    rebalance_document,
)

DAY = RAN.date()


def read(document: Document) -> tuple[EndedRun, Flaws]:
    flaws = Flaws()
    return run_of(decode(encode(document), READING), flaws), flaws


def broken(*portfolios: Document, **changed: object) -> list[Flaw]:
    return read({**rebalance_document(1, portfolios or None), **changed})[1].broken


def of_lines(**changed: object) -> Document:
    """A portfolio whose line of security 1 is changed."""
    return portfolio_document(10, changed={1: changed})


def security(number: int, price: str, target: str, low: str = "0.01", high: str = "0.02") -> RunSecurity:
    return RunSecurity(security_id(number), "", Decimal(price), Decimal(target), Decimal(low), Decimal(high))


def test_a_run_is_what_was_stored_and_nothing_else_is_said() -> None:
    run, flaws = read(rebalance_document())
    assert (flaws.broken, flaws.left_out) == ([], [])
    assert run.rebalance == Rebalance(
        rebalance_id=str(legacy_id(1, RAN)),
        model_id=str(legacy_id(1)),
        model_name="Model 1",
        model_version=0,
        state=RebalanceState.COMPLETED,
        create_time=RAN,
        rebalance_date=DAY,
        portfolio_count=2,
        options=None,
        finish_time=RAN,
        counts={PortfolioState.REBALANCED: 2},
        version=1,
    )
    bought, sold = (
        Transaction(Side.BUY, security_id(1), 290, DAY),
        Transaction(Side.SELL, security_id(3), 40, DAY),
    )
    assert run.results[0] == PortfolioRebalance(
        rebalance_id=str(legacy_id(1, RAN)),
        portfolio_id=portfolio_id(10),
        portfolio_name="",
        state=PortfolioState.REBALANCED,
        snapshot_time=None,
        trade_date=DAY,
        market_value=Decimal("30480.00"),
        cash_before=Decimal("21626.70"),
        cash_after=Decimal("12381.00"),
        drift_before=Decimal("0.318592519685"),
        drift_after=Decimal("0.043799212598"),
        positions=(
            RebalancePosition(security(1, "33.33", "0.3"), Decimal(10), 290, UNKNOWN_REASON),
            RebalancePosition(security(2, "101.25", "0.250"), Decimal(80), 0, UNKNOWN_REASON),
            RebalancePosition(security(3, "10.50", "0", "0", "0"), Decimal(40), -40, UNKNOWN_REASON),
        ),
        transactions=(bought, sold),
    )


def test_portfolios_that_failed_are_counted_by_the_run_alone() -> None:
    run, flaws = read(rebalance_document(number_of_portfolios=5))
    assert flaws.broken == []
    assert run.rebalance.state is RebalanceState.COMPLETED_WITH_ERRORS
    assert (run.rebalance.portfolio_count, run.rebalance.counts) == (5, {PortfolioState.REBALANCED: 2})
    none, flaws = read(rebalance_document(1, [], number_of_portfolios=3))
    assert (flaws.broken, none.results, none.rebalance.counts) == ([], (), {})


def test_a_portfolio_that_does_not_trade() -> None:
    run, flaws = read(rebalance_document(1, [portfolio_document(10, [(1, "2", 5, 5, "0.3")], "10")]))
    (one,) = run.results
    assert flaws.broken == []
    assert (one.state, one.transactions, one.cash_after) == (PortfolioState.NO_ACTION, (), Decimal(10))
    empty, flaws = read(rebalance_document(1, [portfolio_document(10, [], "0")]))
    assert (flaws.broken, empty.results[0].market_value, empty.results[0].drift_after) == (
        [],
        Decimal(0),
        None,
    )


def test_cash_of_another_time_than_the_market_value_leaves_the_cash_after_unknown() -> None:
    """The service read cash twice, and took 0 where it could not be read the second time."""
    portfolio = {**portfolio_document(10), "cash_before_rebalance": Decimal128("0")}
    run, flaws = read(rebalance_document(1, [portfolio]))
    assert flaws.broken == []
    assert (run.results[0].cash_before, run.results[0].cash_after) == (Decimal(0), None)
    rule = "is not known: market_value is not cash_before_rebalance and positions"
    assert flaws.left_out == [Flaw("portfolios[0].cash_after_rebalance", rule, "21626.70")]


def test_a_cash_after_that_is_neither_is_told() -> None:
    run, flaws = read(rebalance_document(1, [{**portfolio_document(10), "cash_after_rebalance": 1.5}]))
    assert run.results[0].cash_after == Decimal("12381.00")
    rule = "must be cash_before_rebalance less the trades, 12381.00"
    assert flaws.left_out == [Flaw("portfolios[0].cash_after_rebalance", rule, "1.5")]


def test_drift_may_have_the_sign_of_the_first_releases() -> None:
    """And weights may be rounded to four decimals."""
    worth = Decimal("30480.00")
    actual = (Decimal("9999.00") / worth).quantize(Decimal("0.0001"))
    drift = 1 - Decimal("9999.00") / worth / Decimal("0.3")
    assert broken(of_lines(actual=Decimal128(actual), actual_drift=Decimal128(drift))) == []


def test_fields_that_follow_from_others_need_not_be_there() -> None:
    portfolio = portfolio_document(10)
    for line in portfolio["positions"]:
        for name in ("actual", "actual_drift", "original_position_market_value"):
            del line[name]
    assert broken(portfolio) == []


def test_a_run_over_midnight_keeps_the_days_of_its_trades() -> None:
    late = RAN + timedelta(seconds=2)
    run, flaws = read(rebalance_document(rebalance_date=late, created_at=late))
    assert flaws.broken == []
    assert (run.rebalance.rebalance_date, run.results[0].trade_date) == (late.date(), DAY)


P = "portfolios[0]"
LINE = f"{P}.positions[1]"
WHOLE = "must be a whole number from 1 to 9223372036854775807"


@pytest.mark.parametrize(
    ("portfolio", "flaw"),
    [
        (of_lines(price=Decimal128("0")), Flaw(f"{LINE}.price", "must be above 0", "0")),
        (of_lines(price=0.1 + 0.2), Flaw(f"{LINE}.price", "must have at most 8 decimals", repr(0.1 + 0.2))),
        (of_lines(price="1e10"), Flaw(f"{LINE}.price", "must be below 1E+10", "1e10")),
        (
            of_lines(adjusted_quantity=Decimal128("301")),
            Flaw(f"{LINE}.adjusted_quantity", "must be original_quantity and what is traded, 300", "301"),
        ),
        (
            of_lines(original_position_market_value=Decimal128("333.31")),
            Flaw(
                f"{LINE}.original_position_market_value",
                "must be the quantity at the price, 333.30",
                "333.31",
            ),
        ),
        (
            of_lines(actual=Decimal128("0.5")),
            Flaw(f"{LINE}.actual", "must be 0.3281, as its other numbers have it", "0.5"),
        ),
        (
            of_lines(actual_drift=Decimal128("0.5")),
            Flaw(f"{LINE}.actual_drift", "must be 0.0935, as its other numbers have it", "0.5"),
        ),
        (of_lines(transaction_type="HOLD"), Flaw(f"{LINE}.transaction_type", "must be BUY or SELL", "HOLD")),
        (of_lines(transaction_type=None), Flaw(f"{LINE}.trade_quantity", "needs a transaction_type", "290")),
        (of_lines(trade_quantity=None), Flaw(f"{LINE}.trade_quantity", WHOLE, "nothing")),
        (of_lines(trade_quantity=-290), Flaw(f"{LINE}.trade_quantity", WHOLE, "-290")),
        (of_lines(trade_date=None), Flaw(f"{LINE}.trade_date", "must be given", "nothing")),
        (
            of_lines(trade_date=RAN + timedelta(days=1)),
            Flaw(f"{P}.positions", "must have one trade_date", "2025-09-16, 2025-09-17"),
        ),
        (
            of_lines(target=Decimal128("0.301")),
            Flaw(f"{LINE}.target", "must be a multiple of 0.005", "0.301"),
        ),
        (
            of_lines(security_id=security_id(2)),
            Flaw(f"{P}.positions", "must have each security once"),
        ),
        (
            {**portfolio_document(10), "portfolio_id": "x"},
            Flaw(f"{P}.portfolio_id", "must be exactly 24 alphanumeric characters", "x"),
        ),
        (
            {**portfolio_document(10), "market_value": Decimal128("0")},
            Flaw(f"{P}.market_value", "must be above 0, or 0 without positions", "0"),
        ),
    ],
)
def test_what_breaks_a_rule_is_told_with_its_field(portfolio: Document, flaw: Flaw) -> None:
    assert flaw in broken(portfolio)


@pytest.mark.parametrize(
    ("changed", "flaw"),
    [
        (
            {"number_of_portfolios": 1},
            Flaw("number_of_portfolios", "must be at least the 2 that there are", "1"),
        ),
        ({"model_id": 7}, Flaw("model_id", "must be text", "7")),
        ({"model_id": "ABC"}, Flaw("model_id", "must be 24 lower-case hexadecimal characters", "ABC")),
        ({"rebalance_date": None}, Flaw("rebalance_date", "must be given", "nothing")),
        ({"portfolios": None}, Flaw("portfolios", "must be given", "nothing")),
        ({"model_name": ""}, Flaw("model_name", "must not be blank", "")),
    ],
)
def test_what_is_wrong_with_a_run_as_a_whole(changed: Document, flaw: Flaw) -> None:
    assert flaw in broken(**changed)


def test_a_portfolio_that_is_there_twice() -> None:
    found = broken(portfolio_document(10), portfolio_document(10))
    assert found == [Flaw("portfolios", "must have each portfolio once")]


#: Money that we keep is below this.
MOST = Decimal(10**18)
FORMS: list[Callable[[Decimal], object]] = [Decimal128, str, float, "{:E}".format]


def literal(written: object) -> Decimal:
    """The number that stands there."""
    return Decimal(repr(written)) if isinstance(written, float) else Decimal(str(written))


def stored(result: PortfolioRebalance) -> PortfolioRebalance:
    """As our database gives it back."""
    document = encode(result_document(result, RunTable()), codec_options=CODEC_OPTIONS)
    return result_of(decode(document, CODEC_OPTIONS), RunTable())


@given(
    price=st.decimals("0.00000001", "999999999", places=8),
    before=st.integers(0, 10**12),
    after=st.integers(0, 10**12),
    cash=st.decimals("0", "999999999999", places=2),
    form=st.sampled_from(FORMS),
)
@example(
    price=Decimal("1E-8"), before=0, after=1, cash=Decimal("100000.01"), form=Decimal128
)  # a weight of 1E-13
def test_prices_quantities_and_cash_arrive_as_they_are_or_are_told(
    price: Decimal, before: int, after: int, cash: Decimal, form: Callable[[Decimal], object]
) -> None:
    """Whatever people wrote them as; with what follows from them where it fits."""
    assume(0 < before * price + cash < MOST and after * price < MOST)
    portfolio = portfolio_document(10, [(1, str(price), before, after, "0.3")], str(cash))
    (line,) = portfolio["positions"]
    line |= {"price": form(price), "original_quantity": form(Decimal(before))}
    portfolio["cash_before_rebalance"] = form(cash)
    run, flaws = read(rebalance_document(1, [portfolio]))
    written = [literal(one) for one in (line["price"], line["original_quantity"])]
    if flaws.broken:  # a double of too many digits is another number than what follows from it
        assert written != [price, before] or literal(portfolio["cash_before_rebalance"]) != cash
        return
    one = stored(run.results[0])
    (found,) = one.positions
    assert [found.security.price, found.original_quantity] == written
    assert (found.adjusted_quantity, found.trade_quantity) == (Decimal(after), after - before)
    assert one.cash_before == literal(portfolio["cash_before_rebalance"])
    if not flaws.left_out:  # its market value was not rounded
        assert one.cash_after == cash + (before - after) * price
    assert one == replace(run.results[0], sequence=one.sequence)


def test_nothing_is_nothing_however_it_is_written() -> None:
    portfolio = portfolio_document(10, [(1, "2", 5, 5, "0.3")], "0")
    run, flaws = read(rebalance_document(1, [{**portfolio, "cash_before_rebalance": Decimal128("-0E+30")}]))
    (one,) = run.results
    assert (flaws.broken, one.cash_before, one.cash_after) == ([], Decimal(0), Decimal(0))


def test_a_portfolio_without_positions_is_none() -> None:
    portfolio = portfolio_document(10)
    del portfolio["positions"]
    assert Flaw(f"{P}.positions", "must be given", "nothing") in broken(portfolio)
