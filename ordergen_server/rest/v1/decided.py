"""What was approved and sent of a run, read for its report."""

from typing import TypeVar

from globeco.ordergen.v1 import rebalance_pb2

from ordergen_client.calls import run_orders, runs
from ordergen_client.calls.call import Pages
from ordergen_client.records import messages
from ordergen_client.report.decided import NOTHING, Decided, decided_of, is_decided
from ordergen_server.rest.api import Api

Item = TypeVar("Item")
_PAGE = 1_000


async def decided_for(api: Api, run: rebalance_pb2.Rebalance) -> Decided:
    """What was decided of a run that has ended; no more than its history is read where that was nothing."""
    if not run.HasField("review_counts"):
        return NOTHING
    its_id = run.rebalance_id
    actions = await _read(api, run_orders.history(its_id, page_size=_PAGE))
    if not is_decided(actions):
        return NOTHING
    portfolios = await _read(api, runs.portfolios(its_id, page_size=_PAGE))
    orders = await _read(api, run_orders.orders(its_id, page_size=_PAGE))
    return decided_of(messages.rebalance(run), actions, portfolios, orders)


async def _read(api: Api, pages: Pages[Item]) -> list[Item]:
    """Every page of a list."""
    found: list[Item] = []
    while True:
        page = await api.call(getattr(api.rebalances, pages.method), pages.request)
        found.extend(pages.read(page))
        if not page.next_page_token:
            return found
        pages.request.page_token = page.next_page_token
