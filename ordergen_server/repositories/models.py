"""Models in MongoDB: one document a model."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.errors import AlreadyExists, InvalidArgument, NotFound, Resource, Violation
from ordergen_server.domain.models import Model, ModelContent
from ordergen_server.domain.pages import Page, PageRequest
from ordergen_server.repositories.database import Database, Document
from ordergen_server.repositories.documents import from_document, take_id, to_document
from ordergen_server.repositories.tokens import PageTokens

SORT_FIELDS = {"model_id": "_id", "name": "name", "last_rebalance_time": "last_rebalance_time"}
#: How long the pages of a sorted listing can be read on.
LISTING_SECONDS = 3600

Order = Sequence[tuple[str, int]]


class Models:
    """The collection `models`, and `model_listings` with the ids of sorted listings being paged through."""

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        self._models = database.collection("models")
        self._listings = database.collection("model_listings")
        self._tokens = tokens
        self._operation = database.operation

    def ensure_indexes(self) -> None:
        """Make the indexes where they are not there yet."""
        with self._operation():
            self._models.create_indexes(
                [
                    IndexModel([("name", ASCENDING)], name="name", unique=True),
                    # Partial: two models without portfolios would collide on the empty array.
                    IndexModel(
                        [("portfolio_ids", ASCENDING)],
                        name="portfolio",
                        unique=True,
                        partialFilterExpression={"portfolio_ids": {"$gt": ""}},
                    ),
                    IndexModel(
                        [("last_rebalance_time", ASCENDING), ("_id", ASCENDING)], name="last_rebalance"
                    ),
                ]
            )
            self._listings.create_index("create_time", name="expiry", expireAfterSeconds=LISTING_SECONDS)

    def create(self, content: ModelContent, time: datetime) -> Model:
        """Store a new model. Raises AlreadyExists where its name or one of its portfolios is taken."""
        document: Document = {
            "_id": ObjectId(),
            **to_document(content),
            "version": 1,
            "create_time": time,
            "update_time": time,
            "last_rebalance_time": None,
        }
        with self._operation():
            try:
                self._models.insert_one(document)
            except DuplicateKeyError as error:
                raise self._taken(error, content) from error
        return _model(document)

    def get(self, model_id: str) -> Model:
        """Read a model. Raises NotFound."""
        with self._operation():
            document = self._models.find_one({"_id": ObjectId(model_id)})
        if document is None:
            raise model_not_found(model_id)
        return _model(document)

    def of_portfolio(self, portfolio_id: str) -> Model:
        """Read the model a portfolio belongs to. Raises NotFound."""
        with self._operation():
            document = self._models.find_one({"portfolio_ids": portfolio_id})
        if document is None:
            raise NotFound(
                f"Portfolio {portfolio_id} belongs to no model.",
                metadata={"portfolio_id": portfolio_id},
                resource=Resource("Portfolio", portfolio_id),
            )
        return _model(document)

    def find(self, page: PageRequest, order_by: str, portfolio_id: str) -> Page[Model]:
        """Read a page of models. Raises InvalidArgument for an unknown order or a foreign token."""
        order = parse_order(order_by)
        query: Document = {"portfolio_ids": portfolio_id} if portfolio_id else {}
        arguments = ("models", tuple(order), portfolio_id)
        place = self._tokens.read(page.token, arguments)
        with self._operation():
            total = self._models.count_documents(query)
            if order[0][0] == "_id":
                documents, next_place = self._by_id(query, order[0][1], place, page)
            else:
                documents, next_place = self._sorted(query, order, place, page)
        token = "" if next_place is None else self._tokens.make(next_place, arguments)
        return Page(tuple(map(_model, documents)), token, total)

    def mark_rebalanced(self, model_id: str, time: datetime) -> None:
        """Note that a portfolio of the model traded; a run that ends late does not turn the time back."""
        with self._operation():
            self._models.update_one({"_id": ObjectId(model_id)}, {"$max": {"last_rebalance_time": time}})

    def _by_id(
        self, query: Document, direction: int, place: object, page: PageRequest
    ) -> tuple[list[Document], object]:
        """Go on after the last id: ids never change, so writers cannot move a model over the edge."""
        if place is not None:
            query = {
                **query,
                "_id": {"$gt" if direction == ASCENDING else "$lt": ObjectId(cast("str", place))},
            }
        cursor = self._models.find(query).sort("_id", direction).skip(page.skip).limit(page.limit + 1)
        documents = list(cursor)
        more = len(documents) > page.limit
        documents = documents[: page.limit]
        return documents, str(documents[-1]["_id"]) if more else None

    def _sorted(
        self, query: Document, order: Order, place: object, page: PageRequest
    ) -> tuple[list[Document], object]:
        """Go on in the ids as they were sorted for the first page: names and times change meanwhile."""
        if place is None:
            cursor = self._models.find(query, {"_id": 1}).sort(list(order))
            ids: Sequence[object] = [document["_id"] for document in cursor]
            listing, start = None, 0
        else:
            listing, start = cast("tuple[str, int]", place)
            ids = self._listing(listing)
        start += page.skip
        end = start + page.limit
        if end < len(ids) and listing is None:
            listing = self._keep_listing(ids)
        found = {
            document["_id"]: document for document in self._models.find({"_id": {"$in": ids[start:end]}})
        }
        documents = [found[model_id] for model_id in ids[start:end] if model_id in found]
        return documents, (listing, end) if end < len(ids) else None

    def _keep_listing(self, ids: Sequence[object]) -> str:
        result = self._listings.insert_one({"ids": list(ids), "create_time": datetime.now(UTC)})
        return str(result.inserted_id)

    def _listing(self, listing: str) -> Sequence[object]:
        document = self._listings.find_one({"_id": ObjectId(listing)})
        if document is None:
            rule = f"must be used within {LISTING_SECONDS} seconds"
            raise InvalidArgument(f"page_token: {rule}", violations=[Violation("page_token", rule, "FIELD")])
        return cast("Sequence[object]", document["ids"])

    def _taken(self, error: DuplicateKeyError, content: ModelContent) -> AlreadyExists:
        """Name the other: whichever model holds the name, or one of the portfolios, now."""
        pattern = cast("Document", (error.details or {}).get("keyPattern", {}))
        if "name" in pattern:
            return self._taken_by({"name": content.name}, "Model", content.name)
        taken = self._models.find_one({"portfolio_ids": {"$in": list(content.portfolio_ids)}})
        held = set(cast("list[str]", taken["portfolio_ids"])) if taken else set()
        name = next((one for one in content.portfolio_ids if one in held), content.portfolio_ids[0])
        return self._taken_by({"portfolio_ids": name}, "Portfolio", name)

    def _taken_by(self, query: Document, kind: str, name: str) -> AlreadyExists:
        other = self._models.find_one(query, {"_id": 1})
        owner = str(other["_id"]) if other else ""
        what = f"The name {name!r}" if kind == "Model" else f"Portfolio {name}"
        return AlreadyExists(
            f"{what} belongs to model {owner or 'another'}.",
            metadata={"model_id": owner},
            resource=Resource(kind, name, owner and f"models/{owner}"),
        )


def parse_order(order_by: str) -> Order:
    """The fields and directions of an order_by, ending in the id so that the order is total.

    Raises:
        InvalidArgument: a field is unknown, named twice, or its direction is neither `desc` nor a sign.
    """
    order: dict[str, int] = {}
    for term in filter(None, (part.strip() for part in order_by.split(","))):
        name, direction = _order_term(term)
        if name not in SORT_FIELDS or SORT_FIELDS[name] in order:
            rule = f"must name {', '.join(SORT_FIELDS)}, each at most once, optionally ` desc`, not {term!r}"
            raise InvalidArgument(f"order_by: {rule}", violations=[Violation("order_by", rule, "FIELD")])
        order[SORT_FIELDS[name]] = direction
    order.setdefault("_id", ASCENDING)
    return list(order.items())


def _order_term(term: str) -> tuple[str, int]:
    if term[0] in "+-":
        return term[1:], DESCENDING if term[0] == "-" else ASCENDING
    name, _, direction = term.partition(" ")
    return (name, DESCENDING) if direction.strip() == "desc" else (term, ASCENDING)


def model_not_found(model_id: str) -> NotFound:
    """The error of a model that is not there."""
    return NotFound(
        f"There is no model {model_id}.",
        metadata={"model_id": model_id},
        resource=Resource("Model", model_id),
    )


def _model(document: Document) -> Model:
    flat = take_id(document, "model_id")
    return from_document({**flat, "content": flat}, Model)
