"""What runs did for portfolios, in MongoDB: read one by one, page by page, or in the order of sequence."""

from collections.abc import Collection
from typing import cast

from bson import ObjectId, decode
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING

from ordergen_server.domain.chunks import CHUNK_PORTFOLIOS
from ordergen_server.domain.errors import NotFound, Resource
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, View
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.full_pages import fill
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.review_store.run_errors import run_not_found
from ordergen_server.repositories.run_store.chunk_documents import PUBLISHED
from ordergen_server.repositories.run_store.market.kept_markets import KeptMarkets
from ordergen_server.repositories.run_store.market.markets import RunTable
from ordergen_server.repositories.run_store.result_documents import WITHOUT_LINES, result_of

#: The projections of views.
SHOWN: dict[View, Document] = {View.BASIC: WITHOUT_LINES, View.FULL: {"_id": 0}}
_RESULT: Document = {"result": 1}
#: The sequence of the first result of a run.
FIRST = 2
#: A transaction of a message, at most.
TRANSACTION_BYTES = 56


class Results:
    """The collection `portfolio_rebalances`; the result of a run of one portfolio stands in its header."""

    def __init__(self, database: Database, tokens: PageTokens, markets: KeptMarkets) -> None:
        self._operation = database.operation
        self._tokens = tokens
        self._markets = markets
        self._headers = database.collection("rebalances")
        self._portfolios = database.collection("portfolio_rebalances")
        self._work = database.collection("rebalance_work")
        self._stored = database.raw_collection("portfolio_rebalances")

    def find(
        self, rebalance_id: str, page: PageRequest, state: PortfolioState | None
    ) -> Page[PortfolioRebalance]:
        """Read a page of what a run did, without positions. Raises NotFound, InvalidArgument."""
        arguments = ("portfolio_rebalances", rebalance_id, state)
        place = cast("str", self._tokens.read(page.token, arguments) or "")
        query: Document = {"rebalance_id": rebalance_id, "portfolio_id": {"$gt": place}}
        if state:
            query["state"] = state.value
        with self._operation():
            only = self._only(rebalance_id)
            if only:
                found = self._results([only] if _shown(only, place, state) else [])
                return Page(tuple(found))
            table = self._markets.table(rebalance_id)
            cursor = self._stored.find(query, SHOWN[View.BASIC]).sort("portfolio_id", ASCENDING)
            with cursor.limit(page.limit + 1) as documents:
                items, more = fill((_row(one, table) for one in documents), page.limit)
        return Page(tuple(items), self._tokens.make(items[-1].portfolio_id, arguments) if more else "")

    def after(
        self, rebalance_id: str, sequence: int, limit: int, view: View
    ) -> tuple[PortfolioRebalance, ...]:
        """Read what a run did after a point, in the order of sequence.

        Results are numbered from 2 without gaps: by their place in a chunk that is published, or by
        themselves where they are of an earlier release. So ranges name them; some databases read all that a
        query without an upper end could mean, whatever its limit.
        """
        first = max(sequence, 1) + 1
        last = first + limit - 1
        with self._operation():
            found = self._of_chunks(rebalance_id, first, last, view)
            if not found or found[0]["sequence"] != first:
                numbered = {"rebalance_id": rebalance_id, "sequence": {"$gte": first, "$lte": last}}
                found = [*self._portfolios.find(numbered, SHOWN[view]).sort("sequence", ASCENDING), *found]
            if not found and first == FIRST:
                found = self._alone({"_id": ObjectId(rebalance_id)}, view)
            return tuple(self._results(found))

    def get(self, rebalance_id: str, portfolio_id: str, view: View) -> PortfolioRebalance:
        """Read what a run did for a portfolio. Raises NotFound."""
        query = {"rebalance_id": rebalance_id, "portfolio_id": portfolio_id}
        with self._operation():
            found = list(self._portfolios.find(query, SHOWN[view])) or self._alone(
                {"_id": ObjectId(rebalance_id), "result.portfolio_id": portfolio_id}, view
            )
            results = self._results(found)
        if not results:
            raise NotFound(
                f"Rebalance {rebalance_id} has no portfolio {portfolio_id}:"
                " ListPortfolioRebalances names those that it has so far.",
                metadata={"rebalance_id": rebalance_id, "portfolio_id": portfolio_id},
                resource=Resource("PortfolioRebalance", f"{rebalance_id}/{portfolio_id}"),
            )
        return results[0]

    def runs_over(self, portfolio_ids: Collection[str]) -> list[ObjectId]:
        """The runs that had any of these portfolios; within an operation."""
        which = {"$in": list(portfolio_ids)}
        runs = self._portfolios.distinct("rebalance_id", {"portfolio_id": which})
        alone = self._headers.find({"result.portfolio_id": which}, {"_id": 1})
        return [*map(ObjectId, runs), *(cast("ObjectId", one["_id"]) for one in alone)]

    def _of_chunks(self, rebalance_id: str, first: int, last: int, view: View) -> list[Document]:
        """The results of published chunks from one sequence to another, with their sequence."""
        reaching = {"$gt": max(0, first - CHUNK_PORTFOLIOS), "$lte": last}
        chunks = self._work.find({"rebalance_id": rebalance_id, "first_sequence": reaching}, PUBLISHED)
        found: list[Document] = []
        for chunk in chunks.sort("first_sequence", ASCENDING):
            start = cast("int", chunk["first_sequence"])
            places = {"$gte": max(first - start, 0), "$lte": last - start}
            query = {"rebalance_id": rebalance_id, "chunk": chunk["number"], "place": places}
            if start + cast("int", chunk["count"]) > first:
                results = self._portfolios.find(query, SHOWN[view]).sort("place", ASCENDING)
                found += [{**one, "sequence": start + cast("int", one["place"])} for one in results]
        return found

    def _only(self, rebalance_id: str) -> Document | None:
        """The result of a run of one portfolio; None of any other. Raises NotFound."""
        header = self._headers.find_one({"_id": ObjectId(rebalance_id)}, _RESULT)
        if header is None:
            raise run_not_found(rebalance_id)
        only = header.get("result")
        return _viewed(cast("Document", only), View.BASIC) if only else None

    def _alone(self, query: Document, view: View) -> list[Document]:
        headers = self._headers.find(query, _RESULT)
        return [_viewed(cast("Document", one["result"]), view) for one in headers if "result" in one]

    def _results(self, documents: list[Document]) -> list[PortfolioRebalance]:
        """The results of documents of one run; a market that is not kept is looked for each time."""
        if not documents:
            return []
        table = self._markets.table(cast("str", documents[0]["rebalance_id"]))
        return [result_of(one, table) for one in documents]


def _viewed(result: Document, view: View) -> Document:
    return {name: value for name, value in result.items() if SHOWN[view].get(name) != 0}


def _row(stored: RawBSONDocument, table: RunTable) -> tuple[PortfolioRebalance, int]:
    """A result without lines, and about the bytes of its message."""
    row = result_of(decode(stored.raw, CODEC_OPTIONS), table)
    return row, len(stored.raw) + TRANSACTION_BYTES * len(row.transactions)


def _shown(document: Document, place: str, state: PortfolioState | None) -> bool:
    after = cast("str", document["portfolio_id"]) > place
    return after and (state is None or document["state"] == state.value)
