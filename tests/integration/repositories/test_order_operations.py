"""How many operations of the database orders and reviews cost: as many for many portfolios as for one."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from ordergen_server.domain.orders.order_store import Candidates, SubmissionOrder
from ordergen_server.domain.orders.orders import Order, OrderState, taken
from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.orders.submissions import (
    Approvals,
    Changes,
    Left,
    OrderBatch,
    OrderSubmission,
    SubmissionState,
)
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.domain.stores import Lease
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.order_store.submissions import Submissions
from ordergen_server.repositories.review_store.reviews import Reviews
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests.builders import NOW, portfolio_id, rebalance, result, security_id
from tests.integration.repositories.ended import STARTER, ended
from tests.integration.repositories.heard import Heard
from tests.limits import DATABASE_SECONDS

KEY = PageTokens(b"key of the tests")
LEASE = Lease("mine", 3600)
APPROVALS = Approvals(ApprovalRule(0), STARTER)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def observed(mongodb_uri: str, database_name: str, heard: Heard) -> Iterator[Database]:
    with closing(
        Database(mongodb_uri, database_name, pool_size=2, timeout_seconds=DATABASE_SECONDS, observer=heard)
    ) as database:
        yield database


def begun(store: Submissions, run: str, count: int) -> OrderSubmission:
    new = OrderSubmission(store.new_id(), run, SubmissionState.RUNNING, NOW, 0, 0)
    counts = {portfolio_id(number): 1 for number in range(count)}
    return store.submit(SubmissionOrder(new), Candidates(counts, True, APPROVALS), LEASE, None)


def batch_of(store: Submissions, of: OrderSubmission, count: int) -> tuple[OrderBatch, list[Order]]:
    """A batch with an order of each portfolio."""
    batch = OrderBatch(store.new_id(), of.submission_id, of.rebalance_id, count, attempting=True)
    orders = [
        Order(
            store.new_id(),
            of.rebalance_id,
            of.submission_id,
            portfolio_id(number),
            security_id(0),
            "T",
            Side.BUY,
            3,
            OrderState.SENDING,
            batch.batch_id,
            batch.mark,
            1,
        )
        for number in range(count)
    ]
    return batch.standing(orders), orders


def written(store: Submissions, of: OrderSubmission, count: int, heard: Heard) -> list[list[str]]:
    """The operations of writing orders down, and of writing down that they are sent."""
    batch, orders = batch_of(store, of, count)
    portfolios = store.portfolios(of.rebalance_id, [one.portfolio_id for one in orders])
    placed = [replace(one, left=Left.NOTHING).standing([OrderState.SENDING]) for one in portfolios]
    approvals = replace(APPROVALS, portfolio_ids=tuple(one.portfolio_id for one in orders))
    down = Changes(
        tuple((None, one) for one in orders),
        tuple(placed),
        new_batches=(batch,),
        approvals=approvals,
        alone_since=NOW,
    )
    sent = [taken(one, number) for number, one in enumerate(orders, 1)]
    over = Changes(
        tuple((OrderState.SENDING, one) for one in sent),
        tuple(one.standing([OrderState.SENT]) for one in placed),
        (replace(batch, attempting=False).standing(sent),),
    )
    found = []
    for changes in (down, over):
        heard.operations.clear()
        store.write(of.submission_id, LEASE, changes)
        found.append([f"{operation} {collection}" for operation, collection, _ in heard.operations])
    return found


@pytest.mark.parametrize("count", [1, 50])
def test_what_a_batch_costs(
    runs: Rebalances, database: Database, observed: Database, heard: Heard, count: int
) -> None:
    run = ended(runs, database, count)
    store = Submissions(observed, KEY)
    assert written(store, begun(store, run, count), count, heard) == [
        [
            "find order_submissions",
            "find portfolio_reviews",
            "find portfolio_turns",
            "insert portfolio_reviews",
            "insert order_batches",
            "insert orders",
            "update submitted_portfolios",
            "update portfolio_turns",
            "update order_submissions",
            "commitTransaction ",
        ],
        [
            "find order_submissions",
            "update orders",
            "update order_batches",
            "update submitted_portfolios",
            "update portfolio_turns",
            "update order_submissions",
            "commitTransaction ",
        ],
    ]


@pytest.mark.parametrize("count", [1, 50])
def test_what_reviews_and_states_of_a_page_cost(
    runs: Rebalances, database: Database, observed: Database, heard: Heard, count: int
) -> None:
    run = ended(runs, database, count)
    ids = [portfolio_id(number) for number in range(count)]
    store = Submissions(observed, KEY)
    begun(store, run, count)
    heard.operations.clear()
    assert len(store.portfolio_states(run, ids)) == count
    Reviews(observed).of(run, ids)
    assert Rebalances(observed, KEY).get(run).reviewed.rejected == 0
    assert heard.operations == [
        ("find", "submitted_portfolios", "ok"),
        ("find", "portfolio_reviews", "ok"),
        ("find", "rebalances", "ok"),
    ]


def test_what_a_run_of_one_portfolio_costs(runs: Rebalances, observed: Database, heard: Heard) -> None:
    """One durable write: its result and its first event stand in its header."""
    del runs  # it has migrated
    mine = Rebalances(observed, KEY)
    run = replace(rebalance(run_id=mine.new_id()), state=RebalanceState.COMPLETED)
    heard.operations.clear()
    mine.save_whole(run, result(run_id=run.rebalance_id, state=PortfolioState.REBALANCED), None)
    assert heard.operations == [("insert", "rebalances", "ok")]
