"""Results stored and told in a database as a worker and whoever holds the run do it."""

from collections.abc import Sequence

from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.stores import Lease
from ordergen_server.repositories.run_store.chunks import Chunks


def store(chunks: Chunks, results: Sequence[PortfolioRebalance], lease: Lease) -> int:
    """Store results of portfolios that are in one chunk that nobody has begun; the sequence of the run."""
    rebalance_id = results[0].rebalance_id
    ids = {one.portfolio_id for one in results}
    progress = chunks.progress(rebalance_id, lease)
    for number, chunk in enumerate(progress.undone):
        task = ChunkTask(rebalance_id, f"attempt {number} of {lease.token}")
        assert chunks.lend(rebalance_id, chunk, task.token)
        claimed = chunks.claim(rebalance_id, task.token)
        assert claimed
        is_theirs = ids & set(claimed.portfolio_ids)
        if is_theirs:
            assert chunks.storing(task, claimed, results)()
        if not is_theirs or len(results) < len(claimed.portfolio_ids):
            chunks.recall(rebalance_id, [task.token])
        chunks.leave(task.token)
        if is_theirs:
            break
    return progress.sequence


def append(chunks: Chunks, results: Sequence[PortfolioRebalance], lease: Lease) -> bool:
    """Store results and tell them; is the run to be cancelled?"""
    rebalance_id = results[0].rebalance_id
    sequence = store(chunks, results, lease)
    cancelled = False
    for done in chunks.ready(rebalance_id):
        cancelled = chunks.publish(rebalance_id, done, sequence, lease)
        sequence += done.count
    return cancelled
