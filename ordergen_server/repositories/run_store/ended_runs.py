"""Runs that ended elsewhere, stored whole: each once, whoever stores it and however often.

The results are stored first, under ids that follow from run and portfolio, and the header last: a run that is
listed has all its results, and whoever was cut off in between does it again without doubling anything. The
result of a run of one portfolio stands in its header. Results have their securities themselves, for nothing
says that the portfolios of such a run have one market.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.rebalances.runs import Rebalance
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.driver_errors import there_already
from ordergen_server.repositories.run_store.market.markets import RunTable
from ordergen_server.repositories.run_store.result_documents import result_document
from ordergen_server.repositories.run_store.results import FIRST
from ordergen_server.repositories.run_store.runs import header_of

#: Results that are written at once.
WRITTEN_AT_ONCE = 250


class EndedRuns:
    """The writing side of runs that are over."""

    def __init__(self, database: Database) -> None:
        self._operation = database.operation
        self._writing = database.writing
        self._headers = database.collection("rebalances")
        self._portfolios = database.collection("portfolio_rebalances")

    def add(self, rebalance: Rebalance, results: Sequence[PortfolioRebalance]) -> bool:
        """Store a run with its results, told in their order; False where there is a run of that id."""
        header = header_of(rebalance, None, sequence=1 + len(results))
        numbered = (replace(one, sequence=number) for number, one in enumerate(results, FIRST))
        documents = [result_document(one, RunTable()) for one in numbered]
        if len(documents) == 1:
            header["result"] = documents[0]
        elif self.existing([rebalance.rebalance_id]):
            return False
        else:
            self._insert_results(documents)
        with self._writing():
            try:
                self._headers.insert_one(header)
            except DuplicateKeyError:
                return False
        return True

    def existing(self, rebalance_ids: Collection[str]) -> set[str]:
        """Those of these runs that there are."""
        which: Document = {"_id": {"$in": [ObjectId(one) for one in rebalance_ids]}}
        with self._operation():
            return {str(one["_id"]) for one in self._headers.find(which, {"_id": 1})}

    def _insert_results(self, documents: Sequence[Document]) -> None:
        """Store results; those that are there are the same."""
        named = [{"_id": f"{one['rebalance_id']}/{one['portfolio_id']}", **one} for one in documents]
        for start in range(0, len(named), WRITTEN_AT_ONCE):
            with self._writing(), there_already():
                self._portfolios.insert_many(named[start : start + WRITTEN_AT_ONCE], ordered=False)
