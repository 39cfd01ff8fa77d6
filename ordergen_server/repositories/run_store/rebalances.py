"""Reading runs in MongoDB, and what is done with them as a whole."""

from collections.abc import Collection
from datetime import datetime
from typing import cast

from bson import ObjectId, decode
from pymongo import DESCENDING
from pymongo.client_session import ClientSession

from ordergen_server.domain.errors import AlreadySubmitted, VersionMismatch, Violation
from ordergen_server.domain.orders.ended import still_running
from ordergen_server.domain.orders.events import EventType, RebalanceEvent
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, View
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.domain.subjects import Subject
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.full_pages import as_stored, fill
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.review_store.events import FIRST_EVENT
from ordergen_server.repositories.review_store.reviews import Reviews
from ordergen_server.repositories.review_store.run_errors import run_not_found
from ordergen_server.repositories.run_store.results import Results
from ordergen_server.repositories.run_store.runs import RunLog, rebalance_of

#: The projection without what is read by itself: the result of a run of one portfolio, the first event.
ALONE = {"result": 0, FIRST_EVENT: 0}


class Rebalances(RunLog):
    """Runs as a whole: the writing side, and reading them page by page."""

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        super().__init__(database)
        self._tokens = tokens
        self._stored_headers = database.raw_collection("rebalances")
        self._results = Results(database, tokens, self._markets)
        self._reviews = Reviews(database)

    def new_id(self) -> str:
        """An id no other run has; later ones are greater, to the second."""
        return str(ObjectId())

    def request_cancel(self, rebalance_id: str, by: Subject, time: datetime) -> Rebalance:
        """Ask whoever carries out a run to cancel it; who asks first is an event. Raises NotFound."""
        # One whose caller left may have ended by that, before anything is written of it.
        states = [RebalanceState.RUNNING.value, RebalanceState.CANCELLED.value]
        uncancelled: Document = {
            "_id": ObjectId(rebalance_id),
            "state": {"$in": states},
            "cancel_requested": {"$ne": True},
        }

        def steps(session: ClientSession) -> None:
            found = self._headers.find_one_and_update(
                uncancelled, {"$set": {"cancel_requested": True}}, {"portfolio_count": 1}, session=session
            )
            if found:
                count = cast("int", found["portfolio_count"])
                event = RebalanceEvent(
                    EventType.CANCELLED, time, by.name, by.is_authenticated, portfolio_count=count
                )
                self._events.append(rebalance_id, event, session)

        with self._writing():
            self._database.transaction(steps)
        return self.get(rebalance_id)

    def to_be_cancelled(self) -> list[str]:
        """Runs that go on, whoever holds them, and are to be cancelled."""
        query: Document = {"state": RebalanceState.RUNNING.value}  # those are few, and the index has them
        with self._operation():
            running = self._headers.find(query, {"cancel_requested": 1})
            return [str(found["_id"]) for found in running if found.get("cancel_requested")]

    def delete(self, rebalance_id: str, version: int) -> None:
        """Delete a run that has ended; its events stay.

        Raises:
            NotFound, VersionMismatch, PreconditionFailed, AlreadySubmitted: as RebalanceStore has it.
        """
        rebalance = self.get(rebalance_id)
        if rebalance.version != version:
            raise VersionMismatch(
                f"Rebalance {rebalance_id} has version {rebalance.version}: read it again, then repeat.",
                metadata={"rebalance_id": rebalance_id, "current_version": str(rebalance.version)},
            )
        if rebalance.state is RebalanceState.RUNNING:
            raise still_running(rebalance_id)
        self._mark_deleted(rebalance_id, version)
        self._reviews.delete(rebalance_id)
        of_run: Document = {"rebalance_id": rebalance_id}
        for number in self._chunks_of(rebalance_id):  # all at once may take longer than an operation may
            with self._writing():
                self._portfolios.delete_many({**of_run, "chunk": number})
        with self._writing():
            # Results first: a run whose header is gone has none, and one cut short can be deleted again.
            self._portfolios.delete_many(of_run)
            self._work.delete_many(of_run)
            self._markets.delete(rebalance_id)
            self._headers.delete_one({"_id": ObjectId(rebalance_id), "version": version})

    def _mark_deleted(self, rebalance_id: str, version: int) -> None:
        """From here on nobody decides of a run, or submits it. Raises AlreadySubmitted."""

        def steps(session: ClientSession) -> None:
            if self._reviews.is_submitted(rebalance_id, session):
                rule = "has orders that were submitted: it is kept, for they are explained by it"
                raise AlreadySubmitted(
                    f"Rebalance {rebalance_id} {rule}.",
                    metadata={"rebalance_id": rebalance_id},
                    violations=[Violation(rebalance_id, rule, "ALREADY_SUBMITTED")],
                )
            self._events.outlive(rebalance_id, version, session)

        with self._writing():
            self._database.transaction(steps)

    def _chunks_of(self, rebalance_id: str) -> list[int]:
        """The numbers of a run's chunks."""
        with self._operation():
            found = self._work.find({"rebalance_id": rebalance_id}, {"_id": 0, "number": 1})
            return sorted(cast("int", one["number"]) for one in found)

    def get(self, rebalance_id: str) -> Rebalance:
        """Read a run. Raises NotFound."""
        with self._operation():
            document = self._headers.find_one({"_id": ObjectId(rebalance_id)}, ALONE)
        if document is None:
            raise run_not_found(rebalance_id)
        return rebalance_of(document)

    def find(self, page: PageRequest, model_id: str, portfolio_ids: Collection[str]) -> Page[Rebalance]:
        """Read a page of runs, newest first. Raises InvalidArgument for a foreign token."""
        over = tuple(sorted(set(portfolio_ids)))  # a database looks for each as often as it is named
        arguments = ("rebalances", model_id, over)
        place = cast("str | None", self._tokens.read(page.token, arguments))
        query: Document = {"model_id": model_id} if model_id else {}
        with self._operation():
            if over:
                query["_id"] = {"$in": self._results.runs_over(over)}
            total = self._headers.count_documents(query)
            after: Document = {"$and": [query, {"_id": {"$lt": ObjectId(place)}}]} if place else query
            cursor = self._stored_headers.find(after, ALONE).sort("_id", DESCENDING).skip(page.skip)
            with cursor.limit(page.limit + 1) as documents:
                found, more = fill(as_stored(documents), page.limit)
        items = [rebalance_of(decode(document.raw, CODEC_OPTIONS)) for document in found]
        token = self._tokens.make(items[-1].rebalance_id, arguments) if more else ""
        return Page(tuple(items), token, total)

    def find_portfolios(
        self, rebalance_id: str, page: PageRequest, state: PortfolioState | None
    ) -> Page[PortfolioRebalance]:
        """Read a page of what a run did, without positions. Raises NotFound, InvalidArgument."""
        return self._results.find(rebalance_id, page, state)

    def portfolios_after(
        self, rebalance_id: str, sequence: int, limit: int, view: View = View.FULL
    ) -> tuple[PortfolioRebalance, ...]:
        """Read what a run did after a point, in the order of sequence."""
        return self._results.after(rebalance_id, sequence, limit, view)

    def get_portfolio(
        self, rebalance_id: str, portfolio_id: str, view: View = View.FULL
    ) -> PortfolioRebalance:
        """Read what a run did for a portfolio. Raises NotFound."""
        return self._results.get(rebalance_id, portfolio_id, view)
