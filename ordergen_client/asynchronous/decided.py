"""What was decided and sent of a run, read for its page and its workbook."""

from ordergen_client.asynchronous.orders import AsyncRunOrders
from ordergen_client.records.values import Rebalance
from ordergen_client.report.decided import NOTHING, PAGE, Decided, decided_of, is_decided


async def read_decided(run: AsyncRunOrders, found: Rebalance) -> Decided:
    """What was decided of a run so far; of one that goes on, and of an older server, there is nothing."""
    if found.review_counts is None:
        return NOTHING
    actions = [one async for one in run.history(page_size=PAGE)]
    if not is_decided(actions):
        return NOTHING
    portfolios = [one async for one in run.portfolios(page_size=PAGE)]
    return decided_of(found, actions, portfolios, [one async for one in run.orders(page_size=PAGE)])
