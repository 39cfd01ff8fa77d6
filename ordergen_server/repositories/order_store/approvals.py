"""Reads the reviews of portfolios in the transaction that relies on them."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from ordergen_server.domain.orders.reviews import Review, ReviewState
from ordergen_server.domain.orders.submissions import Approvals
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import from_document
from ordergen_server.repositories.review_store.reviews import REVIEWS

if TYPE_CHECKING:
    from ordergen_server.repositories.mongodb.codec import Document

#: Ids that one question names.
_NAMED_AT_ONCE = 10_000


class Conflict(Exception):
    """Another transaction has just made what this one makes: do it again, and see it."""


class ReadReviews:
    """The collection of reviews, in transactions of submissions."""

    def __init__(self, database: Database) -> None:
        self._reviews = database.collection(REVIEWS)

    def not_approved(
        self, rebalance_id: str, approvals: Approvals, portfolio_ids: Collection[str], session: ClientSession
    ) -> list[str]:
        """Those of these portfolios whose orders may not be sent."""
        reviews = self._found(rebalance_id, portfolio_ids, session)
        rule, starter = approvals.rule, approvals.starter
        return [
            one
            for one in portfolio_ids
            if rule.state(reviews.get(one, Review()), starter) is not ReviewState.APPROVED
        ]

    def mark(self, rebalance_id: str, portfolio_ids: Collection[str], session: ClientSession) -> None:
        """Change the version of each review: whoever decides at this moment meets this.

        Raises:
            Conflict: somebody has just made one of them.
        """
        known = self._found(rebalance_id, portfolio_ids, session)
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

    def _found(
        self, rebalance_id: str, portfolio_ids: Collection[str], session: ClientSession
    ) -> Mapping[str, Review]:
        return {
            cast("str", one["portfolio_id"]): from_document(one, Review)
            for ids in _some(list(portfolio_ids))
            for one in self._reviews.find(
                {"rebalance_id": rebalance_id, "portfolio_id": {"$in": ids}},
                {"_id": 0, "version": 0},
                session=session,
            )
        }


def _some(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + _NAMED_AT_ONCE] for start in range(0, len(ids), _NAMED_AT_ONCE))
