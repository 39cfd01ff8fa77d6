"""Submissions in MongoDB: who holds one, and what they write.

A submission is a header in `order_submissions`, a document a portfolio in `submitted_portfolios`, one an
order in `orders`, and one a batch in `order_batches`; which run trades a portfolio is in `portfolio_turns`.
Every change is a transaction that has the token of the lease in the header: whoever has lost a submission
changes nothing of it. Unique indexes say what can be there once: a portfolio of a run, a security of it, and
the mark of a batch.

Transactions of whoever holds a submission run in one session, whose id stands beside the token: those of a
server that was killed stay open in the database, so whoever takes it over ends that session first.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from bson import ObjectId
from pymongo import ReplaceOne, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError

from ordergen_server.domain.errors import Aborted, PreconditionFailed
from ordergen_server.domain.orders.events import EventType, RebalanceEvent, named
from ordergen_server.domain.orders.order_store import (
    Candidates,
    MarkTaken,
    NotApproved,
    SubmissionOrder,
    TradedByAnother,
)
from ordergen_server.domain.orders.refusals import already_submitted, approval_missing, nothing_to_submit
from ordergen_server.domain.orders.submissions import (
    Changes,
    OrderSubmission,
    SubmissionState,
    SubmittedPortfolio,
    counted,
)
from ordergen_server.domain.requests.ids import USED_BEFORE
from ordergen_server.domain.requests.violations import broken
from ordergen_server.domain.stores import Lease, LeaseLost, Request
from ordergen_server.domain.subjects import Subject
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.order_store.approvals import (
    Conflict,
    ReadReviews,
    not_approved,
    of_portfolios,
)
from ordergen_server.repositories.order_store.order_documents import (
    batch_document,
    order_document,
    portfolio_document,
    submission_change,
    submission_document,
    submission_of,
    submission_order_of,
)
from ordergen_server.repositories.order_store.reading import OrderReader
from ordergen_server.repositories.order_store.turns import Turns
from ordergen_server.repositories.review_store.events import EventLog

RUNNING = SubmissionState.RUNNING.value
#: For claiming all portfolios of a run, as one step; the call itself may have less. Transactions live for 60.
CLAIM_SECONDS = 55.0
#: Documents of one insert: while it stores more, the embedded database lets nobody else read.
_AT_ONCE = 100
#: What a header has only while its submission goes on.
_WHILE_RUNNING: Document = {"lease": "", "cancel_requested": ""}


class Submissions(OrderReader):
    """An OrderStore."""

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        super().__init__(database, tokens)
        self._database = database
        self._writing = database.writing
        self._reviews = ReadReviews(database)
        self._turns = Turns(database)
        self._events = EventLog(database)
        self._sessions: dict[str, ClientSession] = {}

    def new_id(self) -> str:
        """An id that nothing else has."""
        return str(ObjectId())

    def now(self) -> datetime:
        """The time of the database, UTC."""
        with self._operation():
            return self._database.now()

    def submit(
        self,
        order: SubmissionOrder,
        candidates: Candidates,
        lease: Lease,
        request: Request | None,
    ) -> OrderSubmission:
        """Store a new submission, as one step; or answer the one that the same request has begun."""
        asked = order.submission

        def steps(own: ClientSession) -> OrderSubmission:
            counts = self._claimable(asked.rebalance_id, candidates, own)
            submission = replace(asked, portfolio_count=len(counts), order_count=sum(counts.values()))
            portfolios = [
                SubmittedPortfolio(asked.submission_id, asked.rebalance_id, key, place, count)
                for place, (key, count) in enumerate(counts.items())
            ]
            header = submission_document(replace(order, submission=submission))
            header["lease"] = _lease_from(self._database.now(), lease, session)
            header |= {"request": to_document(request)} if request else {}
            self._headers.insert_one(header, session=own)
            for some in _some([portfolio_document(one) for one in portfolios]):
                self._portfolios.insert_many(some, session=own)
            event = RebalanceEvent(
                EventType.SUBMITTED,
                asked.create_time,
                asked.actor,
                asked.authenticated,
                portfolio_count=len(counts),
                portfolio_ids=named(list(counts)),
                submission_id=asked.submission_id,
            )
            self._events.append(asked.rebalance_id, event, own)
            return submission

        with ExitStack() as unless_stored, self._writing(CLAIM_SECONDS):
            session = unless_stored.enter_context(self._database.session())
            try:
                stored = self._database.transaction(steps)
            except (DuplicateKeyError, BulkWriteError) as error:
                return self._earlier(error, asked, request)
            except PreconditionFailed:
                first = self.first_of(request) if request else None
                if first:  # the same request took them a moment before
                    return first
                raise
            unless_stored.pop_all()
        self._sessions[lease.token] = session
        return stored

    def first_of(self, request: Request) -> OrderSubmission | None:
        """The submission that the same request has begun. Raises InvalidArgument."""
        with self._operation():
            first = self._headers.find_one({"request.request_id": request.request_id})
        if first is None:
            return None
        if cast("Document", first["request"])["fingerprint"] != request.fingerprint:
            raise broken("request_id", USED_BEFORE)
        return submission_of(first)

    def renew(self, submission_id: str, lease: Lease) -> bool:
        """Hold a submission for longer; is it to be cancelled? Raises LeaseLost."""
        until: Document = {"$add": ["$$NOW", round(1000 * lease.seconds)]}
        with self._writing():
            header = self._headers.find_one_and_update(
                _held(submission_id, lease),
                [{"$set": {"lease.until": until}}],
                {"cancel_requested": 1},
            )
        if header is None:
            raise LeaseLost(submission_id)
        return bool(header.get("cancel_requested"))

    def take_over(self, lease: Lease) -> SubmissionOrder | None:
        """Take a submission whose lease has run out, if there is one."""
        with self._writing():
            now = self._database.now()  # by the time it is used it is too early, if anything
            expired: Document = {"state": RUNNING, "lease.until": {"$lte": now}}
            left = self._headers.find_one(expired, {"lease.session": 1})
            if left is None:
                return None
            self._database.kill_session(cast("Document", left["lease"])["session"])
            session = self._database.session()
            header = self._headers.find_one_and_update(
                {**expired, "_id": left["_id"]},
                {"$set": {"lease": _lease_from(now, lease, session)}},
                return_document=ReturnDocument.AFTER,
            )
        if header is None:
            session.end_session()
            return None
        self._sessions[lease.token] = session
        return submission_order_of(header)

    def request_cancel(self, submission_id: str, by: Subject, time: datetime) -> OrderSubmission:
        """Ask whoever carries out a submission to cancel it; who asks first is an event. Raises NotFound."""
        asked: Document = {
            "_id": ObjectId(submission_id),
            "state": RUNNING,
            "cancel_requested": {"$ne": True},
        }

        def steps(session: ClientSession) -> None:
            found = self._headers.find_one_and_update(
                asked, {"$set": {"cancel_requested": True}}, session=session
            )
            if found:
                event = _event(
                    EventType.SUBMISSION_CANCELLED,
                    submission_of(found),
                    time,
                    by.name,
                    by.is_authenticated,
                )
                self._events.append(cast("str", found["rebalance_id"]), event, session)

        with self._writing():
            self._database.transaction(steps)
        return self.get(submission_id)

    def to_be_cancelled(self) -> Collection[str]:
        """Submissions that go on, whoever holds them, and are to be cancelled."""
        query: Document = {"state": RUNNING}  # those are few, and the index has them
        with self._operation():
            running = self._headers.find(query, {"cancel_requested": 1})
            return [str(found["_id"]) for found in running if found.get("cancel_requested")]

    def is_cancelled(self, submission_id: str, lease: Lease) -> bool:
        """Whether a submission that we hold is to be cancelled. Raises LeaseLost."""
        with self._operation():
            header = self._headers.find_one(_held(submission_id, lease), {"cancel_requested": 1})
        if header is None:
            raise LeaseLost(submission_id)
        return bool(header.get("cancel_requested"))

    def write(self, submission_id: str, lease: Lease, changes: Changes) -> OrderSubmission:
        """Write changes of a submission that we hold, as one step. Raises as OrderStore has it."""

        def steps(session: ClientSession) -> OrderSubmission:
            held = _held(submission_id, lease)
            header = self._headers.find_one(held, session=session)
            if header is None:
                raise LeaseLost(submission_id)
            before = submission_of(header)
            self._approve(before.rebalance_id, changes, session)
            after = self._write(before, changes, session)
            change: Document = {"$set": submission_change(after)}
            if changes.end:
                change["$unset"] = _WHILE_RUNNING
            # The fence: whoever has taken it over has changed this very field.
            if not self._headers.update_one(held, change, session=session).matched_count:
                raise LeaseLost(submission_id)
            return after

        with self._writing():
            while True:
                try:
                    stored = self._database.transaction(steps, self._sessions.get(lease.token))
                except Conflict:
                    continue
                break
        return stored

    def leave(self, lease: Lease) -> None:
        """We hold a submission no longer, whatever became of it."""
        session = self._sessions.pop(lease.token, None)
        if session:
            session.end_session()

    def _claimable(
        self, rebalance_id: str, candidates: Candidates, session: ClientSession
    ) -> Mapping[str, int]:
        """Those portfolios that are submitted, with their orders. Raises what is wrong with those named."""
        counts = candidates.counts
        query = of_portfolios(rebalance_id, counts) if counts else {"rebalance_id": rebalance_id}
        shown = {"_id": 0, "portfolio_id": 1, "submission_id": 1}
        found = self._portfolios.find(query, shown, session=session)
        taken = {
            key: cast("str", one["submission_id"])
            for one in found
            if (key := cast("str", one["portfolio_id"])) in counts
        }
        if candidates.named and taken:
            raise already_submitted(taken)
        left = [one for one in counts if one not in taken]
        reviews = self._reviews.read(rebalance_id, left, session)
        missing = set(not_approved(reviews, candidates.approvals, left))
        if candidates.named and missing:
            raise approval_missing([one for one in left if one in missing])
        claimed = {one: counts[one] for one in left if one not in missing}
        if not claimed:
            raise nothing_to_submit(rebalance_id, len(taken), len(missing))
        return claimed

    def _approve(self, rebalance_id: str, changes: Changes, session: ClientSession) -> None:
        if not changes.approvals:
            return
        ids = changes.approvals.portfolio_ids
        reviews = self._reviews.read(rebalance_id, ids, session)
        missing = not_approved(reviews, changes.approvals, ids)
        if missing:
            raise NotApproved(missing)
        if changes.alone_since:
            others = self._turns.of_others(rebalance_id, ids, changes.alone_since, session)
            if others:
                raise TradedByAnother(others)
        self._reviews.mark(rebalance_id, ids, reviews, session)

    def _write(self, before: OrderSubmission, changes: Changes, session: ClientSession) -> OrderSubmission:
        after, orders, portfolios = counted(before, changes)
        new = {order.order_id for was, order in changes.orders if was is None}
        try:
            for batch in changes.new_batches:
                self._batches.insert_one(batch_document(batch), session=session)
        except DuplicateKeyError as error:
            raise MarkTaken from error
        created = [order_document(one) for one in orders if one.order_id in new]
        if created:
            self._orders.insert_many(created, session=session)
        documents = [order_document(one) for one in orders if one.order_id not in new]
        if documents:
            self._orders.bulk_write(
                [ReplaceOne({"_id": one["_id"]}, one) for one in documents], session=session
            )
        for changed in changes.batches:
            document = batch_document(changed)
            self._batches.replace_one({"_id": document["_id"]}, document, session=session)
        placed = [
            ReplaceOne(
                {"rebalance_id": one.rebalance_id, "portfolio_id": one.portfolio_id}, portfolio_document(one)
            )
            for one in portfolios
        ]
        if placed:
            self._portfolios.bulk_write(placed, session=session)
        note = self._turns.take if changes.approvals else self._turns.change
        note(portfolios, session)
        if changes.end and changes.finish_time:
            event = _event(
                EventType.SUBMISSION_FINISHED, after, changes.finish_time, after.actor, after.authenticated
            )
            self._events.append(before.rebalance_id, event, session)
        return after

    def _earlier(self, error: Exception, asked: OrderSubmission, request: Request | None) -> OrderSubmission:
        """The submission that was there before. Raises Aborted, InvalidArgument."""
        own = self._headers.find_one({"_id": ObjectId(asked.submission_id)})
        if own:
            return submission_of(own)  # it was stored, and the answer got lost on the way
        first = self.first_of(request) if request else None
        if first:
            return first
        raise Aborted(
            "Another submission takes the same portfolios at this moment: read it, and try again.",
            metadata={"rebalance_id": asked.rebalance_id},
        ) from error


def _some(documents: list[Document]) -> Iterator[list[Document]]:
    return (documents[start : start + _AT_ONCE] for start in range(0, len(documents), _AT_ONCE))


def _held(submission_id: str, lease: Lease) -> Document:
    return {"_id": ObjectId(submission_id), "state": RUNNING, "lease.token": lease.token}


def _lease_from(now: datetime, lease: Lease, session: ClientSession) -> Document:
    until = now + timedelta(seconds=lease.seconds)
    return {"token": lease.token, "until": until, "session": session.session_id["id"]}


def _event(
    type_: EventType, submission: OrderSubmission, time: datetime, actor: str, authenticated: bool
) -> RebalanceEvent:
    return RebalanceEvent(
        type_,
        time,
        actor,
        authenticated,
        portfolio_count=submission.portfolio_count,
        submission_id=submission.submission_id,
    )
