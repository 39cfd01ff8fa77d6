"""Every query of the runs is served by an index."""

from dataclasses import replace

import pytest

from ordergen_server.domain.errors import RebalanceInProgress
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.pages import PageRequest
from ordergen_server.domain.rebalances import PortfolioState, RebalanceState
from ordergen_server.domain.stores import Lease, Request, RunOrder
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
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
    runs.appending(run.rebalance_id, [result(n, run_id=run.rebalance_id) for n in range(4)])(OTHERS)
    assert runs.to_be_cancelled() == []
    runs.request_cancel(run.rebalance_id)
    assert runs.to_be_cancelled() == [run.rebalance_id]
    assert runs.renew(run.rebalance_id, OTHERS)
    assert runs.pending(run.rebalance_id) == []
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


#: The newest runs of all: there is nothing to look for, and the page ends the walk.
EVERYTHING: dict[str, object] = {}


def test_no_query_of_the_runs_walks_through_a_collection(
    recorder: tuple[Recorder, Database], mongodb_uri: str, database_name: str
) -> None:
    sent, database = recorder
    use_everything(database)
    queries = [query for command in sent.sent for query in planned(command)]
    looked_for = [query for query in queries if query.get("filter", EVERYTHING) != EVERYTHING]
    counted = [query for query in looked_for if "find" in query]
    assert {query["find"] for query in counted} >= {"rebalances", "portfolio_rebalances", "rebalance_work"}
    assert check_plans(mongodb_uri, database_name, counted) >= 12
