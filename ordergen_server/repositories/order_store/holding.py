"""Carrying out submissions in MongoDB: who holds one, and what they write.

A submission is a header in `order_submissions`, a document a portfolio in `submitted_portfolios`, one an
order in `orders`, and one a batch in `order_batches`; which run trades a portfolio is in `portfolio_turns`.
While it goes on the header also has its lease. Every change is a transaction that has the token of the lease
in the header: whoever has lost a submission changes nothing of it. Unique indexes say what can be there once:
a security of a portfolio of a run, and the mark of a batch.

Transactions of whoever holds a submission run in one session, whose id stands beside the token: those of a
server that was killed stay open in the database, so whoever takes it over ends that session first.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import cast

from bson import ObjectId
from pymongo import ReplaceOne, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.orders.events import EventType, RebalanceEvent
from ordergen_server.domain.orders.order_store import MarkTaken, NotApproved, SubmissionOrder, TradedByAnother
from ordergen_server.domain.orders.orders import Order
from ordergen_server.domain.orders.submissions import (
    Changes,
    OrderSubmission,
    SubmissionState,
    SubmittedPortfolio,
    counted,
)
from ordergen_server.domain.stores import Lease, LeaseLost
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.order_store.approvals import Conflict, ReadReviews, not_approved
from ordergen_server.repositories.order_store.order_documents import (
    batch_document,
    order_document,
    portfolio_document,
    submission_change,
    submission_of,
    submission_order_of,
)
from ordergen_server.repositories.order_store.reading import OrderReader
from ordergen_server.repositories.order_store.turns import Turns
from ordergen_server.repositories.review_store.events import EventLog

RUNNING = SubmissionState.RUNNING.value
#: What a header has only while its submission goes on.
_WHILE_RUNNING: Document = {"lease": "", "cancel_requested": ""}


class HeldSubmissions(OrderReader):
    """Submissions, for whoever holds them."""

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        super().__init__(database, tokens)
        self._database = database
        self._writing = database.writing
        self._reviews = ReadReviews(database)
        self._turns = Turns(database)
        self._events = EventLog(database)
        self._sessions: dict[str, ClientSession] = {}

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
                {"$set": {"lease": lease_from(now, lease, session)}},
                return_document=ReturnDocument.AFTER,
            )
        if header is None:
            session.end_session()
            return None
        self._sessions[lease.token] = session
        return submission_order_of(header)

    def is_cancelled(self, submission_id: str, lease: Lease) -> bool:
        """Whether a submission that we hold is to be cancelled. Raises LeaseLost."""
        with self._operation():
            header = self._headers.find_one(_held(submission_id, lease), {"cancel_requested": 1})
        if header is None:
            raise LeaseLost(submission_id)
        return bool(header.get("cancel_requested"))

    def leave(self, lease: Lease) -> None:
        """We hold a submission no longer, whatever became of it."""
        session = self._sessions.pop(lease.token, None)
        if session:
            session.end_session()

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
        try:
            for batch in changes.new_batches:
                self._batches.insert_one(batch_document(batch), session=session)
        except DuplicateKeyError as error:
            raise MarkTaken from error
        self._write_orders(orders, {order.order_id for was, order in changes.orders if was is None}, session)
        for changed in changes.batches:
            document = batch_document(changed)
            self._batches.replace_one({"_id": document["_id"]}, document, session=session)
        self._write_portfolios(portfolios, session)
        note = self._turns.take if changes.approvals else self._turns.change
        note(portfolios, session)
        if changes.end and changes.finish_time:
            event = submission_event(EventType.SUBMISSION_FINISHED, after, changes.finish_time)
            self._events.append(before.rebalance_id, event, session)
        return after

    def _write_orders(self, orders: Collection[Order], new: Collection[str], session: ClientSession) -> None:
        created = [order_document(one) for one in orders if one.order_id in new]
        if created:
            self._orders.insert_many(created, session=session)
        documents = [order_document(one) for one in orders if one.order_id not in new]
        if documents:
            self._orders.bulk_write(
                [ReplaceOne({"_id": one["_id"]}, one) for one in documents], session=session
            )

    def _write_portfolios(self, portfolios: Collection[SubmittedPortfolio], session: ClientSession) -> None:
        placed = [
            ReplaceOne(
                {"rebalance_id": one.rebalance_id, "portfolio_id": one.portfolio_id}, portfolio_document(one)
            )
            for one in portfolios
        ]
        if placed:
            self._portfolios.bulk_write(placed, session=session)


def _held(submission_id: str, lease: Lease) -> Document:
    return {"_id": ObjectId(submission_id), "state": RUNNING, "lease.token": lease.token}


def lease_from(now: datetime, lease: Lease, session: ClientSession) -> Document:
    """What a header has of its lease, and of the session that its holder writes in."""
    until = now + timedelta(seconds=lease.seconds)
    return {"token": lease.token, "until": until, "session": session.session_id["id"]}


def submission_event(type_: EventType, submission: OrderSubmission, time: datetime) -> RebalanceEvent:
    """What whoever submitted has done with a submission."""
    return RebalanceEvent(
        type_,
        time,
        submission.actor,
        submission.authenticated,
        portfolio_count=submission.portfolio_count,
        submission_id=submission.submission_id,
    )
