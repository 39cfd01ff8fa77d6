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
def migrated(database: Database) -> Database:
    migrate(database)
    return database


@pytest.fixture
def models(migrated: Database) -> Models:
    return Models(migrated, PageTokens(b"key of the tests"))


@pytest.fixture
def runs(migrated: Database) -> Rebalances:
    return Rebalances(migrated, PageTokens(b"key of the tests"))


@pytest.fixture
def portfolio_settings(migrated: Database) -> Settings:
    return Settings(migrated, PageTokens(b"key of the tests"))


@pytest.fixture
def chunks(migrated: Database) -> Chunks:
    return Chunks(migrated)


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
