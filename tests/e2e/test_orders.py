"""Orders are sent over the real port: approved, once, watched, withdrawn, cancelled, compared."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal

import pytest
from globeco.ordergen.v1 import model_pb2, order_pb2, rebalance_pb2
from google.rpc import error_details_pb2
from grpc import StatusCode

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e import orders, reviews
from tests.e2e.api import Api, failure, message_of, served
from tests.e2e.reviews import REJECTED, Person, events
from tests.waiting import eventually

pb = order_pb2
Served = Callable[[int], Api]
State = rebalance_pb2.PortfolioOrderState


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
    return api.create(message_of(siblings.model, portfolios=6))


def trading(api: Api, rebalance_id: str) -> list[str]:
    return sorted(reviews.listed(api, rebalance_id))


def states(api: Api, rebalance_id: str) -> Counter[str]:
    found = reviews.listed(api, rebalance_id).values()
    return Counter(State.Name(one.order_state).removeprefix("PORTFOLIO_ORDER_STATE_") for one in found)


def test_all_orders_of_a_run_are_sent_exactly_as_they_were_proposed(
    api: Api, ann: Person, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    run = ann.run(model.model_id)
    begun = orders.submit(ann, run.rebalance_id)
    assert (begun.state, begun.actor) == (pb.ORDER_SUBMISSION_STATE_RUNNING, "ann")
    ended = orders.ended(api, begun.submission_id)
    assert ended.state == pb.ORDER_SUBMISSION_STATE_COMPLETED
    assert ended.sent_count == ended.order_count == begun.order_count
    sent = orders.check_exactly_once(api, siblings, run.rebalance_id)
    proposed = {
        (portfolio_id, one.security_id, one.transaction_type, one.quantity)
        for portfolio_id in trading(api, run.rebalance_id)
        for one in api.portfolio(run.rebalance_id, portfolio_id).transactions
    }
    assert {
        (one.portfolio_id, one.security_id, one.transaction_type, one.quantity) for one in sent
    } == proposed
    assert len(sent) == len(proposed)
    assert states(api, run.rebalance_id) == {"SENT": begun.portfolio_count}
    portfolio_id = trading(api, run.rebalance_id)[0]
    assert (
        api.portfolio(run.rebalance_id, portfolio_id).order_state == rebalance_pb2.PORTFOLIO_ORDER_STATE_SENT
    )
    assert [one.type for one in events(api, run.rebalance_id)][-2:] == [
        pb.REBALANCE_EVENT_TYPE_SUBMITTED,
        pb.REBALANCE_EVENT_TYPE_SUBMISSION_FINISHED,
    ]


def test_a_stream_tells_everything_from_any_point(api: Api, ann: Person, model: model_pb2.Model) -> None:
    run = ann.run(model.model_id)
    begun = orders.submit(ann, run.rebalance_id)
    told = list(orders.watch(api, begun.submission_id))
    sequences = [one.sequence for one in told]
    assert sequences == sorted(set(sequences))
    assert (told[0].WhichOneof("event"), told[-1].WhichOneof("event")) == ("started", "finished")
    assert told[0].started == begun
    last = {one.order.order_id: one.order.state for one in told[1:-1]}
    assert (len(last), set(last.values())) == (begun.order_count, {pb.ORDER_STATE_SENT})
    assert told[-1].finished == orders.get(api, begun.submission_id)
    again = list(orders.watch(api, begun.submission_id, after=sequences[-1] - 1))
    assert [one.WhichOneof("event") for one in again] == ["finished"]
    assert list(orders.watch(api, begun.submission_id, after=sequences[-1])) == []
    refused = failure(lambda: next(orders.watch(api, begun.submission_id, after=sequences[-1] + 1)))
    assert (refused.code, refused.fields) == (StatusCode.INVALID_ARGUMENT, ["after_sequence"])


def test_a_portfolio_is_submitted_once_and_a_repeated_request_answers_the_first(
    api: Api, ann: Person, model: model_pb2.Model
) -> None:
    run = ann.run(model.model_id)
    first, second, *_ = trading(api, run.rebalance_id)
    request_id = str(uuid.uuid4())
    begun = orders.submit(ann, run.rebalance_id, [first], request_id=request_id)
    assert (
        orders.submit(ann, run.rebalance_id, [first], request_id=request_id).submission_id
        == begun.submission_id
    )
    taken = failure(lambda: orders.submit(ann, run.rebalance_id, [second, first]))
    assert (taken.code, taken.info.reason) == (StatusCode.FAILED_PRECONDITION, "ALREADY_SUBMITTED")
    assert taken.info.metadata["submission_id"] == begun.submission_id
    other = failure(lambda: orders.submit(ann, run.rebalance_id, [second], request_id=request_id))
    assert (other.code, other.fields) == (StatusCode.INVALID_ARGUMENT, ["request_id"])
    rest = orders.submit(ann, run.rebalance_id)
    assert rest.portfolio_count == len(trading(api, run.rebalance_id)) - 1
    nothing = failure(lambda: orders.submit(ann, run.rebalance_id))
    assert nothing.code == StatusCode.FAILED_PRECONDITION
    for one in (begun, rest):
        orders.ended(api, one.submission_id)


def test_two_who_submit_at_once_send_nothing_twice(
    api: Api, ann: Person, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    run = ann.run(model.model_id)

    def attempt(_: int) -> str:
        try:
            return orders.submit(ann, run.rebalance_id).submission_id
        except Exception as error:  # noqa: BLE001 - the code is what is looked at
            code = getattr(error, "code", None)
            assert code
            assert code() in (StatusCode.ABORTED, StatusCode.FAILED_PRECONDITION)
            return ""

    with ThreadPoolExecutor(4) as threads:
        begun = [one for one in threads.map(attempt, range(4)) if one]
    assert len(begun) == 1
    assert orders.ended(api, begun[0]).state == pb.ORDER_SUBMISSION_STATE_COMPLETED
    orders.check_exactly_once(api, siblings, run.rebalance_id)


@pytest.mark.parametrize("approvals", [1, 2])
def test_nothing_leaves_without_its_approvals(
    serve: Served, siblings: SimulatedSiblings, approvals: int
) -> None:
    api = serve(approvals)
    model = api.create(message_of(siblings.model, portfolios=6))
    ann, bob, eve = (Person(api, name) for name in ("ann", "bob", "eve"))
    run = ann.run(model.model_id)
    first, second, *_ = trading(api, run.rebalance_id)
    nothing = failure(lambda: orders.submit(ann, run.rebalance_id))
    assert nothing.code == StatusCode.FAILED_PRECONDITION
    for person in (bob, eve)[:approvals]:
        missing = failure(lambda: orders.submit(ann, run.rebalance_id, [first]))
        assert (missing.code, missing.info.reason) == (StatusCode.FAILED_PRECONDITION, "APPROVAL_MISSING")
        person.review(run.rebalance_id, portfolio_ids=[first, second])
    eve.review(run.rebalance_id, REJECTED, [second])
    begun = orders.submit(ann, run.rebalance_id)
    assert begun.portfolio_count == 1
    assert orders.ended(api, begun.submission_id).state == pb.ORDER_SUBMISSION_STATE_COMPLETED
    assert {one.portfolio_id for one in orders.check_exactly_once(api, siblings, run.rebalance_id)} == {first}


def test_an_approval_withdrawn_while_orders_are_sent_keeps_the_rest_back(
    serve: Served, siblings: SimulatedSiblings
) -> None:
    api = serve(1)
    model = api.create(message_of(siblings.model, portfolios=12))
    ann, bob = Person(api, "ann"), Person(api, "bob")
    run = ann.run(model.model_id)
    ann.review(run.rebalance_id)
    last = trading(api, run.rebalance_id)[-1]
    siblings.set_faults("order", [Fault(kind="delay", delay_seconds=1.0, endpoint="orders")])
    begun = orders.submit(ann, run.rebalance_id)
    assert begun.order_count > 100
    bob.review(run.rebalance_id, REJECTED, [last])
    ended = orders.ended(api, begun.submission_id)
    assert ended.state == pb.ORDER_SUBMISSION_STATE_COMPLETED_WITH_ERRORS
    found = orders.check_exactly_once(api, siblings, run.rebalance_id)
    kept_back = [one for one in found if one.state == pb.ORDER_STATE_NOT_SENT]
    assert {one.portfolio_id for one in kept_back} == {last}
    assert api.portfolio(run.rebalance_id, last).order_state == rebalance_pb2.PORTFOLIO_ORDER_STATE_NOT_SENT


def test_what_is_in_doubt_is_settled(
    api: Api, ann: Person, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    """Lost answers, orders without a place that come late or never, and all in another order."""
    run = ann.run(model.model_id)
    siblings.set_faults(
        "order",
        [
            Fault(kind="lose", endpoint="orders", times=1),
            Fault(kind="unplaced", endpoint="orders", positions=(0, 3), commit_seconds=0.4, times=2),
            Fault(kind="unplaced", endpoint="orders", positions=(1,), times=2),
            Fault(kind="reorder", endpoint="orders"),
        ],
    )
    begun = orders.submit(ann, run.rebalance_id)
    assert orders.ended(api, begun.submission_id).state == pb.ORDER_SUBMISSION_STATE_COMPLETED
    found = orders.check_exactly_once(api, siblings, run.rebalance_id)
    assert max(one.attempt_count for one in found) >= 2


def test_a_refused_order_is_told_with_its_message(
    api: Api, ann: Person, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    run = ann.run(model.model_id)
    refuse = Fault(kind="refuse", endpoint="orders", positions=(2,), body="Too fine a day", times=1)
    siblings.set_faults("order", [refuse])
    begun = orders.submit(ann, run.rebalance_id)
    ended = orders.ended(api, begun.submission_id)
    assert (ended.state, ended.refused_count) == (pb.ORDER_SUBMISSION_STATE_COMPLETED_WITH_ERRORS, 1)
    (refused,) = orders.listed(api, run.rebalance_id, pb.ORDER_STATE_REFUSED)
    assert "Too fine a day" in refused.error.message
    orders.check_exactly_once(api, siblings, run.rebalance_id)


def test_a_cancel_sends_nothing_more(
    api: Api, ann: Person, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    run = ann.run(model.model_id)
    siblings.set_faults("order", [Fault(kind="delay", delay_seconds=1.0, endpoint="orders")])
    begun = orders.submit(ann, run.rebalance_id)
    eventually(lambda: len(orders.listed(api, run.rebalance_id)) > 0)
    orders.cancel(api, begun.submission_id)
    ended = orders.ended(api, begun.submission_id)
    assert ended.state == pb.ORDER_SUBMISSION_STATE_CANCELLED
    assert ended.not_sent_count > 0
    assert ended.not_sent_count + ended.sent_count == ended.order_count
    orders.check_exactly_once(api, siblings, run.rebalance_id)
    types = [one.type for one in events(api, run.rebalance_id)]
    assert pb.REBALANCE_EVENT_TYPE_SUBMISSION_CANCELLED in types
    assert orders.cancel(api, begun.submission_id) == ended


def test_a_portfolio_that_moved_since_is_stale_and_told_with_numbers(
    api: Api, ann: Person, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    run = ann.run(model.model_id)
    moved = trading(api, run.rebalance_id)[0]
    held = {
        one.security_id: Decimal(one.original_quantity.value)
        for one in api.portfolio(run.rebalance_id, moved).positions
    }
    siblings.override_holdings(moved, Decimal("123.45"), {key: one for key, one in held.items() if one})
    begun = orders.submit(ann, run.rebalance_id)
    told = list(orders.watch(api, begun.submission_id))
    (stale,) = [one.stale_portfolio for one in told if one.WhichOneof("event") == "stale_portfolio"]
    assert stale.portfolio_id == moved
    info, failed = error_details_pb2.ErrorInfo(), error_details_pb2.PreconditionFailure()
    stale.error.details[0].Unpack(info)
    stale.error.details[1].Unpack(failed)
    assert info.reason == "STALE_PROPOSAL"
    assert [(one.subject, one.type) for one in failed.violations] == [("cash", "CASH_MOVED")]
    assert "123.45" in failed.violations[0].description
    ended = told[-1].finished
    assert (ended.state, ended.stale_portfolio_count) == (pb.ORDER_SUBMISSION_STATE_COMPLETED_WITH_ERRORS, 1)
    assert states(api, run.rebalance_id)["STALE"] == 1
    orders.check_exactly_once(api, siblings, run.rebalance_id)


def test_reconciliation_tells_what_differs(
    api: Api, ann: Person, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    run = ann.run(model.model_id)
    siblings.set_faults("order", [Fault(kind="duplicate", endpoint="orders", positions=(1,), times=1)])
    begun = orders.submit(ann, run.rebalance_id)
    orders.ended(api, begun.submission_id)
    found = orders.reconcile(api, run.rebalance_id)
    assert (found.compared_count, found.difference_count) == (begun.order_count, 1)
    (difference,) = found.differences
    assert difference.type == pb.ORDER_DIFFERENCE_TYPE_DUPLICATE
    assert len(difference.external_order_ids) == 2
    siblings.change_orders({difference.external_order_ids[1]: "DEL"})
    assert orders.reconcile(api, run.rebalance_id).difference_count == 0


def test_buys_wait_for_their_sells(
    api: Api, ann: Person, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    run = ann.run(model.model_id)
    begun = orders.submit(ann, run.rebalance_id, sells_first=True)

    def sells_sent() -> bool:
        begun_with = {one.portfolio_id for one in orders.listed(api, run.rebalance_id, pb.ORDER_STATE_SENT)}
        return begun_with == set(trading(api, run.rebalance_id))

    eventually(sells_sent)
    waiting = {
        key
        for key, one in reviews.listed(api, run.rebalance_id).items()
        if one.order_state == rebalance_pb2.PORTFOLIO_ORDER_STATE_WAITING
    }
    sells = orders.listed(api, run.rebalance_id)
    assert waiting
    assert {one.transaction_type for one in sells if one.portfolio_id in waiting} == {
        rebalance_pb2.TRANSACTION_TYPE_SELL
    }
    orders.cancel(api, begun.submission_id)
    assert orders.ended(api, begun.submission_id).state == pb.ORDER_SUBMISSION_STATE_CANCELLED
    orders.check_exactly_once(api, siblings, run.rebalance_id)


def test_without_an_order_service_nothing_is_sent_or_compared(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    with served(mongodb_uri, database_name, siblings, approvals=0) as api:
        model = api.create(message_of(siblings.model, portfolios=4))
        ann = Person(api, "ann")
        run = ann.run(model.model_id)
        for call in (
            lambda: orders.submit(ann, run.rebalance_id),
            lambda: orders.reconcile(api, run.rebalance_id),
        ):
            refused = failure(call)
            assert refused.code == StatusCode.FAILED_PRECONDITION
            assert refused.info.metadata["service"] == "order"
        assert orders.listed(api, run.rebalance_id) == []


def test_what_is_not_there_is_not_found(api: Api, ann: Person) -> None:
    unknown = "f" * 24
    for call in (
        lambda: orders.submit(ann, unknown),
        lambda: orders.get(api, unknown),
        lambda: orders.cancel(api, unknown),
        lambda: next(orders.watch(api, unknown)),
        lambda: orders.listed(api, unknown),
        lambda: orders.reconcile(api, unknown),
    ):
        assert failure(call).code == StatusCode.NOT_FOUND


def test_another_server_goes_on_where_one_stops(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    with (
        ExitStack() as first,
        served(mongodb_uri, database_name, siblings, approvals=0, with_orders=True) as other,
    ):
        api = first.enter_context(served(mongodb_uri, database_name, siblings, approvals=0, with_orders=True))
        model = api.create(message_of(siblings.model, portfolios=12))
        ann = Person(api, "ann")
        run = ann.run(model.model_id)
        siblings.set_faults("order", [Fault(kind="delay", delay_seconds=0.5, endpoint="orders")])
        begun = orders.submit(ann, run.rebalance_id)
        eventually(lambda: len(siblings.orders) > 0)
        first.close()
        assert orders.get(other, begun.submission_id).state == pb.ORDER_SUBMISSION_STATE_RUNNING
        assert orders.ended(other, begun.submission_id).state == pb.ORDER_SUBMISSION_STATE_COMPLETED
        orders.check_exactly_once(other, siblings, run.rebalance_id)


def test_a_named_portfolio_must_propose_trades(api: Api, ann: Person, model: model_pb2.Model) -> None:
    run = ann.run(model.model_id)
    missing = failure(lambda: orders.submit(ann, run.rebalance_id, ["9" * 24]))
    assert missing.code == StatusCode.NOT_FOUND
    twice = failure(lambda: orders.submit(ann, run.rebalance_id, [trading(api, run.rebalance_id)[0]] * 2))
    assert twice.code == StatusCode.INVALID_ARGUMENT


def test_two_runs_of_the_same_portfolios_do_not_trade_twice(
    api: Api, ann: Person, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    """Both proposed before either was sent: the second finds the orders of the first open."""
    first, second = ann.run(model.model_id), ann.run(model.model_id)
    assert trading(api, first.rebalance_id) == trading(api, second.rebalance_id)
    assert orders.ended(api, orders.submit(ann, first.rebalance_id).submission_id).stale_portfolio_count == 0
    ended = orders.ended(api, orders.submit(ann, second.rebalance_id).submission_id)
    assert ended.stale_portfolio_count == ended.portfolio_count
    assert ended.not_sent_count == ended.order_count
    orders.check_exactly_once(api, siblings, first.rebalance_id)
