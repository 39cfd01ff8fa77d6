"""Runs are reviewed over the real port: by one, by two, by nobody; and what was done is told for good."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from bson import ObjectId
from globeco.ordergen.v1 import model_pb2, order_pb2, rebalance_pb2, rebalance_service_pb2
from grpc import StatusCode

from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, failure, message_of, served
from tests.e2e.reviews import APPROVED, REJECTED, Person, counts, events, listed
from tests.e2e.runs import start, watched
from tests.limits import PATIENCE
from tests.waiting import eventually

pb, rs = order_pb2, rebalance_service_pb2
State = rebalance_pb2.ReviewState
Served = Callable[[int], Api]


@pytest.fixture
def serve(mongodb_uri: str, database_name: str, siblings: SimulatedSiblings) -> Iterator[Served]:
    """Starts servers of one database that want so many approvals."""
    with ExitStack() as stack:
        yield lambda approvals: stack.enter_context(
            served(mongodb_uri, database_name, siblings, approvals=approvals)
        )


@pytest.fixture
def api(serve: Served) -> Api:
    """One that wants one."""
    return serve(1)


@pytest.fixture
def model(api: Api, siblings: SimulatedSiblings) -> model_pb2.Model:
    return api.create(message_of(siblings.model, portfolios=4))


def states(api: Api, rebalance_id: str) -> set[str]:
    return {State.Name(one.review.state) for one in listed(api, rebalance_id).values()}


def test_one_approval_is_enough(api: Api, model: model_pb2.Model) -> None:
    ann = Person(api, "ann")
    run = ann.run(model.model_id)
    trading = run.rebalanced_count
    assert trading >= 2
    assert counts(run) == (trading, 0, 0)
    assert states(api, run.rebalance_id) == {"REVIEW_STATE_PENDING"}
    first = min(listed(api, run.rebalance_id))
    assert counts(ann.review(run.rebalance_id, APPROVED, [first], "Only this")) == (trading - 1, 1, 0)
    review = api.portfolio(run.rebalance_id, first).review
    assert (review.state, list(review.approved_by)) == (rebalance_pb2.REVIEW_STATE_APPROVED, ["ann"])
    assert listed(api, run.rebalance_id)[first].review == review
    assert counts(ann.review(run.rebalance_id)) == (0, trading, 0)
    assert counts(Person(api, "bob").review(run.rebalance_id, REJECTED, [first])) == (0, trading - 1, 1)
    assert counts(api.run(run.rebalance_id)) == (0, trading - 1, 1)
    page = api.rebalances.ListRebalances(rs.ListRebalancesRequest(), timeout=PATIENCE)
    assert list(page.rebalances) == [api.run(run.rebalance_id)]


def test_none_is_needed_where_none_is_asked_for(serve: Served, siblings: SimulatedSiblings) -> None:
    api = serve(0)
    model = api.create(message_of(siblings.model, portfolios=4))
    ann = Person(api, "ann")
    run = ann.run(model.model_id)
    trading = run.rebalanced_count
    assert counts(run) == (0, trading, 0)
    assert states(api, run.rebalance_id) == {"REVIEW_STATE_APPROVED"}
    assert counts(ann.review(run.rebalance_id)) == (0, trading, 0)  # nothing is pending
    first = min(listed(api, run.rebalance_id))
    assert counts(ann.review(run.rebalance_id, REJECTED, [first])) == (0, trading - 1, 1)
    assert [one.type for one in events(api, run.rebalance_id)] == [
        pb.REBALANCE_EVENT_TYPE_STARTED,
        pb.REBALANCE_EVENT_TYPE_REJECTED,
    ]


def test_two_others_must_approve(serve: Served, siblings: SimulatedSiblings) -> None:
    api = serve(2)
    model = api.create(message_of(siblings.model, portfolios=4))
    ann, bob, cid = (Person(api, name) for name in ("ann", "bob", "cid"))
    run = ann.run(model.model_id)
    trading, rebalance_id = run.rebalanced_count, run.rebalance_id
    own = failure(lambda: ann.review(rebalance_id))
    assert (own.code, own.info.reason) == (StatusCode.FAILED_PRECONDITION, "APPROVAL_CANNOT_COUNT")
    assert counts(bob.review(rebalance_id)) == (trading, 0, 0)
    assert counts(bob.review(rebalance_id)) == (trading, 0, 0)  # who says it twice is one person
    assert counts(cid.review(rebalance_id)) == (0, trading, 0)
    (one, *_) = listed(api, rebalance_id).values()
    assert list(one.review.approved_by) == ["bob", "cid"]
    assert counts(ann.review(rebalance_id, REJECTED, [one.portfolio_id])) == (0, trading - 1, 1)
    assert [event.actor for event in events(api, rebalance_id)] == ["ann", "bob", "cid", "ann"]


def test_another_setting_decides_anew_of_what_people_said(
    serve: Served, api: Api, model: model_pb2.Model
) -> None:
    run = Person(api, "ann").run(model.model_id)
    Person(api, "bob").review(run.rebalance_id)
    trading = run.rebalanced_count
    assert counts(api.run(run.rebalance_id)) == (0, trading, 0)
    second = serve(2)
    assert counts(second.run(run.rebalance_id)) == (trading, 0, 0)
    assert states(second, run.rebalance_id) == {"REVIEW_STATE_PENDING"}


def test_what_was_done_is_told_with_who_and_when(api: Api, model: model_pb2.Model) -> None:
    run = Person(api, "ann").run(model.model_id)
    Person(api, "bob").review(run.rebalance_id, APPROVED, (), "Fine\nby me")
    started, approved = events(api, run.rebalance_id)
    assert (started.type, started.actor, started.authenticated, started.portfolio_count) == (
        pb.REBALANCE_EVENT_TYPE_STARTED,
        "ann",
        False,
        4,
    )
    assert started.event_time == run.create_time
    assert sorted(started.portfolio_ids) == sorted(model.portfolio_ids)
    assert (approved.type, approved.actor, approved.comment, approved.portfolio_count) == (
        pb.REBALANCE_EVENT_TYPE_APPROVED,
        "bob",
        "Fine\nby me",
        run.rebalanced_count,
    )
    assert approved.event_time.ToNanoseconds() >= started.event_time.ToNanoseconds()
    assert set(approved.portfolio_ids) == set(listed(api, run.rebalance_id))
    delete = rs.DeleteRebalanceRequest(rebalance_id=run.rebalance_id, version=run.version)
    api.rebalances.DeleteRebalance(delete, timeout=PATIENCE)
    assert events(api, run.rebalance_id) == [started, approved]


def test_who_cancels_is_told(api: Api, model: model_pb2.Model, siblings: SimulatedSiblings) -> None:
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.5)])
    run = start(api, model.model_id)
    early = failure(lambda: Person(api, "ann").review(run.rebalance_id))
    assert early.code is StatusCode.FAILED_PRECONDITION
    assert not api.run(run.rebalance_id).HasField("review_counts")
    request = rs.CancelRebalanceRequest(rebalance_id=run.rebalance_id)
    for name in ("bob", "cid"):
        api.rebalances.CancelRebalance(request, timeout=PATIENCE, metadata=(("x-actor", name),))
    assert [(one.type, one.actor) for one in events(api, run.rebalance_id)] == [
        (pb.REBALANCE_EVENT_TYPE_STARTED, ""),
        (pb.REBALANCE_EVENT_TYPE_CANCELLED, "bob"),
    ]


def test_who_leaves_the_stream_of_their_run_cancels_it(
    api: Api, model: model_pb2.Model, siblings: SimulatedSiblings
) -> None:
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.5)])
    request = rs.RebalanceModelRequest(model_id=model.model_id)
    stream = api.rebalances.RebalanceModel(request, timeout=PATIENCE, metadata=Person(api, "ann").metadata)
    rebalance_id = next(iter(stream)).started.rebalance_id
    stream.cancel()
    assert eventually(lambda: len(events(api, rebalance_id)) == 2)
    assert [(one.type, one.actor) for one in events(api, rebalance_id)] == [
        (pb.REBALANCE_EVENT_TYPE_STARTED, "ann"),
        (pb.REBALANCE_EVENT_TYPE_CANCELLED, "ann"),
    ]


def test_somebody_must_decide(api: Api, model: model_pb2.Model) -> None:
    run = Person(api, "").run(model.model_id)
    nobody = failure(lambda: Person(api, "").review(run.rebalance_id))
    assert (nobody.code, nobody.fields) == (StatusCode.INVALID_ARGUMENT, ["x-actor"])
    assert "must be 1 to 255 printable characters" in nobody.message
    long = failure(lambda: Person(api, "x" * 256).review(run.rebalance_id))
    assert (long.code, long.fields) == (StatusCode.INVALID_ARGUMENT, ["x-actor"])
    assert counts(Person(api, "x" * 255).review(run.rebalance_id)) == (0, run.rebalanced_count, 0)


def test_a_review_is_in_no_stream(api: Api, model: model_pb2.Model) -> None:
    run = Person(api, "ann").run(model.model_id)
    Person(api, "ann").review(run.rebalance_id)
    for event in watched(api, run.rebalance_id):
        assert not event.portfolio.HasField("review")
    assert watched(api, run.rebalance_id)[-1].finished == api.run(run.rebalance_id)


def test_there_is_no_review_while_a_run_goes_on(api: Api, model: model_pb2.Model, database: Database) -> None:
    run = Person(api, "ann").run(model.model_id)
    assert all(one.HasField("review") for one in listed(api, run.rebalance_id).values())
    going_on = {"$set": {"state": "RUNNING"}}
    database.collection("rebalances").update_one({"_id": ObjectId(run.rebalance_id)}, going_on)
    results = api.rebalances.ListPortfolioRebalances(
        rs.ListPortfolioRebalancesRequest(rebalance_id=run.rebalance_id), timeout=PATIENCE
    ).portfolio_rebalances
    assert len(results) == 4
    assert not any(one.HasField("review") for one in results)


def test_a_portfolio_that_is_rebalanced_alone_is_reviewed_alike(api: Api, model: model_pb2.Model) -> None:
    answer = api.rebalance(model.portfolio_ids[0])
    assert answer.review.state == rebalance_pb2.REVIEW_STATE_PENDING
    assert answer == api.portfolio(answer.rebalance_id, answer.portfolio_id)
    assert counts(Person(api, "ann").review(answer.rebalance_id)) == (0, 1, 0)
    repeatable = rs.RebalancePortfolioRequest(
        portfolio_id=model.portfolio_ids[1], request_id="16fd2706-8baf-433b-82eb-8c7fada847da"
    )
    first = api.rebalances.RebalancePortfolio(repeatable, timeout=PATIENCE)
    assert first.review.state == rebalance_pb2.REVIEW_STATE_PENDING
    Person(api, "ann").review(first.rebalance_id)
    again = api.rebalances.RebalancePortfolio(repeatable, timeout=PATIENCE)
    assert (again.rebalance_id, list(again.review.approved_by)) == (first.rebalance_id, ["ann"])
    request = rs.RebalancePortfolioRequest(portfolio_id=answer.portfolio_id, validate_only=True)
    preview = api.rebalances.RebalancePortfolio(request, timeout=PATIENCE)
    assert not preview.HasField("review")
