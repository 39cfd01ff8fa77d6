"""Submissions in a real database: claimed once, fenced by their leases, and each change one step."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from ordergen_server.domain.errors import (
    Aborted,
    AlreadySubmitted,
    ApprovalMissing,
    InvalidArgument,
    NotFound,
    PreconditionFailed,
)
from ordergen_server.domain.orders.events import EventType
from ordergen_server.domain.orders.order_store import Candidates, MarkTaken, NotApproved, SubmissionOrder
from ordergen_server.domain.orders.orders import Order, OrderState, doubted, taken
from ordergen_server.domain.orders.reviews import ApprovalRule, ReviewDecision
from ordergen_server.domain.orders.submissions import (
    Approvals,
    Changes,
    Left,
    OrderBatch,
    OrderSubmission,
    PortfolioOrderState,
    SubmissionState,
)
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.stores import BegunBy, Lease, LeaseLost, Request
from ordergen_server.domain.subjects import Subject
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.order_store.submissions import Submissions
from ordergen_server.repositories.review_store.events import Events
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests.builders import NOW, portfolio_id, security_id
from tests.integration.repositories.ended import STARTER, ended, reviewer
from tests.order_service_model import DOWN

MINE, OTHERS = Lease("mine", 3600), Lease("another's", 3600)
REQUEST = Request("16fd2706-8baf-433b-82eb-8c7fada847da", "body")
NOBODY_NEEDED, ONE_NEEDED = Approvals(ApprovalRule(0), STARTER), Approvals(ApprovalRule(1), STARTER)
KEY = PageTokens(b"key of the tests")


@pytest.fixture
def store(runs: Rebalances, database: Database) -> Submissions:
    del runs  # it has migrated
    return Submissions(database, KEY)


@pytest.fixture
def run(runs: Rebalances, database: Database) -> str:
    return ended(runs, database, 4)


def submit(
    store: Submissions,
    run: str,
    *numbers: int,
    named: bool = True,
    approvals: Approvals = NOBODY_NEEDED,
    lease: Lease = MINE,
    request: Request | None = None,
    orders: int = 2,
) -> OrderSubmission:
    counts = {portfolio_id(number): orders for number in numbers}
    new = OrderSubmission(store.new_id(), run, SubmissionState.RUNNING, NOW, 0, 0, actor="someone")
    order = SubmissionOrder(new, BegunBy({"correlation_id": "c"}, {}))
    return store.submit(order, Candidates(counts, named, approvals), lease, request)


def batch_of(store: Submissions, submission: OrderSubmission, mark: int) -> OrderBatch:
    return OrderBatch(store.new_id(), submission.submission_id, submission.rebalance_id, mark)


def order_of(store: Submissions, batch: OrderBatch, number: int, security: int = 0) -> Order:
    return Order(
        order_id=store.new_id(),
        rebalance_id=batch.rebalance_id,
        submission_id=batch.submission_id,
        portfolio_id=portfolio_id(number),
        security_id=security_id(security),
        ticker=f"T{security}",
        side=Side.BUY,
        quantity=3,
        state=OrderState.SENDING,
        batch_id=batch.batch_id,
        mark=batch.mark,
        attempt_count=1,
    )


def write_down(
    store: Submissions,
    submission: OrderSubmission,
    number: int = 0,
    *,
    mark: int = 1,
    lease: Lease = MINE,
    approvals: Approvals | None = None,
) -> tuple[OrderBatch, Order]:
    """Write one order of a portfolio down, as what is sent next."""
    batch = batch_of(store, submission, mark)
    order = order_of(store, batch, number)
    batch = replace(batch.standing([order]), attempting=True)
    portfolios = store.portfolios(submission.rebalance_id, [portfolio_id(number)])
    changes = Changes(
        orders=((None, order),),
        portfolios=tuple(replace(one, left=Left.NOTHING).standing([order.state]) for one in portfolios),
        new_batches=(batch,),
        approvals=approvals and replace(approvals, portfolio_ids=(portfolio_id(number),)),
    )
    store.write(submission.submission_id, lease, changes)
    return batch, order


def kinds(database: Database, run: str) -> list[EventType]:
    return [one.type for one in Events(database, KEY).find(run, PageRequest()).items]


def test_a_submission_claims_its_portfolios_and_is_an_event(
    store: Submissions, run: str, database: Database
) -> None:
    begun = submit(store, run, 0, 2, orders=3)
    assert (begun.portfolio_count, begun.order_count, begun.sequence) == (2, 6, 1)
    assert store.get(begun.submission_id) == begun
    left = store.portfolios_left(begun.submission_id, Left.ALL, 10)
    assert [(one.portfolio_id, one.place, one.order_count) for one in left] == [
        (portfolio_id(0), 0, 3),
        (portfolio_id(2), 1, 3),
    ]
    states = store.portfolio_states(run, [portfolio_id(number) for number in range(4)])
    assert states == dict.fromkeys([portfolio_id(0), portfolio_id(2)], PortfolioOrderState.WAITING)
    assert store.portfolio_states(run, [portfolio_id(1), portfolio_id(3)]) == {}
    assert store.portfolio_states(run, []) == {}
    (event,) = [one for one in Events(database, KEY).find(run, PageRequest()).items if one.submission_id]
    assert (event.type, event.actor, event.portfolio_count) == (EventType.SUBMITTED, "someone", 2)


def test_a_named_portfolio_is_submitted_once_and_others_are_left(store: Submissions, run: str) -> None:
    first = submit(store, run, 1)
    with pytest.raises(AlreadySubmitted) as raised:
        submit(store, run, 0, 1, lease=OTHERS)
    assert raised.value.metadata["submission_id"] == first.submission_id
    rest = submit(store, run, 0, 1, 2, 3, named=False, lease=OTHERS)
    assert rest.portfolio_count == 3
    with pytest.raises(PreconditionFailed) as nothing:
        submit(store, run, 0, 1, 2, 3, named=False, lease=Lease("third", 10))
    assert nothing.value.violations[0].kind == "NOTHING_TO_SUBMIT"


def test_the_same_request_answers_its_submission_and_another_is_refused(store: Submissions, run: str) -> None:
    first = submit(store, run, 0, request=REQUEST)
    assert store.first_of(REQUEST) == first
    with pytest.raises(InvalidArgument):
        store.first_of(Request(REQUEST.request_id, "another body"))
    assert submit(store, run, 1, request=REQUEST, lease=OTHERS) == first


def test_only_approved_portfolios_are_submitted(
    store: Submissions, run: str, runs: Rebalances, database: Database
) -> None:
    someone = reviewer(runs, database, "someone")
    someone.review(run, [portfolio_id(0)], ReviewDecision.APPROVED, "")
    with pytest.raises(ApprovalMissing) as raised:
        submit(store, run, 0, 1, approvals=ONE_NEEDED)
    assert [one.subject for one in raised.value.violations] == [portfolio_id(1)]
    begun = submit(store, run, 0, 1, 2, 3, named=False, approvals=ONE_NEEDED)
    assert begun.portfolio_count == 1


def test_submissions_at_the_same_time_share_no_portfolio(store: Submissions, run: str) -> None:
    def attempt(number: int) -> int:
        try:
            found = submit(store, run, 0, 1, 2, 3, named=number % 2 == 0, lease=Lease(f"token {number}", 60))
        except (Aborted, PreconditionFailed):
            return 0
        return found.portfolio_count

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(16))) == 4


def test_a_run_with_a_submission_is_not_deleted(store: Submissions, run: str, runs: Rebalances) -> None:
    submit(store, run, 0)
    with pytest.raises(AlreadySubmitted):
        runs.delete(run, runs.get(run).version)


def test_changes_are_counted_and_numbered(store: Submissions, run: str) -> None:
    begun = submit(store, run, 0, orders=1)
    batch, order = write_down(store, begun)
    stored = store.get(begun.submission_id)
    assert (stored.counts, stored.sequence, stored.version) == ({OrderState.SENDING: 1}, 2, 2)
    assert store.orders_of_batch(batch.batch_id) == [replace(order, sequence=2)]
    doubt = doubted(order, DOWN)
    store.write(
        begun.submission_id,
        MINE,
        Changes(
            orders=((order.state, doubt),),
            batches=(replace(batch.standing([doubt]), attempting=False, doubted_at=NOW),),
        ),
    )
    assert store.orders_of_batch(batch.batch_id) == [replace(doubt, sequence=3)]
    assert store.in_doubt_since() == NOW
    assert [one.in_doubt for one in store.open_batches(begun.submission_id)] == [1]
    sent = taken(doubt, 12)
    store.write(
        begun.submission_id,
        MINE,
        Changes(
            orders=((doubt.state, sent),),
            batches=(replace(batch, attempting=False).standing([sent]),),
            end=SubmissionState.COMPLETED,
            finish_time=NOW,
        ),
    )
    stored = store.get(begun.submission_id)
    assert stored.state is SubmissionState.COMPLETED
    assert stored.counts == {OrderState.SENDING: 0, OrderState.IN_DOUBT: 0, OrderState.SENT: 1}
    assert (stored.sequence, stored.finish_time) == (5, NOW)
    assert not store.open_batches(begun.submission_id)
    assert store.in_doubt_since() is None
    assert store.changed_after(begun.submission_id, 1, 5, 10) == [replace(sent, sequence=4)]


def test_the_end_of_a_submission_is_an_event_and_nothing_is_written_after_it(
    store: Submissions, run: str, database: Database
) -> None:
    begun = submit(store, run, 0)
    end = Changes(end=SubmissionState.FAILED, error=DOWN, finish_time=NOW)
    assert store.write(begun.submission_id, MINE, end).error == DOWN
    assert kinds(database, run)[-2:] == [EventType.SUBMITTED, EventType.SUBMISSION_FINISHED]
    with pytest.raises(LeaseLost):
        store.write(begun.submission_id, MINE, end)
    with pytest.raises(LeaseLost):
        store.renew(begun.submission_id, MINE)
    assert store.take_over(OTHERS) is None


def test_no_two_batches_have_one_mark(store: Submissions, run: str) -> None:
    begun = submit(store, run, 0, 1)
    write_down(store, begun, 0, mark=7)
    before = store.get(begun.submission_id)
    with pytest.raises(MarkTaken):
        write_down(store, begun, 1, mark=7)
    assert store.get(begun.submission_id) == before
    assert not store.orders_of_portfolios(run, [portfolio_id(1)])
    write_down(store, begun, 1, mark=8)


def test_whoever_has_lost_the_lease_writes_nothing(store: Submissions, run: str) -> None:
    begun = submit(store, run, 0, lease=replace(MINE, seconds=0))
    taken_over = store.take_over(OTHERS)
    assert taken_over
    assert taken_over.submission == begun
    assert taken_over.begun_by.fields == {"correlation_id": "c"}
    assert store.take_over(Lease("third", 10)) is None
    with pytest.raises(LeaseLost):
        write_down(store, begun)
    with pytest.raises(LeaseLost):
        store.renew(begun.submission_id, MINE)
    with pytest.raises(LeaseLost):
        store.is_cancelled(begun.submission_id, MINE)
    write_down(store, begun, lease=OTHERS)


def test_a_lease_that_is_let_go_is_another_s_at_once(store: Submissions, run: str) -> None:
    begun = submit(store, run, 0)
    assert store.take_over(OTHERS) is None
    store.renew(begun.submission_id, replace(MINE, seconds=0))
    assert store.take_over(OTHERS)


def test_what_a_server_that_was_killed_left_open_keeps_nobody_waiting(
    store: Submissions, run: str, database: Database
) -> None:
    begun = submit(store, run, 0, lease=replace(MINE, seconds=0))
    session = store._sessions[MINE.token]  # noqa: SLF001 - a server is killed in a transaction
    session.start_transaction()
    database.collection("order_submissions").update_one({}, {"$inc": {"version": 1}}, session=session)
    other = Submissions(database, KEY)
    assert other.take_over(OTHERS)
    write_down(other, begun, lease=OTHERS)
    assert store.get(begun.submission_id).version == 2


def test_a_cancel_is_heard_and_is_an_event_once(store: Submissions, run: str, database: Database) -> None:
    begun = submit(store, run, 0)
    assert not store.is_cancelled(begun.submission_id, MINE)
    for _ in range(2):
        store.request_cancel(begun.submission_id, Subject("another"), NOW)
    assert store.is_cancelled(begun.submission_id, MINE)
    assert store.renew(begun.submission_id, MINE)
    assert store.to_be_cancelled() == [begun.submission_id]
    assert kinds(database, run).count(EventType.SUBMISSION_CANCELLED) == 1


def test_a_withdrawn_approval_is_seen_when_orders_are_written_down(
    store: Submissions, run: str, runs: Rebalances, database: Database
) -> None:
    someone = reviewer(runs, database, "someone")
    someone.review(run, [], ReviewDecision.APPROVED, "")
    begun = submit(store, run, 0, 1, approvals=ONE_NEEDED)
    someone.review(run, [portfolio_id(0)], ReviewDecision.REJECTED, "")
    with pytest.raises(NotApproved) as raised:
        write_down(store, begun, 0, approvals=ONE_NEEDED)
    assert raised.value.portfolio_ids == (portfolio_id(0),)
    write_down(store, begun, 1, approvals=ONE_NEEDED)
    with pytest.raises(AlreadySubmitted):
        someone.review(run, [portfolio_id(1)], ReviewDecision.REJECTED, "")


@pytest.mark.parametrize("reviewed", [True, False])
def test_a_rejection_comes_before_orders_are_written_down_or_after_and_never_between(
    store: Submissions, run: str, runs: Rebalances, database: Database, reviewed: bool
) -> None:
    """With a review that there is, and with one that both make: exactly one of them has its way."""
    approvals = ONE_NEEDED if reviewed else NOBODY_NEEDED
    someone = reviewer(runs, database, "someone", int(reviewed))
    if reviewed:
        someone.review(run, [], ReviewDecision.APPROVED, "")
    begun = submit(store, run, 0, 1, 2, 3, approvals=approvals)

    def reject(number: int) -> bool:
        try:
            someone.review(run, [portfolio_id(number)], ReviewDecision.REJECTED, "")
        except AlreadySubmitted:
            return False
        return True

    def send(number: int) -> bool:
        try:
            write_down(store, begun, number, mark=number + 1, approvals=approvals)
        except NotApproved:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        for number in range(4):
            rejected, sent = threads.submit(reject, number), threads.submit(send, number)
            assert rejected.result() != sent.result()


def test_orders_of_a_run_are_read_page_by_page(store: Submissions, run: str) -> None:
    begun = submit(store, run, 0, 1, 2)
    written = [write_down(store, begun, number, mark=number + 1)[1] for number in (2, 0, 1)]
    pages: list[list[str]] = []
    token = ""
    while True:
        page = store.find(run, PageRequest(2, token), "", None)
        pages.append([one.portfolio_id for one in page.items])
        token = page.next_token
        if not token:
            break
    assert pages == [[portfolio_id(0), portfolio_id(1)], [portfolio_id(2)]]
    assert len(store.find(run, PageRequest(), portfolio_id(1), None).items) == 1
    assert not store.find(run, PageRequest(), "", OrderState.SENT).items
    assert [one.order_id for one in store.marked(run)] == [
        one.order_id for one in sorted(written, key=lambda one: one.portfolio_id)
    ]
    with pytest.raises(InvalidArgument):
        store.find(run, PageRequest(2, "nonsense"), "", None)
    with pytest.raises(NotFound):
        store.find("f" * 24, PageRequest(), "", None)


def test_there_is_no_submission_of_an_unknown_id(store: Submissions) -> None:
    for ask in (store.get, lambda one: store.request_cancel(one, Subject(""), NOW)):
        with pytest.raises(NotFound):
            ask("f" * 24)


def test_the_time_is_the_database_s(store: Submissions, database: Database) -> None:
    assert abs(store.now() - database.now()) < timedelta(seconds=60)


def test_a_large_run_is_submitted_while_somebody_reviews_it(
    store: Submissions, runs: Rebalances, database: Database
) -> None:
    """Neither keeps the other out: each would have to begin again, or wait until it is out of time."""
    count = 3000
    run = ended(runs, database, count)
    reviewer(runs, database, "someone").review(run, [], ReviewDecision.APPROVED, "")
    other = reviewer(runs, database, "another")
    with ThreadPoolExecutor(1) as threads:
        reviewed = threads.submit(other.review, run, [], ReviewDecision.APPROVED, "")
        begun = submit(store, run, *range(count), approvals=ONE_NEEDED, named=False)
        reviewed.result()
    assert begun.portfolio_count == count
