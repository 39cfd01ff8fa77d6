"""What goes with a chunk: the money of its portfolios until they are done, and from then on their sums."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, summary_of
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.stores import LeaseLost
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests.builders import NOW, portfolio_id, result
from tests.integration.repositories.begun import MINE, OTHERS, begin, lent, results
from tests.stored_chunks import append, store

#: Digits of every kind, of the first, the second and the fifth of six portfolios.
FLOWS = {
    portfolio_id(0): Decimal("-10000.50"),
    portfolio_id(1): Decimal("1E+39"),
    portfolio_id(4): Decimal("0." + "1" * 34),
}


def test_a_chunk_has_the_cash_flows_of_its_portfolios_digit_for_digit(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    """Whoever works it off, after whomever: they are with what is left to do, and with nothing else."""
    rebalance_id = begin(runs, cash_flows=FLOWS)
    claimed = lent(chunks, rebalance_id)
    expected = {portfolio_id(number): str(FLOWS[portfolio_id(number)]) for number in (0, 1)}
    assert {key: str(amount) for key, amount in claimed.cash_flows.items()} == expected
    done = replace(results(rebalance_id, 0)[0], cash_flow=FLOWS[portfolio_id(0)])
    assert chunks.storing(ChunkTask(rebalance_id, "token"), claimed, [done])()
    (left,) = [one for one in chunks.progress(rebalance_id, MINE).undone if one.token]
    assert chunks.lend(rebalance_id, left, "next")
    rest = chunks.claim(rebalance_id, "next")
    assert rest
    assert rest.portfolio_ids == (portfolio_id(1), portfolio_id(2))
    assert rest.cash_flows == {portfolio_id(1): FLOWS[portfolio_id(1)]}
    assert chunks.storing(ChunkTask(rebalance_id, "next"), rest, results(rebalance_id, 1, 2))()
    other = lent(chunks, rebalance_id, token="other")  # noqa: S106 - of an attempt
    assert other.cash_flows == {portfolio_id(4): FLOWS[portfolio_id(4)]}
    assert chunks.storing(ChunkTask(rebalance_id, "other"), other, results(rebalance_id, 3, 4, 5))()
    for ready in chunks.ready(rebalance_id):
        sequence = chunks.progress(rebalance_id, MINE).sequence
        chunks.publish(rebalance_id, ready, sequence, MINE)
    assert str(runs.get_portfolio(rebalance_id, portfolio_id(0)).cash_flow) == "-10000.50"
    kept = list(database.collection("rebalance_work").find({"rebalance_id": rebalance_id}))
    assert not any("cash_flows" in one for one in kept)
    assert not any("cash_flows" in str(one) for one in database.collection("rebalances").find({}))


def test_a_chunk_without_cash_flows_is_stored_as_ever(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    rebalance_id = begin(runs, cash_flows={portfolio_id(4): Decimal(1)})
    first, second = database.collection("rebalance_work").find({}).sort("number")
    assert ("cash_flows" in first, "cash_flows" in second) == (False, True)
    assert lent(chunks, rebalance_id).cash_flows == {}


#: More digits together than a number of the database has.
LARGE, SMALL = Decimal("9" * 33), Decimal("0.00000001")


def worth(rebalance_id: str, values: dict[int, Decimal]) -> list[PortfolioRebalance]:
    return [
        replace(result(number, run_id=rebalance_id), market_value=value, cash_before=-value, cash_after=value)
        for number, value in values.items()
    ]


def test_what_is_published_is_summed_digit_for_digit(runs: Rebalances, chunks: Chunks) -> None:
    """Of a run that goes on, that of what is told; whoever asks."""
    rebalance_id = begin(runs)
    assert runs.get(rebalance_id).summary == RebalanceSummary()
    first = worth(rebalance_id, {0: LARGE, 1: SMALL, 2: SMALL})
    store(chunks, first, MINE)
    assert runs.get(rebalance_id).summary == RebalanceSummary()
    (done,) = chunks.ready(rebalance_id)
    chunks.publish(rebalance_id, done, 1, MINE)
    assert runs.get(rebalance_id).summary == summary_of(first)
    second = worth(rebalance_id, {3: LARGE, 4: LARGE, 5: SMALL})
    append(chunks, second, MINE)
    whole = summary_of(first + second)
    assert Fraction(whole.market_value) == 3 * Fraction(LARGE) + 3 * Fraction(SMALL)
    assert runs.get(rebalance_id).summary == whole
    page = runs.find(PageRequest(10), "", ())
    assert [one.summary for one in page.items] == [whole]
    ended = replace(runs.get(rebalance_id), state=RebalanceState.COMPLETED, finish_time=NOW)
    assert runs.finish(replace(ended, summary=None), MINE).summary == whole


def test_a_chunk_is_summed_once_whoever_dies_between_the_two_writes(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    rebalance_id = begin(runs, lease=replace(MINE, seconds=0))
    first = worth(rebalance_id, {0: LARGE, 1: SMALL, 2: SMALL})
    store(chunks, first, MINE)
    (done,) = chunks.ready(rebalance_id)
    place = {"$set": {"first_sequence": 2}, "$unset": {"state": "", "create_time": ""}}
    database.collection("rebalance_work").update_one({"_id": f"{rebalance_id}/0"}, place)
    assert runs.take_over(OTHERS)
    for _ in range(2):
        assert chunks.progress(rebalance_id, OTHERS).sequence == 4
        assert runs.get(rebalance_id).summary == summary_of(first)
    with pytest.raises(LeaseLost):
        chunks.publish(rebalance_id, done, 1, MINE)
    assert runs.get(rebalance_id).summary == summary_of(first)


@pytest.mark.parametrize("of_before", ["the run", "a chunk", "who published"])
def test_sums_that_are_not_known_are_absent_and_never_less(
    runs: Rebalances, chunks: Chunks, database: Database, of_before: str
) -> None:
    """The run, or one of its chunks, or who published it, is of a release that kept none."""
    rebalance_id = begin(runs)
    if of_before == "the run":
        database.collection("rebalances").update_one({}, {"$unset": {"summary": ""}})
    store(chunks, worth(rebalance_id, {0: LARGE, 1: SMALL, 2: SMALL}), MINE)
    if of_before == "a chunk":
        changed = database.collection("rebalance_work").update_one(
            {"_id": f"{rebalance_id}/0"}, {"$unset": {"summary": ""}}
        )
        assert changed.modified_count == 1
    (done,) = chunks.ready(rebalance_id)
    headers = database.collection("rebalances")
    before = (headers.find_one({}) or {}).get("summary")
    chunks.publish(rebalance_id, done, 1, MINE)
    if of_before == "who published":  # it counts chunks, and leaves sums as they were
        headers.update_one({}, {"$set": {"summary": before}})
    assert runs.get(rebalance_id).summary is None
    append(chunks, worth(rebalance_id, {3: SMALL, 4: SMALL, 5: SMALL}), MINE)
    found = runs.get(rebalance_id)
    assert (found.summary, found.counts) == (None, {PortfolioState.NO_ACTION: 6})
