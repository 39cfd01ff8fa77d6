"""Reading runs in MongoDB, and what is done with them as a whole."""

from collections.abc import Collection
from typing import cast

from bson import ObjectId, decode
from pymongo import ASCENDING, DESCENDING

from ordergen_server.domain.chunks import CHUNK_PORTFOLIOS
from ordergen_server.domain.errors import NotFound, PreconditionFailed, Resource, VersionMismatch, Violation
from ordergen_server.domain.pages import Page, PageRequest
from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState, Rebalance, RebalanceState
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.full_pages import fill
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunk_documents import PUBLISHED
from ordergen_server.repositories.run_store.result_documents import WITHOUT_LINES, result_of
from ordergen_server.repositories.run_store.runs import RunLog, rebalance_of, run_not_found


class Rebalances(RunLog):
    """Runs as a whole: the writing side, and reading them page by page."""

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        super().__init__(database)
        self._tokens = tokens
        self._stored_headers = database.raw_collection("rebalances")
        self._stored_portfolios = database.raw_collection("portfolio_rebalances")

    def new_id(self) -> str:
        """An id no other run has; later ones are greater, to the second."""
        return str(ObjectId())

    def request_cancel(self, rebalance_id: str) -> Rebalance:
        """Ask whoever carries out a run to cancel it. Raises NotFound."""
        with self._writing():
            self._headers.update_one(
                {"_id": ObjectId(rebalance_id), "state": RebalanceState.RUNNING.value},
                {"$set": {"cancel_requested": True}},
            )
        return self.get(rebalance_id)

    def to_be_cancelled(self) -> list[str]:
        """Runs that go on, whoever holds them, and are to be cancelled."""
        query: Document = {"state": RebalanceState.RUNNING.value}  # those are few, and the index has them
        with self._operation():
            running = self._headers.find(query, {"cancel_requested": 1})
            return [str(found["_id"]) for found in running if found.get("cancel_requested")]

    def delete(self, rebalance_id: str, version: int) -> None:
        """Delete a run that has ended. Raises NotFound, VersionMismatch, PreconditionFailed."""
        rebalance = self.get(rebalance_id)
        if rebalance.version != version:
            raise VersionMismatch(
                f"Rebalance {rebalance_id} has version {rebalance.version}: read it again, then repeat.",
                metadata={"rebalance_id": rebalance_id, "current_version": str(rebalance.version)},
            )
        if rebalance.state is RebalanceState.RUNNING:
            rule = "must have ended: cancel it first"
            raise PreconditionFailed(
                f"Rebalance {rebalance_id} {rule}.", violations=[Violation(rebalance_id, rule, "RUNNING")]
            )
        with self._writing():
            # Results first: a run whose header is gone has none, and one cut short can be deleted again.
            self._portfolios.delete_many({"rebalance_id": rebalance_id})
            self._work.delete_many({"rebalance_id": rebalance_id})
            self._headers.delete_one({"_id": ObjectId(rebalance_id), "version": version})

    def get(self, rebalance_id: str) -> Rebalance:
        """Read a run. Raises NotFound."""
        with self._operation():
            document = self._headers.find_one({"_id": ObjectId(rebalance_id)})
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
                query["_id"] = {"$in": self._runs_over(over)}
            total = self._headers.count_documents(query)
            after: Document = {"$and": [query, {"_id": {"$lt": ObjectId(place)}}]} if place else query
            cursor = self._stored_headers.find(after).sort("_id", DESCENDING).skip(page.skip)
            with cursor.limit(page.limit + 1) as documents:
                found, more = fill(documents, page.limit)
        items = [rebalance_of(decode(document.raw, CODEC_OPTIONS)) for document in found]
        token = self._tokens.make(items[-1].rebalance_id, arguments) if more else ""
        return Page(tuple(items), token, total)

    def find_portfolios(
        self, rebalance_id: str, page: PageRequest, state: PortfolioState | None
    ) -> Page[PortfolioRebalance]:
        """Read a page of what a run did, without positions. Raises NotFound, InvalidArgument."""
        arguments = ("portfolio_rebalances", rebalance_id, state)
        place = self._tokens.read(page.token, arguments)
        query: Document = {"rebalance_id": rebalance_id, "portfolio_id": {"$gt": place or ""}}
        if state:
            query["state"] = state.value
        self.get(rebalance_id)
        with self._operation():
            cursor = self._stored_portfolios.find(query, WITHOUT_LINES).sort("portfolio_id", ASCENDING)
            with cursor.limit(page.limit + 1) as documents:
                found, more = fill(documents, page.limit)
        items = [result_of(decode(document.raw, CODEC_OPTIONS)) for document in found]
        return Page(tuple(items), self._tokens.make(items[-1].portfolio_id, arguments) if more else "")

    def portfolios_after(
        self, rebalance_id: str, sequence: int, limit: int
    ) -> tuple[PortfolioRebalance, ...]:
        """Read what a run did after a point, whole, in the order of sequence.

        Results are numbered from 2 without gaps: by their place in a chunk that is published, or by
        themselves where they are of an earlier release or the only one of a run. So ranges name them; some
        databases read all that a query without an upper end could mean, whatever its limit.
        """
        first = max(sequence, 1) + 1
        last = first + limit - 1
        with self._operation():
            numbered = {"rebalance_id": rebalance_id, "sequence": {"$gte": first, "$lte": last}}
            found = list(self._portfolios.find(numbered).sort("sequence", ASCENDING))
            if len(found) < limit:
                found += self._of_chunks(rebalance_id, first + len(found), last)
        return tuple(map(result_of, found))

    def _of_chunks(self, rebalance_id: str, first: int, last: int) -> list[Document]:
        """The results of published chunks from one sequence to another, with their sequence."""
        reaching = {"$gt": max(0, first - CHUNK_PORTFOLIOS), "$lte": last}
        chunks = self._work.find({"rebalance_id": rebalance_id, "first_sequence": reaching}, PUBLISHED)
        found: list[Document] = []
        for chunk in chunks.sort("first_sequence", ASCENDING):
            start = cast("int", chunk["first_sequence"])
            places = {"$gte": max(first - start, 0), "$lte": last - start}
            query = {"rebalance_id": rebalance_id, "chunk": chunk["number"], "place": places}
            if start + cast("int", chunk["count"]) > first:
                results = self._portfolios.find(query).sort("place", ASCENDING)
                found += [{**one, "sequence": start + cast("int", one["place"])} for one in results]
        return found

    def get_portfolio(self, rebalance_id: str, portfolio_id: str) -> PortfolioRebalance:
        """Read what a run did for a portfolio, whole. Raises NotFound."""
        with self._operation():
            found = self._portfolios.find_one({"rebalance_id": rebalance_id, "portfolio_id": portfolio_id})
        if found is None:
            raise NotFound(
                f"Rebalance {rebalance_id} has no portfolio {portfolio_id}:"
                " ListPortfolioRebalances names those that it has so far.",
                metadata={"rebalance_id": rebalance_id, "portfolio_id": portfolio_id},
                resource=Resource("PortfolioRebalance", f"{rebalance_id}/{portfolio_id}"),
            )
        return result_of(found)

    def _runs_over(self, portfolio_ids: Collection[str]) -> list[ObjectId]:
        query = {"portfolio_id": {"$in": list(portfolio_ids)}}
        return [ObjectId(run) for run in self._portfolios.distinct("rebalance_id", query)]
