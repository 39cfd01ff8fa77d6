"""Runs that have ended, in a real database, and somebody who reviews them."""

from collections.abc import Collection
from dataclasses import replace

from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.domain.subjects import Subject
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.review_store.reviews import Reviews
from ordergen_server.repositories.run_store.ended_runs import EndedRuns
from ordergen_server.repositories.run_store.proposals import Proposals
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.services.reviewing.reviewer import Reviewer
from tests.builders import NOW, rebalance, result

STARTER = "starter"


def ended(
    runs: Rebalances, database: Database, count: int, idle: Collection[int] = (), *, starter: str = STARTER
) -> str:
    """A run of so many portfolios that has ended; all but the idle propose trades."""
    rebalance_id = runs.new_id()
    states = [
        PortfolioState.NO_ACTION if number in idle else PortfolioState.REBALANCED for number in range(count)
    ]
    run = replace(
        rebalance(run_id=rebalance_id, portfolio_count=count),
        state=RebalanceState.COMPLETED,
        finish_time=NOW,
        actor=starter,
        counts={state: states.count(state) for state in set(states)},
    )
    results = [result(number, run_id=rebalance_id, state=state) for number, state in enumerate(states)]
    assert EndedRuns(database).add(run, results)
    return rebalance_id


def reviewer(runs: Rebalances, database: Database, person: str, approvals: int = 1) -> Reviewer:
    """The use cases for one person."""
    return Reviewer(
        runs=runs,
        proposals=Proposals(database),
        reviews=Reviews(database),
        rule=ApprovalRule(approvals),
        clock=lambda: NOW,
        subject=lambda: Subject(person),
    )
