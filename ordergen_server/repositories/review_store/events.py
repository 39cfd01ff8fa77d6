"""Events of runs in MongoDB: written in the transaction of what they tell, and never deleted.

The header of a run counts its events: whoever adds one takes the next number there. So their order is that in
which they became true, whatever the clocks of servers say; and as each changes the header, nothing that is an
event can happen to a run while it is deleted.
"""

from collections.abc import Sequence
from typing import cast

from bson import ObjectId, decode
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
        place: Document = {"rebalance_id": rebalance_id, "number": number}
        self._events.insert_one({**place, **to_document(event)}, session=session)

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
        self._headers = database.collection("rebalances")
        self._events = database.collection(EVENTS)
        self._stored = database.raw_collection(EVENTS)

    def find(self, rebalance_id: str, page: PageRequest) -> Page[RebalanceEvent]:
        """Read a page of events, oldest first. Raises NotFound, InvalidArgument."""
        arguments = ("rebalance_events", rebalance_id)
        place = cast("int", self._tokens.read(page.token, arguments) or 0)
        query: Document = {"rebalance_id": rebalance_id, "number": {"$gt": place}}
        with self._operation():
            cursor = self._stored.find(query, {"_id": 0}).sort("number", ASCENDING)
            with cursor.limit(page.limit + 1) as documents:
                found, more = fill(as_stored(documents), page.limit)
            if not found:
                self._check_run(rebalance_id)
        read = [decode(one.raw, CODEC_OPTIONS) for one in found]
        items = tuple(from_document(one, RebalanceEvent) for one in read)
        return Page(items, self._tokens.make(read[-1]["number"], arguments) if more else "")

    def _check_run(self, rebalance_id: str) -> None:
        """Raise NotFound of a run that there is not, and was not."""
        header = self._headers.find_one({"_id": ObjectId(rebalance_id)}, {"_id": 1})
        if header is None and self._events.find_one({"rebalance_id": rebalance_id}, {"_id": 1}) is None:
            raise run_not_found(rebalance_id)
