"""Submissions in MongoDB as a whole: begun once by whoever submits, and cancelled by whoever asks.

A unique index says that a portfolio of a run is there once: of two who submit it at once, one has it.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import cast

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError

from ordergen_server.domain.errors import Aborted, PreconditionFailed
from ordergen_server.domain.orders.events import EventType, named
from ordergen_server.domain.orders.order_store import Candidates, SubmissionOrder
from ordergen_server.domain.orders.refusals import already_submitted, approval_missing, nothing_to_submit
from ordergen_server.domain.orders.submissions import OrderSubmission, SubmittedPortfolio
from ordergen_server.domain.requests.ids import USED_BEFORE
from ordergen_server.domain.requests.violations import broken
from ordergen_server.domain.stores import Lease, Request
from ordergen_server.domain.subjects import Subject
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.order_store.approvals import not_approved, of_portfolios
from ordergen_server.repositories.order_store.holding import (
    RUNNING,
    HeldSubmissions,
    lease_from,
    submission_event,
)
from ordergen_server.repositories.order_store.order_documents import (
    portfolio_document,
    submission_document,
    submission_of,
)

#: For claiming all portfolios of a run, as one step; the call itself may have less. Transactions live for 60.
CLAIM_SECONDS = 55.0
#: Documents of one insert: while it stores more, the embedded database lets nobody else read.
_AT_ONCE = 100


class Submissions(HeldSubmissions):
    """An OrderStore."""

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
            header = submission_document(replace(order, submission=submission))
            header["lease"] = lease_from(self._database.now(), lease, session)
            header |= {"request": to_document(request)} if request else {}
            self._headers.insert_one(header, session=own)
            self._claim(submission, counts, own)
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
                event = submission_event(EventType.SUBMISSION_CANCELLED, submission_of(found), time)
                event = replace(event, actor=by.name, authenticated=by.is_authenticated)
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

    def _claim(self, submission: OrderSubmission, counts: Mapping[str, int], session: ClientSession) -> None:
        """Portfolios with so many orders each are the submission's from now on, which is an event."""
        portfolios = [
            SubmittedPortfolio(submission.submission_id, submission.rebalance_id, key, place, count)
            for place, (key, count) in enumerate(counts.items())
        ]
        for some in _some([portfolio_document(one) for one in portfolios]):
            self._portfolios.insert_many(some, session=session)
        event = submission_event(EventType.SUBMITTED, submission, submission.create_time)
        event = replace(event, portfolio_ids=named(list(counts)))
        self._events.append(submission.rebalance_id, event, session)

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
