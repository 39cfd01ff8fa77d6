"""Reviews in MongoDB: a document for each portfolio that somebody has decided of; the tally is with the run.

Whoever changes a review changes three things as one step: its document, the tally in the header of the run,
and the event. Two who decide at once both write the header, so the database lets one of them begin anew: the
tally is right whoever comes when, and reading it is reading the run. A submission changes the `version` of
the same document in the transaction that writes orders down: so it, too, is before a decision or after it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import cast

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.errors import AlreadySubmitted, PreconditionFailed, Violation
from ordergen_server.domain.orders.ended import still_running
from ordergen_server.domain.orders.events import EventType, RebalanceEvent, named
from ordergen_server.domain.orders.reviews import MAXIMUM_NAME_BYTES, Review, ReviewState, tally_of
from ordergen_server.domain.orders.stores import ReviewCall
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import from_document
from ordergen_server.repositories.review_store.events import DELETING, EVENT_COUNT, EventLog
from ordergen_server.repositories.review_store.run_errors import run_not_found

REVIEWS = "portfolio_reviews"
#: What a submission keeps of each of its portfolios; one in this state may be taken back still.
SUBMITTED, WAITING = "submitted_portfolios", "WAITING"
#: Documents that are deleted at once.
_AT_ONCE = 500
_NAMES = {"_id": 0, "portfolio_id": 1, "approved_by": 1, "rejected_by": 1}
_Reviewed = Mapping[str, Review]


class Reviews:
    """A ReviewStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._headers = database.collection("rebalances")
        self._reviews = database.collection(REVIEWS)
        self._submitted = database.collection(SUBMITTED)
        self._events = EventLog(database)

    def check(self, call: ReviewCall, portfolio_ids: Sequence[str]) -> None:
        """Raise what `decide` would raise, as things stand."""
        with self._database.operation():
            self._changes(call, portfolio_ids, self._starter(call.rebalance_id, None), None)

    def decide(self, call: ReviewCall, portfolio_ids: Sequence[str], event: int = 0) -> int:
        """Note a decision of portfolios, and the event with it, as one step; the number of the event."""

        def steps(session: ClientSession) -> int:
            return self._decide(call, portfolio_ids, event, session)

        with self._database.writing():
            while True:
                try:
                    return self._database.transaction(steps)
                except DuplicateKeyError:
                    continue  # another has just made one of these documents: now it is seen

    def of(self, rebalance_id: str, portfolio_ids: Collection[str]) -> _Reviewed:
        """The reviews of portfolios; those that nobody has decided of have none."""
        if not portfolio_ids:
            return {}
        page = {"$gte": min(portfolio_ids), "$lte": max(portfolio_ids)}
        with self._database.operation():
            found = self._read({"rebalance_id": rebalance_id, "portfolio_id": page}, None)
        return {one: found[one] for one in portfolio_ids if one in found}

    def is_submitted(self, rebalance_id: str, session: ClientSession) -> bool:
        """Whether anything of a run was submitted, in the transaction of a session."""
        of_run = {"rebalance_id": rebalance_id}
        return self._submitted.find_one(of_run, {"_id": 1}, session=session) is not None

    def delete(self, rebalance_id: str) -> None:
        """Delete the reviews of a run, which is marked as `DELETING`, so that no more come.

        Some at a time: all at once may take longer than an operation may.
        """
        with self._database.operation():
            ids = sorted(self._reviews.distinct("portfolio_id", {"rebalance_id": rebalance_id}))
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            with self._database.writing():
                self._reviews.delete_many(
                    {"rebalance_id": rebalance_id, "portfolio_id": {"$gte": some[0], "$lte": some[-1]}}
                )

    def _decide(
        self, call: ReviewCall, portfolio_ids: Sequence[str], event: int, session: ClientSession
    ) -> int:
        starter = self._starter(call.rebalance_id, session)
        before, after = self._changes(call, portfolio_ids, starter, session)
        if not after:
            return event
        old = tally_of((before[one] for one in after if one in before), starter)
        change = tally_of(after.values(), starter).change(old)
        number = self._count(call.rebalance_id, change, event, session)
        self._write(call.rebalance_id, before, after, session)
        if event:
            self._events.extend(call.rebalance_id, event, list(after), session)
        else:
            self._events.insert(call.rebalance_id, number, _event(call, list(after)), session)
        return number

    def _starter(self, rebalance_id: str, session: ClientSession | None) -> str:
        """Who began a run, which has ended. Raises NotFound, PreconditionFailed."""
        header = self._headers.find_one(
            {"_id": ObjectId(rebalance_id)}, {"state": 1, "actor": 1}, session=session
        )
        if header is None:
            raise run_not_found(rebalance_id)
        if header["state"] == RebalanceState.RUNNING.value:
            raise still_running(rebalance_id)
        return cast("str", header.get("actor", ""))

    def _changes(
        self, call: ReviewCall, portfolio_ids: Sequence[str], starter: str, session: ClientSession | None
    ) -> tuple[_Reviewed, _Reviewed]:
        """The reviews that there are, and those that a decision changes. Raises AlreadySubmitted."""
        before = self._found(call.rebalance_id, portfolio_ids, session)
        after = {one: _decided(call, one, before.get(one, Review()), starter) for one in portfolio_ids}
        changed = {one: new for one, new in after.items() if new != before.get(one, Review())}
        sent = self._sent(call.rebalance_id, list(changed), session)
        if call.named and sent:
            raise _already_submitted(call.rebalance_id, sent)
        return before, {one: new for one, new in changed.items() if one not in sent}

    def _found(
        self, rebalance_id: str, portfolio_ids: Collection[str], session: ClientSession | None
    ) -> dict[str, Review]:
        if not portfolio_ids:
            return {}
        return self._read(
            {"rebalance_id": rebalance_id, "portfolio_id": {"$in": list(portfolio_ids)}}, session
        )

    def _read(self, which: Document, session: ClientSession | None) -> dict[str, Review]:
        found = self._reviews.find(which, _NAMES, session=session)
        return {cast("str", one["portfolio_id"]): from_document(one, Review) for one in found}

    def _sent(
        self, rebalance_id: str, portfolio_ids: Sequence[str], session: ClientSession | None
    ) -> list[str]:
        """Those whose orders were written down to be sent, in their order."""
        if not portfolio_ids:
            return []
        which: Document = {"rebalance_id": rebalance_id, "portfolio_id": {"$in": list(portfolio_ids)}}
        found = self._submitted.find(which, {"_id": 0, "portfolio_id": 1, "state": 1}, session=session)
        return sorted(cast("str", one["portfolio_id"]) for one in found if one["state"] != WAITING)

    def _count(
        self,
        rebalance_id: str,
        change: Mapping[str, int],
        event: int,
        session: ClientSession,
    ) -> int:
        """Change the tally of a run; the number of the event, a new one where it has none yet."""
        count = {} if event else {EVENT_COUNT: 1}
        # With a version of its own, for a decision that changes no count must meet another one here, too.
        tally = {f"reviewed.{name}": number for name, number in {**change, "version": 1}.items()}
        header = self._headers.find_one_and_update(
            {"_id": ObjectId(rebalance_id), DELETING: {"$ne": True}},
            {"$inc": {**tally, **count}},
            {EVENT_COUNT: 1},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if header is None:
            raise run_not_found(rebalance_id)
        return event or cast("int", header[EVENT_COUNT])

    def _write(self, rebalance_id: str, before: _Reviewed, after: _Reviewed, session: ClientSession) -> None:
        new = [
            {"rebalance_id": rebalance_id, "portfolio_id": one, "version": 1, **_lists(review)}
            for one, review in after.items()
            if one not in before
        ]
        if new:
            self._reviews.insert_many(new, session=session)
        alike: dict[Review, list[str]] = defaultdict(list)
        for one in after.keys() & before.keys():
            alike[after[one]].append(one)
        for review, portfolio_ids in alike.items():
            self._reviews.update_many(
                {"rebalance_id": rebalance_id, "portfolio_id": {"$in": sorted(portfolio_ids)}},
                {"$set": _lists(review), "$inc": {"version": 1}},
                session=session,
            )


def _decided(call: ReviewCall, portfolio_id: str, review: Review, starter: str) -> Review:
    """The review of a portfolio after a decision, if it is meant. Raises PreconditionFailed."""
    if not call.named and call.rule.state(review, starter) is not ReviewState.PENDING:
        return review
    decided = review.decided(call.by.name, call.decision)
    if decided.name_bytes > MAXIMUM_NAME_BYTES and decided != review:
        rule = f"has decisions of people whose names have {MAXIMUM_NAME_BYTES} bytes: no more are kept"
        raise PreconditionFailed(
            f"Portfolio {portfolio_id} {rule}.",
            metadata={"portfolio_id": portfolio_id},
            violations=[Violation(portfolio_id, rule, "TOO_MANY_REVIEWERS")],
        )
    return decided


def _already_submitted(rebalance_id: str, portfolio_ids: Sequence[str]) -> AlreadySubmitted:
    rule = "has orders that were written down to be sent: it cannot be decided any more"
    return AlreadySubmitted(
        f"Portfolio {portfolio_ids[0]} {rule}.",
        metadata={"rebalance_id": rebalance_id, "portfolio_id": portfolio_ids[0]},
        violations=[Violation(one, rule, "ALREADY_SUBMITTED") for one in portfolio_ids],
    )


def _lists(review: Review) -> Document:
    return {"approved_by": list(review.approved_by), "rejected_by": list(review.rejected_by)}


def _event(call: ReviewCall, portfolio_ids: Sequence[str]) -> RebalanceEvent:
    return RebalanceEvent(
        EventType(call.decision.value),
        call.time,
        call.by.name,
        call.by.is_authenticated,
        call.comment,
        len(portfolio_ids),
        named(portfolio_ids),
    )
