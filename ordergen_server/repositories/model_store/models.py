"""Models in MongoDB: one document a model, and every change of it one operation."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from ordergen_server.domain.errors import NotFound, Resource, VersionMismatch
from ordergen_server.domain.models import FIELDS, Model, ModelContent
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.repositories.model_store.activity import ModelActivity
from ordergen_server.repositories.model_store.duplicates import Duplicates
from ordergen_server.repositories.model_store.model_documents import (
    KEPT_MODELS,
    WITHOUT_PORTFOLIOS,
    model_of,
    stored_model,
)
from ordergen_server.repositories.model_store.model_pages import ModelPages
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.mongodb.tokens import PageTokens

#: How many changes a model remembers, to know its own again where the driver repeats one.
REMEMBERED_CHANGES = 16


class Models:
    """The collections `models`, `model_activity` with the times of their last rebalances, and `requests`.

    The last has what requests that may be repeated have created.
    """

    def __init__(self, database: Database, tokens: PageTokens) -> None:
        self._database = database
        self._operation = database.operation
        self._writing = database.writing
        self._models = database.collection("models")
        self._stored = database.raw_collection("models")
        self._requests = database.collection("requests")
        self._duplicates = Duplicates(database)
        self._activity = ModelActivity(database)
        self._pages = ModelPages(database, tokens, self._activity)
        # A version of a model never changes; and it is small but for its portfolios.
        self._version = lru_cache(maxsize=KEPT_MODELS)(self._read_version)

    def create(
        self, content: ModelContent, time: datetime, request_id: str = "", *, actor: str = ""
    ) -> Model:
        """Store a new model; with a request id that was used for the same content, answer that model.

        Raises:
            AlreadyExists: its name or one of its portfolios is taken.
            InvalidArgument: the request id was used for other content.
        """
        document: Document = {
            "_id": ObjectId(),
            **to_document(content),
            "version": 1,
            "create_time": time,
            "update_time": time,
            "update_actor": actor,
        }
        with self._writing():
            try:
                self._insert(document, request_id, time)
            except DuplicateKeyError as error:
                return self._duplicates.earlier(error, document, content, request_id)
        return model_of(document)

    def add(self, model: Model) -> bool:
        """Store a model that has its id, version and times already; False where there is one of that id.

        Raises:
            AlreadyExists: its name or one of its portfolios is taken.
        """
        document: Document = {
            "_id": ObjectId(model.model_id),
            **to_document(model.content),
            "version": model.version,
            "create_time": model.create_time,
            "update_time": model.update_time,
            "update_actor": model.update_actor,
        }
        with self._writing():
            try:
                self._models.insert_one(document)
            except DuplicateKeyError as error:
                if self._duplicates.has(model.model_id):
                    return False
                raise self._duplicates.taken(error, model.content) from error
        return True

    def versions(self, model_ids: Collection[str]) -> dict[str, int]:
        """The versions of those of these models that there are, by id."""
        which: Document = {"_id": {"$in": [ObjectId(one) for one in model_ids]}}
        with self._operation():
            found = self._models.find(which, {"version": 1})
            return {str(one["_id"]): cast("int", one["version"]) for one in found}

    def get(self, model_id: str) -> Model:
        """Read a model. Raises NotFound."""
        with self._operation():
            return self._activity.with_time(stored_model(self._read(model_id)))

    def of_portfolio(self, portfolio_id: str) -> Model:
        """Read the model a portfolio belongs to, but for its portfolios and the time of its last rebalance.

        Raises:
            NotFound: it belongs to none.
        """
        with self._operation():
            while found := self._models.find_one({"portfolio_ids": portfolio_id}, {"version": 1}):
                with suppress(LookupError):  # it was changed meanwhile, and may have lost the portfolio
                    return self._version(found["_id"], found["version"])
        raise NotFound(
            f"Portfolio {portfolio_id} belongs to no model: link it to one with AddPortfolios.",
            metadata={"portfolio_id": portfolio_id},
            resource=Resource("Portfolio", portfolio_id),
        )

    def find(self, page: PageRequest, order_by: str, portfolio_id: str) -> Page[Model]:
        """Read a page of models. Raises InvalidArgument for an unknown order or a foreign token."""
        return self._pages.find(page, order_by, portfolio_id)

    def change(
        self,
        model_id: str,
        version: int,
        change: Callable[[ModelContent], ModelContent],
        time: datetime,
        *,
        actor: str = "",
    ) -> Model:
        """Store what `change` makes of a model, as one step; `version` 0 is whichever is current.

        Compare and set on the version: where another writer was first, a caller who named a version gets
        VersionMismatch and one who did not is asked to change what is there now.
        """
        with self._writing():
            return self._activity.with_time(self._changed(model_id, version, change, time, actor))

    def delete(self, model_id: str, version: int) -> None:
        """Delete a model. Raises NotFound, VersionMismatch."""
        with self._writing():
            try:
                self._delete(model_id, version)
            except NotFound:
                self._activity.expire(model_id)  # a call that was cut off may not have come so far
                raise
            self._activity.expire(model_id)

    def mark_rebalanced(self, model_id: str, time: datetime) -> None:
        """Note that a portfolio of the model traded; a run that ends late does not turn the time back."""
        with self._writing():
            self._activity.mark(model_id, time)

    def _read(self, model_id: str) -> RawBSONDocument:
        document = self._stored.find_one({"_id": ObjectId(model_id)})
        if document is None:
            raise NotFound(
                f"There is no model {model_id}: ListModels names those that there are.",
                metadata={"model_id": model_id},
                resource=Resource("Model", model_id),
            )
        return document

    def _read_version(self, model_id: object, version: object) -> Model:
        document = self._models.find_one({"_id": model_id, "version": version}, WITHOUT_PORTFOLIOS)
        if document is None:
            raise LookupError(model_id)
        return model_of(document)

    def _insert(self, document: Document, request_id: str, time: datetime) -> None:
        if not request_id:
            self._models.insert_one(document)
            return
        request = {"_id": request_id, "model": document, "create_time": time}

        def insert_both(session: ClientSession) -> None:
            self._requests.insert_one(request, session=session)
            self._models.insert_one(document, session=session)

        self._database.transaction(insert_both)

    def _changed(
        self,
        model_id: str,
        version: int,
        change: Callable[[ModelContent], ModelContent],
        time: datetime,
        actor: str,
    ) -> Model:
        change_id = ObjectId()
        stored = self._read(model_id)
        while True:
            model = stored_model(stored)
            if version not in {0, model.version}:
                raise _version_mismatch(model_id, model.version)
            fields = _differences(model.content, change(model.content))
            if not fields:
                return model
            changed = replace(
                model,
                content=replace(model.content, **fields),
                version=model.version + 1,
                update_time=time,
                update_actor=actor,
            )
            if self._compare_and_set(model, changed, fields, change_id):
                return changed
            stored = self._read(model_id)
            if change_id in _remembered(stored):
                return stored_model(stored)  # it was ours, and the answer got lost on the way

    def _delete(self, model_id: str, version: int) -> None:
        while not self._models.delete_one({"_id": ObjectId(model_id), "version": version}).deleted_count:
            current = stored_model(self._read(model_id)).version
            if current != version:
                raise _version_mismatch(model_id, current)

    def _compare_and_set(
        self, model: Model, changed: Model, fields: Collection[str], change_id: ObjectId
    ) -> bool:
        """Store these fields of `changed` if what is stored is still `model`; False where it is not."""
        document = to_document(changed.content)
        update = {
            "$set": {
                **{name: document[name] for name in fields},
                "update_time": changed.update_time,
                "update_actor": changed.update_actor,
            },
            "$inc": {"version": 1},
            "$push": {"change_ids": {"$each": [change_id], "$slice": -REMEMBERED_CHANGES}},
        }
        unchanged = {"_id": ObjectId(model.model_id), "version": model.version}
        try:
            return self._models.update_one(unchanged, update).modified_count == 1
        except DuplicateKeyError as error:
            raise self._duplicates.taken(error, changed.content) from error


def _differences(before: ModelContent, after: ModelContent) -> dict[str, Any]:
    """The fields that are not the same: only they are stored, for a model may have very many portfolios."""
    return {name: getattr(after, name) for name in FIELDS if getattr(after, name) != getattr(before, name)}


def _remembered(document: RawBSONDocument) -> Sequence[object]:
    return cast("Sequence[object]", document.get("change_ids", ()))


def _version_mismatch(model_id: str, current: int) -> VersionMismatch:
    return VersionMismatch(
        f"Model {model_id} was changed meanwhile, its version is {current}: read it again, then repeat.",
        metadata={"model_id": model_id, "current_version": str(current)},
    )
