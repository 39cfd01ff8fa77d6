"""Orders of a run over the real port, and what the order service has of them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

from globeco.ordergen.v1 import order_pb2, rebalance_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api
from tests.e2e.reviews import Person
from tests.limits import PATIENCE

pb = order_pb2
_SIDES = {rebalance_pb2.TRANSACTION_TYPE_BUY: "BUY", rebalance_pb2.TRANSACTION_TYPE_SELL: "SELL"}
#: An order by portfolio, security, side and quantity.
Key = tuple[str, str, str, Decimal]


def submit(
    person: Person,
    rebalance_id: str,
    portfolio_ids: Sequence[str] = (),
    *,
    sells_first: bool = False,
    request_id: str = "",
) -> pb.OrderSubmission:
    """Submit portfolios of a run, or all that may be."""
    request = pb.SubmitOrdersRequest(
        rebalance_id=rebalance_id,
        portfolio_ids=portfolio_ids,
        sells_first=sells_first,
        request_id=request_id,
    )
    return person.api.rebalances.SubmitOrders(request, timeout=PATIENCE, metadata=person.metadata)


def watch(api: Api, submission_id: str, after: int = 0) -> Iterator[pb.WatchOrderSubmissionResponse]:
    """Every message of a submission from a point on."""
    request = pb.WatchOrderSubmissionRequest(submission_id=submission_id, after_sequence=after)
    return iter(api.rebalances.WatchOrderSubmission(request, timeout=PATIENCE))


def ended(api: Api, submission_id: str) -> pb.OrderSubmission:
    """A submission, once it has ended."""
    *_, last = watch(api, submission_id)
    assert last.WhichOneof("event") == "finished"
    return last.finished


def get(api: Api, submission_id: str) -> pb.OrderSubmission:
    request = pb.GetOrderSubmissionRequest(submission_id=submission_id)
    return api.rebalances.GetOrderSubmission(request, timeout=PATIENCE)


def cancel(api: Api, submission_id: str) -> pb.OrderSubmission:
    request = pb.CancelOrderSubmissionRequest(submission_id=submission_id)
    return api.rebalances.CancelOrderSubmission(request, timeout=PATIENCE)


def listed(
    api: Api,
    rebalance_id: str,
    state: pb.OrderState.ValueType = pb.ORDER_STATE_UNSPECIFIED,
    portfolio_id: str = "",
) -> list[pb.Order]:
    """All orders of a run, page by page."""
    request = pb.ListOrdersRequest(
        rebalance_id=rebalance_id, state=state, portfolio_id=portfolio_id, page_size=100
    )
    found: list[pb.Order] = []
    while True:
        page = api.rebalances.ListOrders(request, timeout=PATIENCE)
        found += page.orders
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


def reconcile(api: Api, rebalance_id: str) -> pb.ReconcileOrdersResponse:
    request = pb.ReconcileOrdersRequest(rebalance_id=rebalance_id)
    return api.rebalances.ReconcileOrders(request, timeout=PATIENCE)


def key_of(order: pb.Order) -> Key:
    return order.portfolio_id, order.security_id, _SIDES[order.transaction_type], Decimal(order.quantity)


def there(siblings: SimulatedSiblings) -> Counter[Key]:
    """How often the order service has each order."""
    return Counter(
        (
            one["portfolio"]["portfolioId"],
            one["security"]["securityId"],
            one["orderType"]["abbreviation"],
            Decimal(one["quantity"]),
        )
        for one in siblings.orders
    )


def check_exactly_once(api: Api, siblings: SimulatedSiblings, rebalance_id: str) -> list[pb.Order]:
    """What is SENT is there once, under its id; nothing else is there, and nothing is in doubt."""
    orders = listed(api, rebalance_id)
    sent = [one for one in orders if one.state == pb.ORDER_STATE_SENT]
    assert there(siblings) == Counter(map(key_of, sent))
    ids = {one["id"]: one for one in siblings.orders}
    assert {one.external_order_id for one in sent} == set(ids)
    assert not [one for one in orders if one.state in (pb.ORDER_STATE_SENDING, pb.ORDER_STATE_IN_DOUBT)]
    compared = reconcile(api, rebalance_id)
    assert (compared.difference_count, list(compared.differences)) == (0, [])
    return orders
