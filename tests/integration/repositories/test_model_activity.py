"""When models were rebalanced: noted in one small write, and gone with the model."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from bson import ObjectId

from ordergen_server.domain.errors import NotFound, VersionMismatch
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.activity import REMEMBERED_SECONDS
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from tests.builders import MODEL_ID, NOW, content, portfolio_id, without_portfolios
from tests.integration.repositories.plans import Recorder

Delete = Callable[[Models, Database, str], None]


def activity(database: Database) -> list[Document]:
    return list(database.collection("model_activity").find().sort("_id", 1))


def test_marking_is_one_write_and_touches_no_model(recorder: tuple[Recorder, Database]) -> None:
    """So it cannot matter how many portfolios, and index entries of them, a model has."""
    sent, database = recorder
    migrate(database)
    models = Models(database, PageTokens(b"key"))
    created = models.create(content(portfolio_ids=tuple(map(portfolio_id, range(50)))), NOW)
    before = database.raw_collection("models").find_one()
    sent.sent.clear()
    models.mark_rebalanced(created.model_id, NOW)
    (command,) = sent.sent
    assert (command["update"], command["updates"]) == (
        "model_activity",
        [
            {
                "q": {"_id": ObjectId(created.model_id)},
                "u": {"$max": {"last_rebalance_time": NOW}},
                "multi": False,
                "upsert": True,
            }
        ],
    )
    assert database.raw_collection("models").find_one() == before
    assert models.get(created.model_id) == replace(created, last_rebalance_time=NOW)


def test_a_portfolio_is_rebalanced_without_reading_the_time(recorder: tuple[Recorder, Database]) -> None:
    sent, database = recorder
    migrate(database)
    models = Models(database, PageTokens(b"key"))
    created = models.create(content(portfolio_ids=(portfolio_id(1),)), NOW)
    models.mark_rebalanced(created.model_id, NOW)
    sent.sent.clear()
    assert models.of_portfolio(portfolio_id(1)) == without_portfolios(created)
    assert {one["find"] for one in sent.sent} == {"models"}


def deleted(models: Models, database: Database, model_id: str) -> None:
    del database
    models.delete(model_id, 1)


def deleted_in_two_tries(models: Models, database: Database, model_id: str) -> None:
    """The first was cut off when the model was gone, and nothing else done."""
    database.collection("models").delete_one({"_id": ObjectId(model_id)})
    with pytest.raises(NotFound):
        models.delete(model_id, 1)


@pytest.mark.parametrize("delete", [deleted, deleted_in_two_tries])
@pytest.mark.parametrize("marked_before", [True, False])
def test_what_is_marked_of_a_deleted_model_expires(
    models: Models, database: Database, delete: Delete, *, marked_before: bool
) -> None:
    """Whether before it is deleted, or after."""
    created = models.create(content(), NOW)
    if marked_before:
        models.mark_rebalanced(created.model_id, NOW)
    delete(models, database, created.model_id)
    models.mark_rebalanced(created.model_id, NOW + timedelta(hours=1))
    (found,) = activity(database)
    assert set(found) == {"_id", "delete_time", "last_rebalance_time"}
    expiry = database.collection("model_activity").index_information()["expiry"]
    assert (expiry["key"], expiry["expireAfterSeconds"]) == ([("delete_time", 1)], REMEMBERED_SECONDS)


def test_what_is_marked_of_a_deleted_model_is_seen_by_nobody(models: Models) -> None:
    gone, other = models.create(content("Gone"), NOW), models.create(content("Other"), NOW)
    models.delete(gone.model_id, 1)
    for model_id in (gone.model_id, MODEL_ID):
        models.mark_rebalanced(model_id, NOW)
        with pytest.raises(NotFound):
            models.get(model_id)
    for order in ("", "name", "last_rebalance_time", "-last_rebalance_time,name"):
        assert models.find(PageRequest(), order, "") == Page((other,), total_size=1)


def test_a_model_that_is_not_deleted_keeps_its_time(models: Models, database: Database) -> None:
    created = models.create(content(), NOW)
    models.mark_rebalanced(created.model_id, NOW)
    with pytest.raises(VersionMismatch):
        models.delete(created.model_id, 2)
    assert activity(database) == [{"_id": ObjectId(created.model_id), "last_rebalance_time": NOW}]


def test_a_page_reads_all_its_times_at_once(recorder: tuple[Recorder, Database]) -> None:
    sent, database = recorder
    migrate(database)
    models = Models(database, PageTokens(b"key"))
    created = [models.create(content(f"Model {n}"), NOW) for n in range(5)]
    for number in (1, 3):
        models.mark_rebalanced(created[number].model_id, NOW + timedelta(hours=number))
    sent.sent.clear()
    page = models.find(PageRequest(4), "", "")
    times = [NOW + timedelta(hours=number) if number % 2 else None for number in range(4)]
    expected = [replace(one, last_rebalance_time=time) for one, time in zip(created, times, strict=False)]
    assert list(page.items) == expected
    assert [one["find"] for one in sent.sent if "find" in one] == ["models", "model_activity"]
