"""The times of rebalances leave the models; servers of the release before may serve meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.collection import Collection

from ordergen_server.domain.models import Model
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.repositories.migrations import MIGRATIONS, migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.schema import TIME_INDEXES
from tests.builders import NOW, content, portfolio_id

TIMES = {"Delta": 3, "Alpha": None, "Echo": 1, "Bravo": None, "Charlie": 2}
BY_TIME = ["Alpha", "Bravo", "Echo", "Charlie", "Delta"]
LATER = NOW + timedelta(days=1)


@pytest.fixture
def old(database: Database) -> list[Model]:
    """Five models as the release before has stored them, one of them broken by today's rules."""
    migrate(database, {number: MIGRATIONS[number] for number in range(1, 6)})
    collection = database.collection("models")
    for name in TIME_INDEXES:
        second = name.removeprefix("last_rebalance_time+")
        keys = [("last_rebalance_time", 1), (second.strip("-"), -1 if second.endswith("-") else 1)]
        collection.create_index(keys, name=name)
    models = Models(database, PageTokens(b"key"))
    made = []
    for number, (name, hours) in enumerate(TIMES.items()):
        time = None if hours is None else NOW + timedelta(hours=hours)
        created = models.create(content(name, portfolio_ids=(portfolio_id(number),)), NOW)
        mark_as_before(database, created, time)
        made.append(replace(created, last_rebalance_time=time))
    broken = {"$set": {"portfolio_ids": [portfolio_id(0)] * 2}}
    query = {"name": "Delta"}
    collection.update_one(query, broken, bypass_document_validation=True)
    made[0] = replace(made[0], content=replace(made[0].content, portfolio_ids=(portfolio_id(0),) * 2))
    return made


def mark_as_before(database: Database, model: Model, time: datetime | None) -> None:
    """Note a rebalance as the release before does."""
    query = {"_id": ObjectId(model.model_id)}
    database.collection("models").update_one(query, {"$max": {"last_rebalance_time": time}})


def check(database: Database, expected: list[Model]) -> None:
    """Every model is read as it was, and the database is of today's form."""
    models = Models(database, PageTokens(b"key"))
    assert [models.get(one.model_id) for one in expected] == expected
    found = models.find(PageRequest(), "last_rebalance_time", "").items
    assert [one.name for one in found] == BY_TIME
    assert set(database.collection("models").index_information()) == {"_id_", "name", "portfolio"}
    stored = database.collection("models").find()
    assert [one["name"] for one in stored if "last_rebalance_time" in one] == []
    assert database.collection("model_activity").count_documents({}) == 3


def test_times_are_moved(database: Database, old: list[Model]) -> None:
    migrate(database)
    check(database, old)


@pytest.mark.parametrize("done", range(8))
def test_a_migration_that_broke_off_goes_on(
    database: Database, old: list[Model], monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    """After each of its three marks and five removals of the field."""
    write, count = Collection.update_one, 0

    def failing(self: Collection[Document], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the driver's
        nonlocal count
        if self.name in {"models", "model_activity"}:
            if count == done:
                raise RuntimeError("killed")
            count += 1
        return write(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "update_one", failing)
        with pytest.raises(RuntimeError):
            migrate(database)
    migrate(database)
    check(database, old)


def rebalanced_meanwhile(write: Callable[..., Any], database: Database, model: Model) -> Callable[..., Any]:
    """A write that comes after a rebalance of the model, the first time that it is one of `models`."""
    waiting = [model]

    def writing(self: Collection[Document], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the driver's
        if self.name == "models" and waiting:
            mark_as_before(database, waiting.pop(), LATER)
        return write(self, *arguments, **options)

    return writing


def test_what_a_server_of_before_marks_meanwhile_is_not_lost(
    database: Database, old: list[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        write = rebalanced_meanwhile(Collection.update_one, database, old[2])
        patch.setattr(Collection, "update_one", write)
        migrate(database)
    models = Models(database, PageTokens(b"key"))
    assert models.get(old[2].model_id) == replace(old[2], last_rebalance_time=LATER)


def test_what_servers_of_before_mark_and_change_afterwards_is_seen(
    database: Database, old: list[Model]
) -> None:
    """They find models that were never rebalanced: a field that is missing equals null."""
    migrate(database)
    models = Models(database, PageTokens(b"key"))
    charlie = old[4]
    unchanged = {"_id": ObjectId(charlie.model_id), "version": 1, "last_rebalance_time": None}
    update = {"$set": {"name": "Zulu"}, "$inc": {"version": 1}}
    assert database.collection("models").update_one(unchanged, update).modified_count == 1
    mark_as_before(database, charlie, LATER)
    models.mark_rebalanced(charlie.model_id, LATER - timedelta(hours=1))
    expected = replace(
        charlie, content=replace(charlie.content, name="Zulu"), version=2, last_rebalance_time=LATER
    )
    assert models.get(charlie.model_id) == expected
    assert models.find(PageRequest(), "", portfolio_id(4)).items == (expected,)
    models.mark_rebalanced(charlie.model_id, LATER + timedelta(hours=1))
    assert models.get(charlie.model_id).last_rebalance_time == LATER + timedelta(hours=1)
