"""Reviews in a real database: as one step with their tally and their event, whoever writes beside them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure, WriteError

from ordergen_server.domain.errors import (
    AlreadySubmitted,
    ApprovalCannotCount,
    InvalidArgument,
    NotFound,
    PreconditionFailed,
    Violation,
)
from ordergen_server.domain.orders.events import EventType, RebalanceEvent
from ordergen_server.domain.orders.reviews import (
    ApprovalRule,
    Review,
    ReviewCounts,
    ReviewDecision,
    ReviewState,
)
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.review_tallies import ReviewTally
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.review_store.events import EventLog, Events
from ordergen_server.repositories.review_store.reviews import Reviews
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.services.reviewing import reviewer as reviewing
from tests.builders import NOW, RUN_ID, portfolio_id
from tests.integration.repositories.begun import begin
from tests.integration.repositories.ended import STARTER, ended, reviewer

APPROVED, REJECTED = ReviewDecision.APPROVED, ReviewDecision.REJECTED


def ids(*numbers: int) -> list[str]:
    return [portfolio_id(number) for number in numbers]


def told(database: Database, rebalance_id: str) -> tuple[RebalanceEvent, ...]:
    return Events(database, PageTokens(b"key of the tests")).find(rebalance_id, PageRequest(1000)).items


def found(database: Database, rebalance_id: str, *numbers: int) -> dict[str, Review]:
    return dict(Reviews(database).of(rebalance_id, ids(*numbers)))


def submit(database: Database, rebalance_id: str, number: int, state: str) -> None:
    database.collection("submitted_portfolios").insert_one(
        {"rebalance_id": rebalance_id, "portfolio_id": portfolio_id(number), "state": state}
    )


def check_tally(runs: Rebalances, database: Database, rebalance_id: str, count: int) -> None:
    """Fail unless the tally is that of all reviews, whatever the rule."""
    run = runs.get(rebalance_id)
    stored = found(database, rebalance_id, *range(count))
    trading = run.counts[PortfolioState.REBALANCED]
    for approvals in range(3):
        rule = ApprovalRule(approvals)
        states = [rule.state(stored.get(one, Review()), run.actor) for one in ids(*range(trading))]
        expected = ReviewCounts(*(states.count(state) for state in ReviewState))
        assert rule.counts(run.reviewed, trading) == expected


def test_named_portfolios_are_decided_with_their_event(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 4)
    ann = reviewer(runs, database, "ann")
    approved = ann.review(run, ids(2, 0), APPROVED, "As discussed")
    assert approved == runs.get(run)
    assert approved.reviewed == ReviewTally(approved_once=2)
    assert found(database, run, 0, 1, 2, 3) == dict.fromkeys(ids(0, 2), Review(("ann",)))
    assert told(database, run) == (
        RebalanceEvent(
            EventType.APPROVED,
            NOW,
            "ann",
            authenticated=False,
            comment="As discussed",
            portfolio_count=2,
            portfolio_ids=tuple(ids(2, 0)),
        ),
    )


def test_a_page_has_the_reviews_of_its_portfolios_alone(runs: Rebalances, database: Database) -> None:
    """And where the record of the run says that nobody has decided, none are looked for."""
    run = ended(runs, database, 4, idle=(2,))
    results = runs.find_portfolios(run, PageRequest(10), None).items
    before = runs.get(run)
    ann = reviewer(runs, database, "ann")
    ann.review(run, ids(1), APPROVED, "")
    shown = ann.reviewed(runs.get(run), results)
    assert {one: reviewed.state for one, reviewed in shown.items()} == {
        portfolio_id(0): ReviewState.PENDING,
        portfolio_id(1): ReviewState.APPROVED,
        portfolio_id(3): ReviewState.PENDING,
    }
    assert found(database, run, 0, 3) == {}
    assert {one.state for one in ann.reviewed(before, results).values()} == {ReviewState.PENDING}


def test_the_latest_decision_of_each_person_counts(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 2)
    ann, bob = reviewer(runs, database, "ann"), reviewer(runs, database, "bob")
    ann.review(run, ids(0), APPROVED, "")
    bob.review(run, ids(0), REJECTED, "Too early")
    assert found(database, run, 0) == {portfolio_id(0): Review(("ann",), ("bob",))}
    assert runs.get(run).reviewed == ReviewTally(rejected=1)
    bob.review(run, ids(0), APPROVED, "")
    assert found(database, run, 0) == {portfolio_id(0): Review(("ann", "bob"))}
    assert runs.get(run).reviewed == ReviewTally(approved_once=1, approved_twice=1)
    assert [one.type.value for one in told(database, run)] == ["APPROVED", "REJECTED", "APPROVED"]
    check_tally(runs, database, run, 2)


@pytest.mark.parametrize("approvals", [0, 1, 2])
def test_without_names_what_is_pending_is_decided(
    runs: Rebalances, database: Database, approvals: int
) -> None:
    run = ended(runs, database, 5, idle=[4])
    reviewer(runs, database, "ann").review(run, ids(0), APPROVED, "")
    reviewer(runs, database, "bob").review(run, ids(1), REJECTED, "")
    reviewer(runs, database, "cid", approvals).review(run, [], REJECTED, "")
    rejected = {one for one, review in found(database, run, *range(5)).items() if "cid" in review.rejected_by}
    assert rejected == set({0: [], 1: ids(2, 3), 2: ids(0, 2, 3)}[approvals])
    check_tally(runs, database, run, 5)


def test_a_repetition_changes_nothing_and_is_no_event(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 3)
    ann = reviewer(runs, database, "ann", 2)
    ann.review(run, ids(0, 1), APPROVED, "First")
    stored = list(database.collection("portfolio_reviews").find())
    header = database.collection("rebalances").find_one()
    ann.review(run, ids(0, 1), APPROVED, "Second")
    assert list(database.collection("portfolio_reviews").find()) == stored
    assert database.collection("rebalances").find_one() == header
    assert len(told(database, run)) == 1
    ann.review(run, [], APPROVED, "Third")
    assert [(one.comment, one.portfolio_ids) for one in told(database, run)] == [
        ("First", tuple(ids(0, 1))),
        ("Third", tuple(ids(2))),
    ]


class Died(Exception):
    """The server has died."""


def test_a_call_that_is_cut_short_is_finished_by_its_repetition(
    runs: Rebalances, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Portfolios in transactions of 3; the server dies in the third of them, with everything written."""
    monkeypatch.setattr(reviewing, "AT_ONCE", 3)
    run = ended(runs, database, 10)
    ann = reviewer(runs, database, "ann")
    extend, told_of = EventLog.extend, list[Sequence[str]]()

    def dying(log: EventLog, run: str, number: int, some: Sequence[str], session: ClientSession) -> None:
        extend(log, run, number, some, session)
        told_of.append(some)
        if len(told_of) == 2:
            raise Died

    monkeypatch.setattr(EventLog, "extend", dying)
    with pytest.raises(Died):
        ann.review(run, [], APPROVED, "All")
    assert len(found(database, run, *range(10))) == 6
    assert [one.portfolio_count for one in told(database, run)] == [6]
    check_tally(runs, database, run, 10)
    assert ann.review(run, [], APPROVED, "All").reviewed == ReviewTally(approved_once=10)
    assert [(one.portfolio_count, one.portfolio_ids) for one in told(database, run)] == [
        (6, tuple(ids(*range(6)))),
        (4, tuple(ids(*range(6, 10)))),
    ]


def test_what_is_decided_in_several_transactions_is_one_event(runs: Rebalances, database: Database) -> None:
    count = 3 * reviewing.AT_ONCE + 1
    run = ended(runs, database, count)
    reviewer(runs, database, "ann").review(run, [], APPROVED, "")
    (event,) = told(database, run)
    assert (event.portfolio_count, event.portfolio_ids) == (count, tuple(ids(*range(100))))
    assert runs.get(run).reviewed == ReviewTally(approved_once=count)


def test_two_who_decide_at_once_are_both_counted(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 40)
    people = [reviewer(runs, database, f"person {number}") for number in range(6)]
    decisions: Sequence[ReviewDecision] = [APPROVED, REJECTED]

    def decide(number: int, decision: ReviewDecision) -> None:
        people[number].review(run, ids(*range(number, 40, 2)), decision, "")

    with ThreadPoolExecutor(len(people)) as threads:
        list(threads.map(lambda one: decide(*one), product(range(len(people)), decisions)))
        list(threads.map(lambda number: decide(number, APPROVED), range(1, len(people))))
    check_tally(runs, database, run, 40)
    assert len(told(database, run)) >= 2 * len(people)
    numbers = [one["number"] for one in database.collection("rebalance_events").find().sort("number")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_decision_meets_a_submission_of_the_same_moment(runs: Rebalances, database: Database) -> None:
    """Whoever commits second finds that the review is not as they read it."""
    run = ended(runs, database, 2)
    reviews = database.collection("portfolio_reviews")
    with database.session() as session:
        for number in (0, 1):
            key = {"rebalance_id": run, "portfolio_id": portfolio_id(number)}
            session.start_transaction()
            reviews.find_one(key, session=session)
            reviewer(runs, database, "ann").review(run, ids(number), REJECTED, "")
            with pytest.raises(OperationFailure) as raised:
                reviews.update_one(key, {"$inc": {"version": 1}}, upsert=True, session=session)
            assert raised.value.code == 112  # a write conflict
            session.abort_transaction()


@pytest.mark.parametrize("decision", [APPROVED, REJECTED])
def test_what_was_written_down_to_be_sent_is_decided(
    runs: Rebalances, database: Database, decision: ReviewDecision
) -> None:
    run = ended(runs, database, 3)
    submit(database, run, 0, "SENT")
    submit(database, run, 1, "WAITING")
    ann = reviewer(runs, database, "ann")
    with pytest.raises(AlreadySubmitted) as raised:
        ann.review(run, ids(1, 0), decision, "")
    assert raised.value.metadata == {"rebalance_id": run, "portfolio_id": portfolio_id(0)}
    assert found(database, run, 0, 1, 2) == {}
    ann.review(run, [], decision, "")
    assert set(found(database, run, 0, 1, 2)) == set(ids(1, 2))
    check_tally(runs, database, run, 3)


def test_who_has_approved_what_was_sent_may_say_so_again(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 1)
    ann = reviewer(runs, database, "ann")
    ann.review(run, ids(0), APPROVED, "")
    submit(database, run, 0, "SENT")
    assert ann.review(run, ids(0), APPROVED, "").reviewed == ReviewTally(approved_once=1)


def test_who_began_a_run_is_none_of_two(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 1)
    starter = reviewer(runs, database, STARTER, 2)
    for named in (ids(0), []):
        with pytest.raises(ApprovalCannotCount) as raised:
            starter.review(run, named, APPROVED, "")
        assert raised.value.metadata.get("portfolio_id") == (portfolio_id(0) if named else None)
    assert starter.review(run, ids(0), REJECTED, "").reviewed == ReviewTally(rejected=1)
    assert reviewer(runs, database, STARTER, 1).review(run, ids(0), APPROVED, "").reviewed == ReviewTally(
        approved_once=1
    )
    check_tally(runs, database, run, 1)


def test_nobody_reviews_nothing(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 2, idle=[1])
    with pytest.raises(InvalidArgument) as unknown:
        reviewer(runs, database, "").review(run, [], APPROVED, "")
    assert [one.subject for one in unknown.value.violations] == ["x-actor"]
    ann = reviewer(runs, database, "ann")
    with pytest.raises(NotFound):
        ann.review(RUN_ID, [], APPROVED, "")
    with pytest.raises(NotFound):
        ann.review(run, ids(0, 7), APPROVED, "")
    with pytest.raises(PreconditionFailed) as idle:
        ann.review(run, ids(0, 1), APPROVED, "")
    (violation,) = idle.value.violations
    assert (violation.subject, violation.kind) == (portfolio_id(1), "NO_TRADES")
    assert found(database, run, 0, 1) == {}
    assert told(database, run) == ()


def test_a_run_that_goes_on_is_not_reviewed(runs: Rebalances, database: Database) -> None:
    run = begin(runs)
    with pytest.raises(PreconditionFailed) as raised:
        reviewer(runs, database, "ann").review(run, [], APPROVED, "")
    assert [one.kind for one in raised.value.violations] == ["RUNNING"]


def test_names_of_a_review_fit_a_message(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 1)
    for person in ("a" * 255, "b" * 255, "c" * 255, "d" * 135):
        reviewer(runs, database, person).review(run, ids(0), APPROVED, "")
    with pytest.raises(PreconditionFailed) as raised:
        reviewer(runs, database, "e").review(run, ids(0), APPROVED, "")
    assert [one.kind for one in raised.value.violations] == ["TOO_MANY_REVIEWERS"]
    # Who is there may change their mind.
    reviewer(runs, database, "d" * 135).review(run, ids(0), REJECTED, "")
    assert runs.get(run).reviewed == ReviewTally(rejected=1)


def test_a_run_of_one_portfolio_is_reviewed_like_any_other(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 1)
    assert reviewer(runs, database, "ann").review(run, [], APPROVED, "").reviewed.approved_once == 1
    assert set(found(database, run, 0)) == {portfolio_id(0)}


def test_reviews_go_with_their_run(runs: Rebalances, database: Database) -> None:
    kept, gone = ended(runs, database, 1), ended(runs, database, 600)
    for run in (kept, gone):
        reviewer(runs, database, "ann").review(run, [], APPROVED, "")
    runs.delete(gone, 1)
    assert database.collection("portfolio_reviews").distinct("rebalance_id") == [kept]
    assert [one.type for one in told(database, gone)] == [EventType.APPROVED]
    with pytest.raises(NotFound):
        reviewer(runs, database, "ann").review(gone, [], REJECTED, "")


def test_what_explains_orders_is_not_deleted(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 2)
    submit(database, run, 0, "WAITING")
    with pytest.raises(AlreadySubmitted) as raised:
        runs.delete(run, 1)
    rule = "has orders that were submitted: it is kept, for they are explained by it"
    assert raised.value.violations == (Violation(run, rule, "ALREADY_SUBMITTED"),)
    reviewer(runs, database, "ann").review(run, [], APPROVED, "")  # it is not marked as deleted, either


def test_nothing_happens_to_a_run_that_is_being_deleted(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 2)
    database.collection("rebalances").update_one({"_id": ObjectId(run)}, {"$set": {"deleting": True}})
    with pytest.raises(NotFound):
        reviewer(runs, database, "ann").review(run, [], APPROVED, "")
    runs.delete(run, 1)  # which was cut short, and is done again
    with pytest.raises(NotFound):
        runs.get(run)


def test_the_database_refuses_who_is_in_both_lists(runs: Rebalances, database: Database) -> None:
    run = ended(runs, database, 1)
    reviewer(runs, database, "ann").review(run, ids(0), APPROVED, "")
    reviews = database.collection("portfolio_reviews")
    with pytest.raises(WriteError):
        reviews.update_one({}, {"$set": {"rejected_by": ["ann"]}})
    assert reviews.update_one({}, {"$set": {"rejected_by": ["bob"]}}).modified_count == 1
