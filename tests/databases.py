"""Databases that a test has for itself, on the MongoDB that ORDERGEN_MONGODB_URI names or an embedded one."""

import os
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import pymongo
from pymongo.database import Database as Stored

from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.mongodb.database import Database
from tests.limits import DATABASE_SECONDS

NAMED = os.environ.get("ORDERGEN_MONGODB_URI")
NOTED = "migrations"

#: Databases that tests have left as migrations made them, by the MongoDB that they are on.
_left = defaultdict[str, list[str]](list)
#: How migrations make one.
_made = dict[str, Mapping[str, object]]()


@contextmanager
def temporary_database(mongodb_uri: str) -> Iterator[str]:
    """The name of a database that is dropped after the block, in which there is nothing.

    An embedded one goes with its server: to drop it can take it seconds, while all others wait.
    """
    name = f"ordergen-test-{uuid.uuid4().hex}"
    try:
        yield name
    finally:
        if NAMED:
            with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
                client.drop_database(name)


@contextmanager
def migrated_database(mongodb_uri: str) -> Iterator[str]:
    """The name of a database in which there is what migrations make, and nothing else.

    To make it takes longer than many tests: an embedded one that is still so, but for documents, is emptied
    and serves another test.
    """
    if NAMED:
        with temporary_database(mongodb_uri) as name:
            yield name
        return
    name = _left[mongodb_uri].pop() if _left[mongodb_uri] else _migrated(mongodb_uri)
    yield name
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        if _shape(client[name]) == _made[mongodb_uri]:
            _empty(client[name])
            _left[mongodb_uri].append(name)


def _migrated(mongodb_uri: str) -> str:
    with temporary_database(mongodb_uri) as name:
        with closing(Database(mongodb_uri, name, pool_size=2, timeout_seconds=DATABASE_SECONDS)) as database:
            migrate(database)
        with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
            _made.setdefault(mongodb_uri, _shape(client[name]))
        return name


def _shape(database: Stored[dict[str, Any]]) -> Mapping[str, object]:
    """Rules and indexes of its collections, without those that have none, and which migrations it had."""
    rules = {one["name"]: one["options"] for one in database.list_collections()}
    indexes = {name: [dict(one) for one in database[name].list_indexes()] for name in rules}
    shape = {name: (rules[name], indexes[name]) for name in rules if rules[name] or len(indexes[name]) > 1}
    return {**shape, NOTED: [(one["_id"], one["name"]) for one in database[NOTED].find().sort("_id")]}


def _empty(database: Stored[dict[str, Any]]) -> None:
    for name in database.list_collection_names():
        if name != NOTED:
            database[name].delete_many({})
