"""Events of runs in MongoDB: written in the transaction of what they tell, and never deleted.

The header of a run counts its events: whoever adds one takes the next number there. So their order is that in
which they became true, whatever the clocks of servers say; and as each changes the header, nothing that is an
event can happen to a run while it is deleted. The first, that it began, stands in the header itself: a run
begins with one write. It comes to the others when the run is deleted.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import cast

from bson import ObjectId, decode
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, ReturnDocument
from pymongo.client_session import ClientSession

from ordergen_server.domain.orders.events import NAMED_PORTFOLIOS, RebalanceEvent, named
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import from_document, to_document
from ordergen_server.repositories.mongodb.full_pages import as_stored, fill
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.review_store.run_errors import run_not_found

EVENTS = "rebalance_events"
#: In the header of a run: how many events it has.
EVENT_COUNT = "event_count"
#: In the header of a run that is being deleted: nothing can happen to it any more.
DELETING = "deleting"
FIRST = 1
#: In the header of a run that is not being deleted: its first event.
FIRST_EVENT = "first_event"


def with_first(header: Document, event: RebalanceEvent) -> Document:
    """The header of a run that begins with an event."""
    return {**header, EVENT_COUNT: FIRST, FIRST_EVENT: _numbered(FIRST, event)}


def _numbered(number: int, event: RebalanceEvent) -> Document:
    return {"number": number, **to_document(event)}


class EventLog:
    """The writing side of `rebalance_events`, in transactions of whoever has something to tell."""

    def __init__(self, database: Database) -> None:
        self._headers = database.collection("rebalances")
        self._events = database.collection(EVENTS)

    def append(self, rebalance_id: str, event: RebalanceEvent, session: ClientSession) -> int:
        """Add an event to a run, in the transaction of a session; its number. Raises NotFound."""
        header = self._headers.find_one_and_update(
            {"_id": ObjectId(rebalance_id), DELETING: {"$ne": True}},
            {"$inc": {EVENT_COUNT: 1}},
            {EVENT_COUNT: 1},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if header is None:
            raise run_not_found(rebalance_id)
        number = cast("int", header[EVENT_COUNT])
        self.insert(rebalance_id, number, event, session)
        return number

    def insert(self, rebalance_id: str, number: int, event: RebalanceEvent, session: ClientSession) -> None:
        """Add the event of a number that the same transaction has taken from the header."""
        self._events.insert_one({"rebalance_id": rebalance_id, **_numbered(number, event)}, session=session)

    def outlive(self, rebalance_id: str, version: int, session: ClientSession) -> None:
        """Mark a run of this version as being deleted: its first event leaves the header, which goes."""
        header = self._headers.find_one_and_update(
            {"_id": ObjectId(rebalance_id), "version": version},
            {"$set": {DELETING: True}, "$unset": {FIRST_EVENT: ""}},
            {FIRST_EVENT: 1},
            session=session,
        )
        if header and FIRST_EVENT in header:
            first = cast("Document", header[FIRST_EVENT])
            self._events.insert_one({"rebalance_id": rebalance_id, **first}, session=session)

    def extend(
        self, rebalance_id: str, number: int, portfolio_ids: Sequence[str], session: ClientSession
    ) -> None:
        """Say an event of more portfolios: what is one to its actor may take several transactions."""
        self._events.update_one(
            {"rebalance_id": rebalance_id, "number": number},
            {
                "$inc": {"portfolio_count": len(portfolio_ids)},
                "$push": {"portfolio_ids": {"$each": named(portfolio_ids), "$slice": NAMED_PORTFOLIOS}},
            },
            session=session,
        )


class Events:
    """An EventStore."""

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        self._operation = database.operation
        self._tokens = tokens
        self._headers = database.raw_collection("rebalances")
        self._events = database.raw_collection(EVENTS)

    def find(self, rebalance_id: str, page: PageRequest) -> Page[RebalanceEvent]:
        """Read a page of events, oldest first. Raises NotFound, InvalidArgument."""
        arguments = ("rebalance_events", rebalance_id)
        place = cast("int", self._tokens.read(page.token, arguments) or 0)
        with self._operation():
            # Before the others: it is one of them once the run is being deleted.
            first = [] if place else list(self._first(rebalance_id))
            query: Document = {"rebalance_id": rebalance_id, "number": {"$gt": place or len(first)}}
            cursor = self._events.find(query, {"_id": 0}).sort("number", ASCENDING)
            with cursor.limit(page.limit + 1) as documents:
                found, more = fill(as_stored(chain(first, documents)), page.limit)
            if not found:
                self._check_run(rebalance_id)
        read = [decode(one.raw, CODEC_OPTIONS) for one in found]
        items = tuple(from_document(one, RebalanceEvent) for one in read)
        return Page(items, self._tokens.make(read[-1]["number"], arguments) if more else "")

    def _first(self, rebalance_id: str) -> Iterator[RawBSONDocument]:
        """The first event of a run, where it stands in the header: those of earlier servers have it not."""
        header = self._headers.find_one({"_id": ObjectId(rebalance_id)}, {FIRST_EVENT: 1})
        if header and FIRST_EVENT in header:
            yield cast("RawBSONDocument", header[FIRST_EVENT])

    def _check_run(self, rebalance_id: str) -> None:
        """Raise NotFound of a run that there is not, and was not."""
        header = self._headers.find_one({"_id": ObjectId(rebalance_id)}, {"_id": 1})
        if header is None and self._events.find_one({"rebalance_id": rebalance_id}, {"_id": 1}) is None:
            raise run_not_found(rebalance_id)
