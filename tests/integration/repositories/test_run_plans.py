"""Every query of the runs is served by an index."""

from dataclasses import replace

import pytest

from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.domain.errors import Cancelled, RebalanceInProgress
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.rebalances import PortfolioState, Rebalance, RebalanceState
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.stores import Lease, Request, RunOrder
from ordergen_server.domain.subjects import NOBODY
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests.builders import NOW, portfolio_id, position, rebalance, result
from tests.integration.repositories.plans import Recorder, check_plans, planned

MINE, OTHERS = Lease("mine", 0), Lease("another", 3600)
REQUEST = Request("16fd2706-8baf-433b-82eb-8c7fada847da", "body")


def use_everything(database: Database) -> None:
    """Send every query that runs need."""
    migrate(database)
    runs = Rebalances(database, PageTokens.of(database))
    run = rebalance(run_id=runs.new_id(), portfolio_count=4)
    order = RunOrder(run, (position(1),), 3600)
    ids = [portfolio_id(number) for number in range(4)]
    runs.begin(order, ids, MINE, REQUEST)
    again = replace(order, rebalance=replace(run, rebalance_id=runs.new_id()))
    assert runs.begin(again, ids, MINE, REQUEST) == run
    with pytest.raises(RebalanceInProgress):
        runs.begin(again, ids, MINE, None)
    runs.keep_snapshot(run.rebalance_id, MarketSnapshot({}, NOW))
    assert runs.kept_snapshot(run.rebalance_id)
    assert runs.take_over(OTHERS)
    use_chunks(Chunks(database), run, OTHERS)
    assert runs.to_be_cancelled() == []
    runs.request_cancel(run.rebalance_id, NOBODY, NOW)
    assert runs.to_be_cancelled() == [run.rebalance_id]
    assert runs.renew(run.rebalance_id, OTHERS)
    for state in (None, PortfolioState.NO_ACTION):
        first = runs.find_portfolios(run.rebalance_id, PageRequest(2), state)
        assert runs.find_portfolios(run.rebalance_id, PageRequest(2, first.next_token), state).items
    assert runs.portfolios_after(run.rebalance_id, 1, 10)
    runs.get_portfolio(run.rebalance_id, portfolio_id(0))
    runs.finish(replace(run, state=RebalanceState.COMPLETED, finish_time=NOW), OTHERS)
    assert runs.to_be_cancelled() == []
    for model_id in ("", run.model_id):
        for portfolio_ids in ((), ids[:2]):
            assert runs.find(PageRequest(1), model_id, portfolio_ids).items
    runs.delete(run.rebalance_id, 2)


def use_chunks(chunks: Chunks, run: Rebalance, lease: Lease) -> None:
    """Send every query that chunks need: one is done in two parts, by its second worker."""
    rebalance_id = run.rebalance_id
    (chunk,) = chunks.progress(rebalance_id, lease).undone
    assert chunks.lend(rebalance_id, chunk, "first")
    assert chunks.claim(rebalance_id, "first")
    (undone,) = [chunks.undone_of(rebalance_id, "first")]
    assert undone
    assert chunks.lend(rebalance_id, undone, "second")
    chunks.tell(rebalance_id, ["nobody"], Cancelled("no"))
    chunks.recall(rebalance_id, ["nobody"])
    claimed = chunks.claim(rebalance_id, "second")
    assert claimed
    assert chunks.look(rebalance_id, "second", alive=True).held
    assert chunks.look(rebalance_id, "second").held
    assert chunks.signs(rebalance_id, ["second"])
    results = [result(n, run_id=rebalance_id) for n in range(4)]
    task = ChunkTask(rebalance_id, "second")
    assert chunks.storing(task, claimed, results[:2])()
    assert chunks.storing(task, claimed.rest({portfolio_id(0), portfolio_id(1)}), results[2:])()
    for sequence, done in zip((1, 3), chunks.ready(rebalance_id), strict=True):
        chunks.publish(rebalance_id, done, sequence, lease)
    chunks.leave("second")
    chunks.order(rebalance_id)


#: The newest runs of all: there is nothing to look for, and the page ends the walk.
EVERYTHING: dict[str, object] = {}


def test_no_query_of_the_runs_walks_through_a_collection(
    recorder: tuple[Recorder, Database], mongodb_uri: str, database_name: str
) -> None:
    sent, database = recorder
    use_everything(database)
    queries = [query for command in sent.sent for query in planned(command)]
    looked_for = [query for query in queries if query.get("filter", EVERYTHING) != EVERYTHING]
    # What is submitted has its index where it is kept.
    counted = [
        query for query in looked_for if query.get("find", "submitted_portfolios") != "submitted_portfolios"
    ]
    assert {query["find"] for query in counted} >= {"rebalances", "portfolio_rebalances", "rebalance_work"}
    assert check_plans(mongodb_uri, database_name, counted) >= 12
