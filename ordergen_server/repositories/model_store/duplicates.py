"""What a new model, or a changed one, collided with."""

from typing import cast

from bson import ObjectId
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from ordergen_server.domain.errors import AlreadyExists, Resource
from ordergen_server.domain.models import Model, ModelContent
from ordergen_server.domain.requests.ids import USED_BEFORE
from ordergen_server.domain.requests.violations import broken
from ordergen_server.repositories.model_store.model_documents import model_of
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database


class Duplicates:
    """Finds who has what a unique index refused; it may be we ourselves.

    The other may not have reached a majority yet when ours collides with it: these reads wait for that.
    """

    def __init__(self, database: Database) -> None:
        latest = ReadConcern("linearizable")
        self._models = database.collection("models").with_options(read_concern=latest)
        self._requests = database.collection("requests").with_options(read_concern=latest)

    def earlier(
        self, error: DuplicateKeyError, document: Document, content: ModelContent, request_id: str
    ) -> Model:
        """What was created before by this very request, if it was. Raises AlreadyExists, InvalidArgument."""
        request = self._requests.find_one({"_id": request_id}) if request_id else None
        if request is not None:
            first = cast("Document", request["model"])
            if model_of(first).content != content:
                raise broken("request_id", USED_BEFORE) from error
            return model_of(first)
        if self._models.find_one({"_id": document["_id"]}, {"_id": 1}):
            return model_of(document)  # it was stored, and the answer got lost on the way
        raise self.taken(error, content) from error

    def has(self, model_id: str) -> bool:
        """Whether there is a model of this id."""
        return self._models.find_one({"_id": ObjectId(model_id)}, {"_id": 1}) is not None

    def taken(self, error: DuplicateKeyError, content: ModelContent) -> AlreadyExists:
        """Name the other: whichever model holds the name, or the portfolio, now."""
        key = _key(error)
        if "name" in key:
            return self._taken_by({"name": content.name}, "Model", content.name)
        portfolio_id = str(key["portfolio_ids"])
        return self._taken_by({"portfolio_ids": portfolio_id}, "Portfolio", portfolio_id)

    def _taken_by(self, query: Document, kind: str, name: str) -> AlreadyExists:
        other = self._models.find_one(query, {"_id": 1})
        owner = str(other["_id"]) if other else ""
        what = f"The name {name!r}" if kind == "Model" else f"Portfolio {name}"
        remedy = "choose another" if kind == "Model" else "remove it there first"
        return AlreadyExists(
            f"{what} belongs to model {owner or 'another'}: {remedy}.",
            metadata={"model_id": owner},
            resource=Resource(kind, name, owner and f"models/{owner}"),
        )


def _key(error: DuplicateKeyError) -> Document:
    """The values of the unique index that would have been there twice."""
    return cast("Document", (error.details or {}).get("keyValue", {}))
