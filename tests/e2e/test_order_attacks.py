"""What somebody tries who wants orders twice, lost, or sent without a right to."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2, order_pb2

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e import orders
from tests.e2e.api import Api, message_of, served
from tests.e2e.reviews import Person

pb = order_pb2
Served = Callable[[int], Api]


@pytest.fixture
def serve(mongodb_uri: str, database_name: str, siblings: SimulatedSiblings) -> Iterator[Served]:
    """Starts servers of one database, with an order service, that want so many approvals."""
    with ExitStack() as stack:
        yield lambda approvals: stack.enter_context(
            served(mongodb_uri, database_name, siblings, approvals=approvals, with_orders=True)
        )


@pytest.fixture
def api(serve: Served) -> Api:
    """One that wants none."""
    return serve(0)


@pytest.fixture
def ann(api: Api) -> Person:
    return Person(api, "ann")


@pytest.fixture
def model(api: Api, siblings: SimulatedSiblings) -> model_pb2.Model:
    return api.create(message_of(siblings.model, portfolios=2))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="delay", endpoint="orders", delay_seconds=1.0),
        Fault(kind="status", endpoint="orders", times=1),
    ],
    ids=["under way", "in doubt"],
)
def test_two_runs_of_the_same_portfolios_submitted_at_one_moment_do_not_trade_twice(
    serve: Served, api: Api, siblings: SimulatedSiblings, model: model_pb2.Model, fault: Fault
) -> None:
    """The second, on another server, looks while the orders of the first are nowhere to be seen."""
    people = [Person(api, "ann"), Person(serve(0), "bob")]
    runs = [one.run(model.model_id).rebalance_id for one in people]
    siblings.set_faults("order", [fault])
    begun = [orders.submit(one, run) for one, run in zip(people, runs, strict=True)]
    ended = [orders.ended(api, one.submission_id) for one in begun]
    assert set(orders.there(siblings).values()) == {1}
    assert sum(one.sent_count for one in ended) == len(siblings.orders)
    assert sum(one.stale_portfolio_count for one in ended) == 2


@pytest.mark.parametrize("others", ["the same", "another"])
def test_one_request_by_several_at_once_is_one_submission(
    ann: Person, model: model_pb2.Model, others: str
) -> None:
    """Whoever comes second finds the portfolios taken: by the same request, which is answered for."""
    run, request_id = ann.run(model.model_id).rebalance_id, str(uuid.uuid4())
    bodies = [list(model.portfolio_ids)] * 6
    if others == "another":
        bodies[::2] = [[model.portfolio_ids[0]]] * 3

    def attempt(portfolio_ids: list[str]) -> tuple[str, str]:
        try:
            begun = orders.submit(ann, run, portfolio_ids, request_id=request_id)
        except grpc.RpcError as error:
            return error.code().name, str(portfolio_ids)
        return begun.submission_id, str(portfolio_ids)

    with ThreadPoolExecutor(6) as threads:
        answers = set(threads.map(attempt, bodies))
    refused = {one for one in answers if one[0] == "INVALID_ARGUMENT"}
    assert len(refused) == (others == "another")
    assert len(answers - refused) == 1
    assert {len(one) for one, _ in answers - refused} == {24}
