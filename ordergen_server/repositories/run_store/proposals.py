"""Which portfolios of a run propose trades, in MongoDB; what is stored of them never changes."""

from collections.abc import Collection, Iterator
from typing import cast

from bson import ObjectId
from pymongo import ASCENDING

from ordergen_server.domain.rebalances import PortfolioState
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database

_STATE = {"_id": 0, "portfolio_id": 1, "state": 1}
_OF_HEADER = {"_id": 0, "result.portfolio_id": 1, "result.state": 1}


class Proposals:
    """A ProposalStore."""

    def __init__(self, database: Database) -> None:
        self._operation = database.operation
        self._headers = database.collection("rebalances")
        self._portfolios = database.collection("portfolio_rebalances")

    def trading(self, rebalance_id: str, after: str, limit: int) -> list[str]:
        """Those with ids above `after`, in the order of their ids, at most so many."""
        trades = PortfolioState.REBALANCED
        query = {"rebalance_id": rebalance_id, "state": trades.value, "portfolio_id": {"$gt": after}}
        with self._operation():
            found = self._portfolios.find(query, _STATE).sort("portfolio_id", ASCENDING).limit(limit)
            ids = [cast("str", one["portfolio_id"]) for one in found]
            return ids or [one for one, state in self._only(rebalance_id) if state is trades and one > after]

    def states(self, rebalance_id: str, portfolio_ids: Collection[str]) -> dict[str, PortfolioState]:
        """What became of portfolios; those that the run is not over have none."""
        which: Document = {"rebalance_id": rebalance_id, "portfolio_id": {"$in": list(portfolio_ids)}}
        with self._operation():
            found = dict(map(_state, self._portfolios.find(which, _STATE)))
            return found or {one: state for one, state in self._only(rebalance_id) if one in portfolio_ids}

    def _only(self, rebalance_id: str) -> Iterator[tuple[str, PortfolioState]]:
        """The portfolio of a run of one, which stands in its header; of any other none."""
        header = self._headers.find_one({"_id": ObjectId(rebalance_id)}, _OF_HEADER)
        if header and "result" in header:
            yield _state(cast("Document", header["result"]))


def _state(document: Document) -> tuple[str, PortfolioState]:
    return cast("str", document["portfolio_id"]), PortfolioState(document["state"])
