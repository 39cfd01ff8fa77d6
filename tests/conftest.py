"""The database of the tests: one server process a worker, a database of its own for every test."""

import os
import uuid
from collections.abc import Iterator

import pymongo
import pytest

from ordergen_server.repositories.database import Database
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The MongoDB that ORDERGEN_MONGODB_URI names, or an embedded one."""
    named = os.environ.get("ORDERGEN_MONGODB_URI")
    if named:
        yield named
        return
    with EmbeddedDatabase(tmp_path_factory.mktemp("mongodb")) as embedded:
        yield embedded.uri


@pytest.fixture
def database_name(mongodb_uri: str) -> Iterator[str]:
    """A database that no other test knows; dropped afterwards."""
    name = f"ordergen-test-{uuid.uuid4().hex}"
    yield name
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        client.drop_database(name)


@pytest.fixture
def database(mongodb_uri: str, database_name: str) -> Iterator[Database]:
    opened = Database(mongodb_uri, database_name, pool_size=16, timeout_seconds=10)
    yield opened
    opened.close()
