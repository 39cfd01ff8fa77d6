"""The portfolios of a run as far as it is, read one after the other."""

from collections.abc import Iterable, Iterator

from ordergen_client.client import Client
from ordergen_client.records.values import Rebalance, RebalanceEvent


def so_far(client: Client, run: Rebalance) -> Iterator[RebalanceEvent]:
    """The portfolios that a run has done by now; of one that has ended, all."""
    done = sum(run.counts.values())
    if done == 0:
        return
    seen = 0
    for event in client.runs.watch(run.rebalance_id):
        if event.portfolio:
            seen += 1
            yield event
        if seen == done:
            return


def counted(events: Iterable[RebalanceEvent], run: Rebalance, progress: object) -> Iterator[RebalanceEvent]:
    """The same events; `progress` is told how many there were."""
    for done, event in enumerate(events, 1):
        progress(done, run.portfolio_count)  # type: ignore[operator] # slow_progress's
        yield event
