"""Reads the reviews of portfolios in the transaction that relies on them."""

from collections.abc import Collection, Iterable, Mapping
from typing import cast

from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from ordergen_server.domain.orders.reviews import Review, ReviewState
from ordergen_server.domain.orders.submissions import Approvals
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import from_document
from ordergen_server.repositories.review_store.reviews import REVIEWS

#: Ids that one question names; of more all from the first to the last are read, for not every database looks
#: for each of them in an index.
_NAMED_AT_ONCE = 200


class Conflict(Exception):
    """Another transaction has just made what this one makes: do it again, and see it."""


class ReadReviews:
    """The collection of reviews, in transactions of submissions."""

    def __init__(self, database: Database) -> None:
        self._reviews = database.collection(REVIEWS)

    def mark(
        self,
        rebalance_id: str,
        portfolio_ids: Collection[str],
        known: Mapping[str, Review],
        session: ClientSession,
    ) -> None:
        """Change the version of each review: whoever decides at this moment meets this.

        Args:
            rebalance_id: the run.
            portfolio_ids: those whose orders are written down.
            known: the reviews that they have, as the same transaction has read them.
            session: the transaction's.

        Raises:
            Conflict: somebody has just made one of them.
        """
        which: Document = {"rebalance_id": rebalance_id, "portfolio_id": {"$in": sorted(known)}}
        if known:
            self._reviews.update_many(which, {"$inc": {"version": 1}}, session=session)
        new = [
            {"rebalance_id": rebalance_id, "portfolio_id": one, "version": 1}
            for one in portfolio_ids
            if one not in known
        ]
        try:
            if new:
                self._reviews.insert_many(new, session=session)
        except BulkWriteError as error:
            raise Conflict from error

    def read(
        self, rebalance_id: str, portfolio_ids: Collection[str], session: ClientSession
    ) -> Mapping[str, Review]:
        """The reviews of portfolios; those that nobody has decided of have none."""
        wanted = frozenset(portfolio_ids)
        found = self._reviews.find(
            of_portfolios(rebalance_id, wanted), {"_id": 0, "version": 0}, session=session
        )
        return {
            key: from_document(one, Review)
            for one in found
            if (key := cast("str", one["portfolio_id"])) in wanted
        }


def not_approved(
    reviews: Mapping[str, Review], approvals: Approvals, portfolio_ids: Iterable[str]
) -> list[str]:
    """Those of these portfolios, with these reviews, whose orders may not be sent."""
    rule, starter = approvals.rule, approvals.starter
    return [
        one
        for one in portfolio_ids
        if rule.state(reviews.get(one, Review()), starter) is not ReviewState.APPROVED
    ]


def of_portfolios(rebalance_id: str, portfolio_ids: Collection[str]) -> Document:
    """A query for what is kept of portfolios of a run; of many also for what lies between them."""
    if len(portfolio_ids) <= _NAMED_AT_ONCE:
        return {"rebalance_id": rebalance_id, "portfolio_id": {"$in": sorted(portfolio_ids)}}
    between = {"$gte": min(portfolio_ids), "$lte": max(portfolio_ids)}
    return {"rebalance_id": rebalance_id, "portfolio_id": between}
