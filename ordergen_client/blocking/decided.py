"""What was decided and sent of a run, read for its page and its workbook."""

from ordergen_client.blocking.orders import RunOrders
from ordergen_client.records.values import Rebalance
from ordergen_client.report.decided import NOTHING, PAGE, Decided, decided_of


def read_decided(run: RunOrders, found: Rebalance) -> Decided:
    """What was decided of a run so far; of one that goes on, and of an older server, there is nothing."""
    if found.review_counts is None:
        return NOTHING
    actions, orders = run.history(page_size=PAGE), run.orders(page_size=PAGE)
    return decided_of(found, actions, run.portfolios(page_size=PAGE), orders)
