"""Whose turn it is to trade a portfolio: that of one run at a time.

Two runs may have proposed for a portfolio what one of them alone should trade, and orders of one that are on
their way are in no reading of the order service yet. So there is a document for each portfolio that was ever
traded, which names the run whose orders were written down last, and what became of them. Whoever writes
orders down reads and changes it in the same transaction: of two who do at once one sees the other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from ordergen_server.domain.orders.submissions import (
    UNSETTLED,
    PortfolioOrderState,
    SubmissionState,
    SubmittedPortfolio,
)
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.order_store.approvals import Conflict
from ordergen_server.repositories.order_store.order_documents import SUBMISSIONS, TURNS

if TYPE_CHECKING:
    from ordergen_server.repositories.mongodb.codec import Document


class Turns:
    """The collection of turns, in transactions of submissions."""

    def __init__(self, database: Database) -> None:
        self._turns = database.collection(TURNS)
        self._headers = database.collection(SUBMISSIONS)

    def of_others(
        self, rebalance_id: str, portfolio_ids: Sequence[str], since: datetime, session: ClientSession
    ) -> Mapping[str, str]:
        """Other runs that trade portfolios, or have since then, by portfolio.

        What stays in doubt of a submission that ended FAILED is over with it.
        """
        which: Document = {"_id": {"$in": list(portfolio_ids)}, "rebalance_id": {"$ne": rebalance_id}}
        others = list(self._turns.find(which, session=session))
        unsettled = [one for one in others if PortfolioOrderState(cast("str", one["state"])) in UNSETTLED]
        running = self._running({cast("str", one["submission_id"]) for one in unsettled}, session)
        return {
            cast("str", one["_id"]): cast("str", one["rebalance_id"])
            for one in others
            if cast("datetime", one["time"]) >= since
            or (one in unsettled and one["submission_id"] in running)
        }

    def take(self, portfolios: Collection[SubmittedPortfolio], session: ClientSession) -> None:
        """Note that orders of portfolios are written down. Raises Conflict."""
        try:
            self._change(portfolios, session, upsert=True)
        except BulkWriteError as error:  # another has just traded one for the first time
            raise Conflict from error

    def change(self, portfolios: Collection[SubmittedPortfolio], session: ClientSession) -> None:
        """Note what became of the orders of portfolios whose turn it is."""
        self._change(portfolios, session, upsert=False)

    def _change(
        self, portfolios: Iterable[SubmittedPortfolio], session: ClientSession, *, upsert: bool
    ) -> None:
        changes = []
        for one in portfolios:
            which: Document = {"_id": one.portfolio_id}
            which |= {} if upsert else {"submission_id": one.submission_id}
            turn = {
                "rebalance_id": one.rebalance_id,
                "submission_id": one.submission_id,
                "state": one.state.value,
                "time": "$$NOW",
            }
            changes.append(UpdateOne(which, [{"$set": turn}], upsert=upsert))
        if changes:
            self._turns.bulk_write(changes, session=session)

    def _running(self, submission_ids: Collection[str], session: ClientSession) -> Collection[str]:
        if not submission_ids:
            return ()
        which: Document = {
            "_id": {"$in": [ObjectId(one) for one in sorted(submission_ids)]},
            "state": SubmissionState.RUNNING.value,
        }
        return {str(one["_id"]) for one in self._headers.find(which, {"_id": 1}, session=session)}
