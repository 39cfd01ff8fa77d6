"""Runs in a real database: a header, and a document a portfolio."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordergen_server.domain.errors import (
    Infeasible,
    InvalidArgument,
    MissingData,
    NotFound,
    Resource,
    Violation,
)
from ordergen_server.domain.rebalances.options import (
    LotSides,
    LotSize,
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Sides,
    Strategy,
    TradingCosts,
    Unpriced,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.domain.stores import Lease, RunOrder
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests import stored_chunks
from tests.builders import (
    NOW,
    RUN_ID,
    by_line,
    holdings,
    no_price,
    portfolio_id,
    position,
    rebalance,
    rebalanced,
    result,
    security_id,
    snapshot,
)

State = PortfolioState


LEASE = Lease("token", 60)


def begin(runs: Rebalances, run: Rebalance) -> Rebalance:
    ids = [portfolio_id(number) for number in range(run.portfolio_count)]
    return runs.begin(RunOrder(run, (position(1),), 3600), ids, LEASE, None)


def begun(runs: Rebalances, portfolio_count: int) -> Rebalance:
    """A run of RUN_ID that goes on."""
    return begin(runs, rebalance(portfolio_count=portfolio_count))


def append(chunks: Chunks, *results: PortfolioRebalance) -> None:
    assert stored_chunks.append(chunks, results, LEASE) is False


def solved(number: int = 0, *, run_id: str = RUN_ID, sequence: int = 2) -> PortfolioRebalance:
    """A result with positions, transactions and all numbers."""
    wanted = [position(1), position(2, "0.2")]
    blank = result(number, run_id=run_id, sequence=sequence)
    held = holdings("1000.10", {2: "0.12345678", 3: "-4"}, portfolio=number)
    prices = snapshot({1: "3.33333333", 2: "7.10", 3: "0.00000001"})
    return rebalanced(blank, held, wanted, prices)


OPTIONS = RebalanceOptions(
    Decimal("10.50"),
    Decimal("0.0100"),
    solver_timeout_seconds=1.5,
    strategy=Strategy.TO_BAND,
    minimum_trade_value=Decimal("99.90"),
    restrictions=(Restriction(security_id(1), RestrictionType.HOLD),),
    lot_sizes=(LotSize(security_id(2), 100), LotSize(security_id(3), 10, LotSides.BUYS)),
    maximum_turnover_weight=Decimal("0.20"),
    maximum_trade_count=0,
    sides=Sides.SELL_ONLY,
    costs=TradingCosts(Decimal("0.0010"), Decimal("9.90")),
    security_limits=(SecurityLimit(security_id(3), Decimal("0.010"), None),),
    group_limits=(GroupLimit("Technology", (security_id(1), security_id(2)), None, Decimal("0.30")),),
    unpriced=Unpriced.FREEZE,
)


def test_a_run_comes_back_as_it_was_stored(runs: Rebalances) -> None:
    run = replace(rebalance(run_id=runs.new_id(), portfolio_count=4), options=OPTIONS)
    assert begin(runs, run) == run
    assert runs.get(run.rebalance_id) == run


def test_a_run_of_before_actors_were_known_has_none(runs: Rebalances, database: Database) -> None:
    run = begin(runs, replace(rebalance(run_id=runs.new_id()), actor="ann"))
    database.collection("rebalances").update_one({}, {"$unset": {"actor": ""}})
    assert runs.get(run.rebalance_id) == replace(run, actor="")


def test_a_run_that_ended_has_the_next_version(runs: Rebalances, chunks: Chunks) -> None:
    run = begin(runs, rebalance(run_id=runs.new_id(), portfolio_count=3))
    states = (State.REBALANCED, State.SKIPPED, State.REBALANCED)
    append(
        chunks, *(result(number, run_id=run.rebalance_id, state=state) for number, state in enumerate(states))
    )
    ended = replace(
        run,
        state=RebalanceState.FAILED,
        finish_time=NOW + timedelta(seconds=1),
        error=MissingData(
            "why",
            metadata={"service": "pricing"},
            violations=[Violation("SECURITY", "no price", "MISSING_PRICE")],
            resource=Resource("Price", "AAA"),
            retry_after_seconds=2.5,
        ),
    )
    stored = runs.finish(ended, LEASE)
    assert stored == replace(ended, counts={State.REBALANCED: 2, State.SKIPPED: 1}, version=2)
    assert runs.get(run.rebalance_id) == stored


def test_a_result_comes_back_as_it_was_stored(runs: Rebalances, chunks: Chunks) -> None:
    one = replace(solved(), cash_flow=Decimal("-10000.50"))
    assert one.transactions
    assert len(one.positions) == 3
    begun(runs, 1)
    append(chunks, one)
    assert runs.get_portfolio(RUN_ID, portfolio_id(0)) == replace(one, sequence=0)


def test_frozen_positions_come_back_with_their_run_and_alone(runs: Rebalances, chunks: Chunks) -> None:
    """One that the market of the run has, one that it has not; and listings count them."""
    freeze = RebalanceOptions(unpriced=Unpriced.FREEZE)
    market = snapshot({1: "3.33333333", 2: no_price(2), 3: no_price(3)})
    held = holdings("1000.10", {2: "0.12345678", 3: "-4"})
    one = rebalanced(result(run_id=RUN_ID, sequence=2), held, [position(1), position(2)], market, freeze)
    run = begun(runs, 1)
    kept = replace(market, quotes={key: two for key, two in market.quotes.items() if key != security_id(3)})
    runs.keep_snapshot(run.rebalance_id, kept)
    append(chunks, one)
    assert runs.get_portfolio(RUN_ID, portfolio_id(0)) == replace(one, sequence=0)
    [row] = runs.find_portfolios(RUN_ID, PageRequest(10), None).items
    assert (row.frozen, row.frozen_count) == ((), 2)
    alone = rebalance(run_id=runs.new_id())
    runs.save_whole(alone, replace(one, rebalance_id=alone.rebalance_id), None)
    assert runs.get_portfolio(alone.rebalance_id, portfolio_id(0)).frozen == one.frozen


def test_an_error_of_a_portfolio_comes_back_equal(runs: Rebalances, chunks: Chunks) -> None:
    error = Infeasible("no", violations=[Violation("cash", "too little", "CASH")])
    one = replace(result(sequence=2), state=State.INFEASIBLE, error=error)
    begun(runs, 1)
    append(chunks, one)
    assert runs.get_portfolio(RUN_ID, portfolio_id(0)).error == error


numbers = st.one_of(
    st.none(),
    st.decimals(allow_nan=False, allow_infinity=False, places=20),
    st.integers(0, 10**60).map(lambda digits: Decimal(digits).scaleb(-8)),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(numbers, numbers, numbers, numbers, numbers))
def test_any_number_comes_back_digit_for_digit(
    runs: Rebalances, chunks: Chunks, database: Database, values: tuple[Decimal | None, ...]
) -> None:
    for name in ("portfolio_rebalances", "rebalances", "rebalance_work"):
        database.collection(name).delete_many({})
    begun(runs, 1)
    names = ("market_value", "cash_before", "cash_after", "drift_before", "drift_after")
    one = replace(result(sequence=2), **dict(zip(names, values, strict=True)))  # type: ignore[arg-type]
    append(chunks, one)
    read = runs.get_portfolio(RUN_ID, portfolio_id(0))
    assert [str(getattr(read, name)) for name in names] == [str(value) for value in values]


def test_what_is_not_there(runs: Rebalances) -> None:
    with pytest.raises(NotFound) as raised:
        runs.get(RUN_ID)
    assert raised.value.resource == Resource("Rebalance", RUN_ID)
    with pytest.raises(NotFound) as raised:
        runs.get_portfolio(RUN_ID, portfolio_id(0))
    assert raised.value.resource == Resource("PortfolioRebalance", f"{RUN_ID}/{portfolio_id(0)}")
    with pytest.raises(NotFound):
        runs.find_portfolios(RUN_ID, PageRequest(), None)


def test_a_run_is_a_header_and_a_document_a_portfolio(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    begun(runs, 3)
    append(chunks, *(solved(number, sequence=number + 2) for number in range(3)))
    assert database.collection("rebalances").count_documents({}) == 1
    assert database.collection("portfolio_rebalances").count_documents({}) == 3


def test_what_was_done_after_a_point(runs: Rebalances, chunks: Chunks) -> None:
    results = [result(number, sequence=number + 2) for number in range(5)]
    begun(runs, 5)
    append(chunks, *results[:2])
    append(chunks, *results[2:])
    assert runs.portfolios_after(RUN_ID, 0, 10) == tuple(results)
    assert runs.portfolios_after(RUN_ID, 3, 2) == tuple(results[2:4])
    assert runs.portfolios_after(RUN_ID, 6, 2) == ()
    assert runs.portfolios_after("f" * 24, 0, 2) == ()


def test_pages_of_a_run_leave_positions_out(runs: Rebalances, chunks: Chunks) -> None:
    begun(runs, 5)
    results = [solved(number, sequence=6 - number) for number in range(5)]
    append(chunks, *results[::-1])
    first = runs.find_portfolios(RUN_ID, PageRequest(3), None)
    second = runs.find_portfolios(RUN_ID, PageRequest(3, first.next_token), None)
    assert [*first.items, *second.items] == [replace(one, positions=(), sequence=0) for one in results]
    assert second.next_token == ""


def test_a_run_of_one_portfolio_is_read_like_any_other(runs: Rebalances) -> None:
    """Though its result stands in its header."""
    one = solved(4)
    run = replace(rebalance(), state=RebalanceState.COMPLETED, counts={one.state: 1}, finish_time=NOW)
    runs.save_whole(run, one, None)
    assert runs.get(RUN_ID) == run
    assert runs.get_portfolio(RUN_ID, one.portfolio_id) == one
    with pytest.raises(NotFound):
        runs.get_portfolio(RUN_ID, portfolio_id(5))
    assert runs.portfolios_after(RUN_ID, 0, 10) == (one,)
    assert runs.portfolios_after(RUN_ID, 2, 10) == ()
    row = replace(one, positions=())
    assert runs.find_portfolios(RUN_ID, PageRequest(), None) == Page((row,))
    assert runs.find_portfolios(RUN_ID, PageRequest(), one.state) == Page((row,))
    assert runs.find_portfolios(RUN_ID, PageRequest(), State.FAILED) == Page(())
    for portfolio_ids, found in (((one.portfolio_id,), (run,)), ((portfolio_id(5),), ())):
        assert runs.find(PageRequest(), "", portfolio_ids).items == found
    runs.delete(RUN_ID, 1)
    with pytest.raises(NotFound):
        runs.find_portfolios(RUN_ID, PageRequest(), None)


def test_results_that_were_stored_line_by_line_are_read_as_they_are(
    runs: Rebalances, database: Database
) -> None:
    begun(runs, 1)
    one = solved()
    database.collection("portfolio_rebalances").insert_one(by_line(one))
    assert runs.get_portfolio(RUN_ID, one.portfolio_id) == one
    assert runs.portfolios_after(RUN_ID, 0, 10) == (one,)
    assert runs.find_portfolios(RUN_ID, PageRequest(), None).items == (replace(one, positions=()),)


def test_pages_of_a_state(runs: Rebalances, chunks: Chunks) -> None:
    begun(runs, 6)
    states = [State.FAILED, State.NO_ACTION] * 3
    append(chunks, *(result(n, state=state) for n, state in enumerate(states)))
    first = runs.find_portfolios(RUN_ID, PageRequest(2), State.FAILED)
    second = runs.find_portfolios(RUN_ID, PageRequest(2, first.next_token), State.FAILED)
    found = [one.portfolio_id for one in (*first.items, *second.items)]
    assert found == [portfolio_id(number) for number in (0, 2, 4)]
    for other_run, state in ((RUN_ID, None), (RUN_ID, State.NO_ACTION)):
        with pytest.raises(InvalidArgument, match="page_token"):
            runs.find_portfolios(other_run, PageRequest(2, first.next_token), state)


def stored_runs(runs: Rebalances, chunks: Chunks, count: int) -> list[Rebalance]:
    """Runs of two models in turn; each has a portfolio of its own and portfolio 0."""
    created = []
    for number in range(count):
        run = rebalance(run_id=runs.new_id(), model_id=f"{number % 2:024x}", portfolio_count=2)
        begin(runs, run)
        append(chunks, *(result(portfolio, run_id=run.rebalance_id) for portfolio in (0, number + 1)))
        ended = replace(run, state=RebalanceState.COMPLETED, finish_time=NOW)
        created.append(runs.finish(ended, LEASE))
    return created


def test_runs_newest_first(runs: Rebalances, chunks: Chunks) -> None:
    created = stored_runs(runs, chunks, 5)
    first = runs.find(PageRequest(2), "", ())
    late = rebalance(run_id=runs.new_id())
    begin(runs, late)
    second = runs.find(PageRequest(2, first.next_token), "", ())
    third = runs.find(PageRequest(2, second.next_token), "", ())
    assert [*first.items, *second.items, *third.items] == created[::-1]
    assert (first.total_size, second.total_size, third.next_token) == (5, 6, "")
    assert runs.find(PageRequest(1), "", ()).items == (late,)


def test_runs_of_a_model_and_over_portfolios(runs: Rebalances, chunks: Chunks) -> None:
    created = stored_runs(runs, chunks, 4)
    model_id = created[1].model_id
    assert runs.find(PageRequest(), model_id, ()).items == (created[3], created[1])
    assert runs.find(PageRequest(), "", [portfolio_id(2)]).items == (created[1],)
    both = [portfolio_id(4), portfolio_id(2), portfolio_id(2)]
    assert runs.find(PageRequest(), "", both).items == (created[3], created[1])
    assert runs.find(PageRequest(), created[0].model_id, both).items == ()
    everyone = runs.find(PageRequest(3, "", 1), "", [portfolio_id(0)])
    assert (everyone.items, everyone.total_size) == ((created[2], created[1], created[0]), 4)
    assert runs.find(PageRequest(), "", [portfolio_id(9)]).items == ()


def test_a_token_of_runs_belongs_to_its_arguments(runs: Rebalances, chunks: Chunks) -> None:
    """The order of portfolios is none of them."""
    created = stored_runs(runs, chunks, 3)
    over = [portfolio_id(0), portfolio_id(1)]
    token = runs.find(PageRequest(1), "", over).next_token
    assert runs.find(PageRequest(1, token), "", over[::-1]).items == (created[1],)
    for model_id, portfolio_ids in ((created[0].model_id, over), ("", over[:1]), ("", [])):
        with pytest.raises(InvalidArgument, match="page_token"):
            runs.find(PageRequest(1, token), model_id, portfolio_ids)


def test_later_runs_have_greater_ids(runs: Rebalances) -> None:
    ids = [runs.new_id() for _ in range(100)]
    assert ids == sorted(set(ids))
