"""When models were rebalanced last: apart from them, so that noting it writes no model."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from bson import ObjectId
from pymongo import DESCENDING
from pymongo.client_session import ClientSession

from ordergen_server.domain.models import Model
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database

#: The collection, and its field.
ACTIVITY, TIME = "model_activity", "last_rebalance_time"
#: How long it is remembered that a model was deleted: a run of it may end later than it.
REMEMBERED_SECONDS = 7 * 24 * 3600
#: Models that were never rebalanced come before all others.
_NEVER = datetime.min.replace(tzinfo=UTC)


class ModelActivity:
    """The collection `model_activity`: a document for each model that was rebalanced, under the model's id.

    Of a deleted model it says since when; such a document expires, with whatever is marked in it meanwhile.
    Ids are never used again and models are read before their times, so nobody sees it.
    """

    def __init__(self, database: Database) -> None:
        self._documents = database.collection(ACTIVITY)

    def mark(self, model_id: str, time: datetime) -> None:
        """Note that a model was rebalanced; an earlier time changes nothing."""
        self._documents.update_one({"_id": ObjectId(model_id)}, {"$max": {TIME: time}}, upsert=True)

    def expire(self, model_id: str) -> None:
        """Let what is noted of a model, before or after this, be gone after a time."""
        deleted: Document = {"$currentDate": {"delete_time": True}}
        self._documents.update_one({"_id": ObjectId(model_id)}, deleted, upsert=True)

    def with_time(self, model: Model) -> Model:
        """The model with the time of its last rebalance."""
        found = self._documents.find_one({"_id": ObjectId(model.model_id)})
        return _later(model, _time(found or {}))

    def with_times(self, models: Sequence[Model]) -> list[Model]:
        """The models with the times of their last rebalances, in the same order."""
        if not models:
            return []
        query = {"_id": {"$in": [ObjectId(model.model_id) for model in models]}}
        times = {str(found["_id"]): _time(found) for found in self._documents.find(query)}
        return [_later(model, times.get(model.model_id)) for model in models]

    def sort(self, ids: Iterable[object], direction: int, session: ClientSession) -> list[object]:
        """Ids of models by the times of their last rebalances; of equal times as they were before."""
        found = self._documents.find({TIME: {"$exists": True}}, session=session).hint("_id_")
        times = {one["_id"]: _time(one) for one in found}
        return sorted(ids, key=lambda one: times.get(one) or _NEVER, reverse=direction == DESCENDING)


def _time(document: Document) -> datetime | None:
    return cast("datetime | None", document.get(TIME))


def _later(model: Model, time: datetime | None) -> Model:
    """The model with this time; a server of before models lost theirs may have stored a later one with it."""
    known = model.last_rebalance_time
    return model if time is None or (known and known >= time) else replace(model, last_rebalance_time=time)
