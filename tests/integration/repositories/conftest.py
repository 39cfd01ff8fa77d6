"""Repositories on a database of their own."""

from collections.abc import Iterator
from functools import partial

import pytest
from pymongo import MongoClient

from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb import database as module
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.repositories.settings_store.settings import Settings
from tests.integration.repositories.plans import Recorder
from tests.limits import DATABASE_SECONDS


@pytest.fixture
def models(database: Database) -> Models:
    migrate(database)
    return Models(database, PageTokens(b"key of the tests"))


@pytest.fixture
def runs(database: Database) -> Rebalances:
    migrate(database)
    return Rebalances(database, PageTokens(b"key of the tests"))


@pytest.fixture
def portfolio_settings(database: Database) -> Settings:
    migrate(database)
    return Settings(database, PageTokens(b"key of the tests"))


@pytest.fixture
def chunks(database: Database) -> Chunks:
    migrate(database)
    return Chunks(database)


@pytest.fixture
def recorder(
    monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, database_name: str
) -> Iterator[tuple[Recorder, Database]]:
    """A database, and what is sent to it."""
    recorder = Recorder()
    monkeypatch.setattr(module, "MongoClient", partial(MongoClient, event_listeners=[recorder]))
    opened = Database(mongodb_uri, database_name, pool_size=4, timeout_seconds=DATABASE_SECONDS)
    yield recorder, opened
    opened.close()
