"""Runs in MongoDB: a header document a run, and a document a portfolio, so that no run is too large."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import cast

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING

from ordergen_server.domain.errors import NotFound, Resource
from ordergen_server.domain.pages import Page, PageRequest
from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState, Rebalance
from ordergen_server.repositories.database import Database, Document
from ordergen_server.repositories.documents import from_document, take_id, to_document
from ordergen_server.repositories.tokens import PageTokens


class Rebalances:
    """The collections `rebalances` (headers) and `portfolio_rebalances`."""

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        self._headers = database.collection("rebalances")
        self._portfolios = database.collection("portfolio_rebalances")
        self._tokens = tokens
        self._operation = database.operation

    def new_id(self) -> str:
        """An id no other run has; later ones are greater, to the second."""
        return str(ObjectId())

    def create(self, rebalance: Rebalance) -> None:
        """Store the header of a new run."""
        with self._operation():
            self._headers.insert_one(_header(rebalance))

    def update(self, rebalance: Rebalance) -> Rebalance:
        """Store a changed header, with its version raised by one."""
        changed = replace(rebalance, version=rebalance.version + 1)
        with self._operation():
            self._headers.replace_one({"_id": ObjectId(rebalance.rebalance_id)}, _header(changed))
        return changed

    def save_portfolios(self, results: Sequence[PortfolioRebalance]) -> None:
        """Store what a run did for some portfolios; each stays as it is stored."""
        if results:
            with self._operation():
                self._portfolios.insert_many([to_document(result) for result in results], ordered=False)

    def get(self, rebalance_id: str) -> Rebalance:
        """Read a run. Raises NotFound."""
        with self._operation():
            document = self._headers.find_one({"_id": ObjectId(rebalance_id)})
        if document is None:
            raise _run_not_found(rebalance_id)
        return _rebalance(document)

    def find(self, page: PageRequest, model_id: str, portfolio_ids: Collection[str]) -> Page[Rebalance]:
        """Read a page of runs, newest first. Raises InvalidArgument for a foreign token."""
        arguments = ("rebalances", model_id, tuple(sorted(set(portfolio_ids))))
        place = cast("str | None", self._tokens.read(page.token, arguments))
        query: Document = {"model_id": model_id} if model_id else {}
        with self._operation():
            if portfolio_ids:
                query["_id"] = {"$in": self._runs_over(portfolio_ids)}
            total = self._headers.count_documents(query)
            after: Document = {"$and": [query, {"_id": {"$lt": ObjectId(place)}}]} if place else query
            cursor = self._headers.find(after).sort("_id", DESCENDING).skip(page.skip).limit(page.limit + 1)
            items = [_rebalance(document) for document in cursor]
        more = len(items) > page.limit
        items = items[: page.limit]
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
            cursor = self._portfolios.find(query, {"_id": 0, "positions": 0}).sort("portfolio_id", ASCENDING)
            items = [from_document(found, PortfolioRebalance) for found in cursor.limit(page.limit + 1)]
        more = len(items) > page.limit
        items = items[: page.limit]
        return Page(tuple(items), self._tokens.make(items[-1].portfolio_id, arguments) if more else "")

    def portfolios_after(
        self, rebalance_id: str, sequence: int, limit: int
    ) -> tuple[PortfolioRebalance, ...]:
        """Read what a run did after a point, whole, in the order of sequence."""
        query = {"rebalance_id": rebalance_id, "sequence": {"$gt": sequence}}
        with self._operation():
            cursor = self._portfolios.find(query).sort("sequence", ASCENDING).limit(limit)
            return tuple(from_document(found, PortfolioRebalance) for found in cursor)

    def get_portfolio(self, rebalance_id: str, portfolio_id: str) -> PortfolioRebalance:
        """Read what a run did for a portfolio, whole. Raises NotFound."""
        with self._operation():
            found = self._portfolios.find_one({"rebalance_id": rebalance_id, "portfolio_id": portfolio_id})
        if found is None:
            raise NotFound(
                f"Rebalance {rebalance_id} has no portfolio {portfolio_id}.",
                metadata={"rebalance_id": rebalance_id, "portfolio_id": portfolio_id},
                resource=Resource("PortfolioRebalance", f"{rebalance_id}/{portfolio_id}"),
            )
        return from_document(found, PortfolioRebalance)

    def _runs_over(self, portfolio_ids: Collection[str]) -> list[ObjectId]:
        query = {"portfolio_id": {"$in": list(portfolio_ids)}}
        return [ObjectId(run) for run in self._portfolios.distinct("rebalance_id", query)]


def _header(rebalance: Rebalance) -> Document:
    document = to_document(rebalance)
    return {"_id": ObjectId(cast("str", document.pop("rebalance_id"))), **document}


def _rebalance(document: Document) -> Rebalance:
    return from_document(take_id(document, "rebalance_id"), Rebalance)


def _run_not_found(rebalance_id: str) -> NotFound:
    return NotFound(
        f"There is no rebalance {rebalance_id}.",
        metadata={"rebalance_id": rebalance_id},
        resource=Resource("Rebalance", rebalance_id),
    )
