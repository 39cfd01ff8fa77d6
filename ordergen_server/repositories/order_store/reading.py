"""Reading submissions, their portfolios, batches and orders."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from bson import ObjectId, decode
from pymongo import ASCENDING

from ordergen_server.domain.errors import NotFound, Resource
from ordergen_server.domain.orders.orders import Order, OrderState
from ordergen_server.domain.orders.submissions import (
    Left,
    OrderBatch,
    OrderSubmission,
    PortfolioOrderState,
    SubmittedPortfolio,
)
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.full_pages import as_stored, fill
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.order_store.order_documents import (
    BATCHES,
    ORDERS,
    PORTFOLIOS,
    SUBMISSIONS,
    batch_of,
    order_of,
    portfolio_of,
    submission_of,
)
from ordergen_server.repositories.review_store.run_errors import run_not_found

#: Places of a submission that are looked at together.
WINDOW = 200
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class OrderReader:
    """The reading side of submissions."""

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        self._tokens = tokens
        self._operation = database.operation
        self._headers = database.collection(SUBMISSIONS)
        self._portfolios = database.collection(PORTFOLIOS)
        self._orders = database.collection(ORDERS)
        self._stored_orders = database.raw_collection(ORDERS)
        self._batches = database.collection(BATCHES)
        self._runs = database.collection("rebalances")

    def get(self, submission_id: str) -> OrderSubmission:
        """Read a submission. Raises NotFound."""
        with self._operation():
            header = self._headers.find_one({"_id": ObjectId(submission_id)})
        if header is None:
            raise submission_not_found(submission_id)
        return submission_of(header)

    def open_batches(self, submission_id: str) -> Sequence[OrderBatch]:
        """Batches for which something is to be done, by their marks."""
        with self._operation():
            found = self._batches.find({"submission_id": submission_id, "open": True})
            return [batch_of(one) for one in found.sort("mark", ASCENDING)]

    def orders_of_batch(self, batch_id: str) -> Sequence[Order]:
        """All orders of a batch, in the order in which they are sent: that of their ids."""
        with self._operation():
            found = self._orders.find({"batch_id": batch_id}).sort("_id", ASCENDING)
            return [order_of(one) for one in found]

    def orders_of_portfolios(self, rebalance_id: str, portfolio_ids: Collection[str]) -> Sequence[Order]:
        """All orders of portfolios that were written down."""
        with self._operation():
            return [order_of(one) for one in self._orders.find(_of(rebalance_id, portfolio_ids))]

    def portfolios(self, rebalance_id: str, portfolio_ids: Collection[str]) -> Sequence[SubmittedPortfolio]:
        """Those of these portfolios that were submitted, in the order of their ids."""
        with self._operation():
            found = self._portfolios.find(_of(rebalance_id, portfolio_ids)).sort("portfolio_id", ASCENDING)
            return [portfolio_of(one) for one in found]

    def portfolios_left(
        self, submission_id: str, left: Left, limit: int, after: int = -1
    ) -> Sequence[SubmittedPortfolio]:
        """The first portfolios after a place of which so much is not written down."""
        header = {"_id": ObjectId(submission_id)}
        with self._operation():
            submission = self._headers.find_one(header, {"portfolio_count": 1}) or {}
            places = range(after + 1, cast("int", submission.get("portfolio_count", 0)), WINDOW)
            found: list[Document] = []
            for first in places:
                # Ranges, for some databases read all that a query without an upper end could mean.
                place = {"$gte": first, "$lt": first + WINDOW}
                query = {"submission_id": submission_id, "left": left.value, "place": place}
                some = self._portfolios.find(query).sort("place", ASCENDING).limit(limit - len(found))
                found += some
                if len(found) >= limit:
                    break
            return [portfolio_of(one) for one in found]

    def portfolio_states(
        self, rebalance_id: str, portfolio_ids: Collection[str]
    ) -> Mapping[str, PortfolioOrderState]:
        """What became of the orders of portfolios; nothing of those that were not submitted."""
        if not portfolio_ids:
            return {}
        page = {"$gte": min(portfolio_ids), "$lte": max(portfolio_ids)}
        shown = {"_id": 0, "portfolio_id": 1, "state": 1}
        with self._operation():
            found = list(self._portfolios.find({"rebalance_id": rebalance_id, "portfolio_id": page}, shown))
        states = {cast("str", one["portfolio_id"]): PortfolioOrderState(one["state"]) for one in found}
        return {one: states[one] for one in portfolio_ids if one in states}

    def changed_after(
        self, submission_id: str, sequence: int, until: int, limit: int
    ) -> Sequence[Order | SubmittedPortfolio]:
        """Orders and stale portfolios by their last change, after a sequence and up to another."""
        query = {"submission_id": submission_id, "sequence": {"$gt": sequence, "$lte": until}}
        with self._operation():
            orders = list(self._orders.find(query).sort("sequence", ASCENDING).limit(limit))
            stale = list(self._portfolios.find(query).sort("sequence", ASCENDING).limit(limit))
        found: list[Order | SubmittedPortfolio] = [order_of(one) for one in orders]
        found += [portfolio_of(one) for one in stale]
        return sorted(found, key=lambda one: one.sequence)[:limit]

    def find(
        self, rebalance_id: str, page: PageRequest, portfolio_id: str, state: OrderState | None
    ) -> Page[Order]:
        """Read a page of a run's orders, by portfolio and security. Raises NotFound, InvalidArgument."""
        arguments = ("orders", rebalance_id, portfolio_id, state and state.value)
        place = cast("list[str] | None", self._tokens.read(page.token, arguments))
        query: Document = {"rebalance_id": rebalance_id}
        query |= {"portfolio_id": portfolio_id} if portfolio_id else {}
        query |= {"state": state.value} if state else {}
        if place:
            first, second = place
            query["$or"] = [
                {"portfolio_id": {"$gt": first}},
                {"portfolio_id": first, "security_id": {"$gt": second}},
            ]
        with self._operation():
            cursor = self._stored_orders.find(query).sort(
                [("portfolio_id", ASCENDING), ("security_id", ASCENDING)]
            )
            with cursor.limit(page.limit + 1) as documents:
                found, more = fill(as_stored(documents), page.limit)
            if not found and self._runs.find_one({"_id": ObjectId(rebalance_id)}, {"_id": 1}) is None:
                raise run_not_found(rebalance_id)
        items = [order_of(decode(one.raw, CODEC_OPTIONS)) for one in found]
        last = [items[-1].portfolio_id, items[-1].security_id] if more else None
        return Page(tuple(items), self._tokens.make(last, arguments) if last else "")

    def marked(self, rebalance_id: str) -> Sequence[Order]:
        """All orders of a run that were written down to be sent, by portfolio and security."""
        with self._operation():
            found = self._orders.find({"rebalance_id": rebalance_id}).sort(
                [("portfolio_id", ASCENDING), ("security_id", ASCENDING)]
            )
            return [order_of(one) for one in found if one["mark"]]

    def in_doubt_since(self) -> datetime | None:
        """Since when the order that is in doubt longest is, of all submissions; None where none is."""
        with self._operation():
            found = self._batches.find_one(
                {"doubted_at": {"$gt": _EVER}}, {"doubted_at": 1}, sort=[("doubted_at", ASCENDING)]
            )
        return cast("datetime", found["doubted_at"]) if found else None


def _of(rebalance_id: str, portfolio_ids: Collection[str]) -> Document:
    return {"rebalance_id": rebalance_id, "portfolio_id": {"$in": sorted(portfolio_ids)}}


def submission_not_found(submission_id: str) -> NotFound:
    """The error of a submission that there is not."""
    return NotFound(
        f"There is no order submission {submission_id}: SubmitOrders answers its id.",
        metadata={"submission_id": submission_id},
        resource=Resource("OrderSubmission", submission_id),
    )
