"""Pages of models that stay stable while others write."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import cast

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING
from pymongo.client_session import ClientSession

from ordergen_server.domain.models import Model
from ordergen_server.domain.requests.ordering import MODEL_ORDERS, parse_order
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.domain.requests.violations import Violations, broken
from ordergen_server.repositories.model_store.activity import TIME, ModelActivity
from ordergen_server.repositories.model_store.model_documents import stored_model
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.full_pages import as_stored, fill
from ordergen_server.repositories.mongodb.tokens import PageTokens

#: Fields that documents call otherwise.
FIELDS = {"model_id": "_id"}
#: The fields that no two models have the same of, and the indexes that have them in order.
INDEXES = {"_id": "_id_", "name": "name"}
#: How long the pages of a sorted listing can be read on.
LISTING_SECONDS = 3600
#: Models of a sorted page read with one query.
READ_AT_ONCE = 100

Order = Sequence[tuple[str, int]]


class ModelPages:
    """Reads `models` page by page; `model_listings` has the ids of sorted listings being paged through."""

    def __init__(self, database: Database, tokens: PageTokens, activity: ModelActivity) -> None:
        self._database = database
        self._operation = database.operation
        self._models = database.collection("models")
        self._stored = database.raw_collection("models")
        self._listings = database.collection("model_listings")
        self._tokens = tokens
        self._activity = activity

    def find(self, page: PageRequest, order_by: str, portfolio_id: str) -> Page[Model]:
        """Read a page. Raises InvalidArgument for an unknown order or a foreign token."""
        order = total_order(order_by)
        query: Document = {"portfolio_ids": portfolio_id} if portfolio_id else {}
        arguments = ("models", tuple(order), portfolio_id)
        place = self._tokens.read(page.token, arguments)
        with self._operation():
            if order[0][0] == "_id":
                models, next_place = self._by_id(query, order[0][1], place, page)
            else:
                models, next_place = self._sorted(query, order, place, page)
            models = self._activity.with_times(models)
            whole = place is None and next_place is None and not page.skip
            total = len(models) if whole else self._count(query)
        token = "" if next_place is None else self._tokens.make(next_place, arguments)
        return Page(tuple(models), token, total)

    def _count(self, query: Document) -> int:
        if query:
            return self._models.count_documents(query)
        return self._models.count_documents({}, hint="_id_")  # the index instead of the documents

    def _by_id(
        self, query: Document, direction: int, place: object, page: PageRequest
    ) -> tuple[list[Model], object]:
        """Go on after the last id: ids never change, so writers cannot move a model over the edge."""
        if place is not None:
            query = {
                **query,
                "_id": {"$gt" if direction == ASCENDING else "$lt": ObjectId(cast("str", place))},
            }
        cursor = self._stored.find(query).sort("_id", direction).skip(page.skip).limit(page.limit + 1)
        with cursor if "portfolio_ids" in query else cursor.hint("_id_") as documents:
            found, more = fill(as_stored(documents), page.limit)
        models = list(map(stored_model, found))
        return models, models[-1].model_id if more else None

    def _sorted(
        self, query: Document, order: Order, place: object, page: PageRequest
    ) -> tuple[list[Model], object]:
        """Go on in the ids as they were sorted for the first page: names and times change meanwhile."""
        if place is None:
            ids, listing, start = self._sorted_ids(query, order), None, 0
        else:
            listing, start = cast("tuple[str, int]", place)
            ids = self._listing(listing)
        start += page.skip
        asked = ids[start : start + page.limit]
        found, cut_short = fill(as_stored(self._in_order(asked)), page.limit)
        models = list(map(stored_model, found))
        end = start + len(asked)
        if cut_short:
            end = ids.index(ObjectId(models[-1].model_id), start) + 1
        if end >= len(ids):
            return models, None
        return models, (listing or self._keep_listing(ids), end)

    def _in_order(self, ids: Sequence[object]) -> Iterator[RawBSONDocument]:
        """Those of these models that there are, some at a time: a page may be full before its last."""
        for start in range(0, len(ids), READ_AT_ONCE):
            asked = ids[start : start + READ_AT_ONCE]
            found = {document["_id"]: document for document in self._stored.find({"_id": {"$in": asked}})}
            yield from (found[one] for one in asked if one in found)

    def _sorted_ids(self, query: Document, order: Order) -> Sequence[object]:
        """All ids, read from one snapshot: a rename while the index is walked would move a model in it."""
        with self._database.snapshot() as session:
            if order[0][0] != TIME:
                return self._ids(query, order, session)
            (_, direction), *rest = order
            return self._activity.sort(self._ids(query, rest, session), direction, session)

    def _ids(self, query: Document, order: Order, session: ClientSession) -> list[object]:
        """All ids in the order of an index."""
        cursor = self._models.find(query, {"_id": 1}, session=session).sort(list(order))
        if not query:
            cursor = cursor.hint(INDEXES[order[0][0]])
        return [document["_id"] for document in cursor]

    def _keep_listing(self, ids: Sequence[object]) -> str:
        result = self._listings.insert_one({"ids": list(ids), "create_time": datetime.now(UTC)})
        return str(result.inserted_id)

    def _listing(self, listing: str) -> Sequence[object]:
        document = self._listings.find_one({"_id": ObjectId(listing)})
        if document is None:
            rule = f"must be used within {LISTING_SECONDS} seconds; begin again with the first page"
            raise broken("page_token", rule)
        return cast("Sequence[object]", document["ids"])


def total_order(order_by: str) -> Order:
    """The fields and directions of an order_by, up to the first that is unique: then the order is total.

    Raises:
        InvalidArgument: the order_by is not of the right form.
    """
    with Violations() as violations:
        asked = parse_order(order_by, MODEL_ORDERS, violations)
    order = {FIELDS.get(name, name): DESCENDING if desc else ASCENDING for name, desc in asked.items()}
    order.setdefault("_id", next(reversed(order.values()), ASCENDING))
    fields = list(order)
    unique = min(fields.index(name) for name in INDEXES if name in fields)
    return [(name, order[name]) for name in fields[: unique + 1]]
