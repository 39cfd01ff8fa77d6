"""Runs that have begun, in a real database, and attempts at their chunks."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from ordergen_server.domain.chunks import ClaimedChunk
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.stores import BegunBy, Lease, RunOrder
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.services.members import NO_FLOWS
from tests.builders import portfolio_id, position, rebalance, result

MINE, OTHERS = Lease("mine", 3600), Lease("another's", 3600)


def begin(
    runs: Rebalances,
    count: int = 6,
    *,
    size: int = 3,
    lease: Lease = MINE,
    cash_flows: Mapping[str, Decimal] = NO_FLOWS,
) -> str:
    """A run of so many portfolios, in chunks of that size."""
    begun = rebalance(run_id=runs.new_id(), portfolio_count=count)
    started = replace(begun, summary=RebalanceSummary())
    order = RunOrder(started, (position(1),), 3600, BegunBy({"correlation_id": "c"}, {}))
    ids = [portfolio_id(number) for number in range(count)]
    return runs.begin(order, ids, lease, None, size, cash_flows=cash_flows).rebalance_id


def results(rebalance_id: str, *numbers: int) -> list[PortfolioRebalance]:
    """What becomes of portfolios by their numbers: no trade."""
    return [result(number, run_id=rebalance_id) for number in numbers]


def lent(chunks: Chunks, rebalance_id: str, place: int = 0, token: str = "token") -> ClaimedChunk:  # noqa: S107 - of an attempt
    """A chunk that an attempt has begun."""
    assert chunks.lend(rebalance_id, chunks.progress(rebalance_id, MINE).undone[place], token)
    claimed = chunks.claim(rebalance_id, token)
    assert claimed
    return claimed
