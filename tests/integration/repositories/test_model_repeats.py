"""A write that the driver repeats, to a database that has forgotten the first, is known again."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.collection import Collection

from ordergen_server.domain.changes import add_portfolios, add_position
from ordergen_server.domain.errors import AlreadyExists, NotFound
from ordergen_server.domain.models import Model
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import REMEMBERED_CHANGES, Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from tests.builders import NOW, content, portfolio_id, position

Repeat = Callable[[str], None]


@pytest.fixture
def models(database: Database) -> Models:
    migrate(database)
    return Models(database, PageTokens(b"key"))


@pytest.fixture
def repeat(monkeypatch: pytest.MonkeyPatch) -> Repeat:
    """Let the next calls of a write be done twice, with the answer of the second."""

    def repeating(name: str) -> None:
        write = getattr(Collection, name)

        def twice(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the driver takes
            write(*arguments, **options)
            return write(*arguments, **options)

        monkeypatch.setattr(Collection, name, twice)

    return repeating


def test_a_repeated_insert_is_one_creation(models: Models, repeat: Repeat) -> None:
    repeat("insert_one")
    created = models.create(content(portfolio_ids=(portfolio_id(1),)), NOW)
    assert models.get(created.model_id) == created
    with pytest.raises(AlreadyExists):
        models.create(content(), NOW)


def test_a_repeated_update_is_one_change(models: Models, repeat: Repeat) -> None:
    created = models.create(content(), NOW)
    repeat("update_one")
    for version in (1, 0):
        changed = models.change(created.model_id, version, add_position(position(3 + version)), NOW)
        assert models.get(created.model_id) == changed
    assert (changed.version, len(changed.positions)) == (3, 4)


def test_a_repeated_update_is_known_among_those_of_others(models: Models) -> None:
    """As many as are remembered may come between the write and its repetition."""
    created = models.create(content(), NOW)
    write, others = Collection.update_one, REMEMBERED_CHANGES - 1

    def change(number: int) -> Model:
        return models.change(created.model_id, 0, add_portfolios([portfolio_id(number)]), NOW)

    def interrupted(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the driver takes
        write(*arguments, **options)
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Collection, "update_one", write)
            for number in range(others):
                change(number)
        return write(*arguments, **options)

    with pytest.MonkeyPatch.context() as outer:
        outer.setattr(Collection, "update_one", interrupted)
        changed = models.change(created.model_id, 1, add_position(position(3)), NOW)
    assert (changed.version, len(changed.positions), len(changed.portfolio_ids)) == (2 + others, 3, others)


def test_a_repeated_delete_says_that_the_model_is_gone(models: Models, repeat: Repeat) -> None:
    created = models.create(content(), NOW)
    repeat("delete_one")
    with pytest.raises(NotFound):
        models.delete(created.model_id, 1)
    with pytest.raises(NotFound):
        models.get(created.model_id)


def test_a_rebalance_between_reading_and_storing_is_in_the_answer(models: Models) -> None:
    created = models.create(content(), NOW)
    marked = False

    def change(stored: Any) -> Any:  # noqa: ANN401 - a content
        nonlocal marked
        if not marked:
            marked = True
            models.mark_rebalanced(created.model_id, NOW)
        return add_position(position(3))(stored)

    changed = models.change(created.model_id, 1, change, NOW)
    assert changed.last_rebalance_time == NOW
    assert models.get(created.model_id) == changed
