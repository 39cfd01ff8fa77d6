"""Migrations run once each, whoever starts first, and are taken over from a server that died."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from pymongo.errors import WriteError

from ordergen_server.repositories import schema
from ordergen_server.repositories.migrations import MIGRATION_SECONDS, MIGRATIONS, Migration, migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.services.models import ModelEditor
from tests.builders import NOW, content, position
from tests.integration.repositories.plans import Recorder
from tests.limits import DATABASE_SECONDS, PATIENCE

STARTING = """
import sys
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.migrations import migrate
migrate(Database(sys.argv[1], sys.argv[2], pool_size=4, timeout_seconds=60))
"""
DYING = """
import os, sys
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.migrations import migrate
def die(database):
    database.collection("things").insert_one({"_id": "half"})
    os._exit(7)
migrate(Database(sys.argv[1], sys.argv[2], pool_size=4, timeout_seconds=60), {1: die}, lock_seconds=1)
"""


def noting(name: str) -> Migration:
    """A migration that notes each of its runs."""

    def migration(database: Database) -> None:
        database.collection("things").insert_one({"name": name})

    return migration


def notes(database: Database) -> list[object]:
    return [one.get("name") for one in database.collection("things").find().sort("_id", 1)]


def applied(database: Database) -> list[object]:
    return [one["_id"] for one in database.collection("migrations").find().sort("_id", 1)]


def start(program: str, mongodb_uri: str, database_name: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", program, mongodb_uri, database_name])


#: Indexes of the first schema that are there no more: results in chunks have no sequence of their own.
REPLACED = {"sequence"}


def test_servers_that_start_together_run_each_migration_once(
    mongodb_uri: str, database_name: str, database: Database
) -> None:
    migrations: Mapping[int, Migration] = {1: noting("first"), 2: noting("second"), 3: noting("third")}
    servers = [
        Database(mongodb_uri, database_name, pool_size=2, timeout_seconds=DATABASE_SECONDS) for _ in range(8)
    ]
    with ThreadPoolExecutor(len(servers)) as threads:
        list(threads.map(lambda one: migrate(one, migrations), servers))
    for one in servers:
        one.close()
    assert notes(database) == ["first", "second", "third"]
    assert applied(database) == [1, 2, 3]


def test_processes_that_start_together_make_one_schema(
    mongodb_uri: str, database_name: str, database: Database
) -> None:
    starting = [start(STARTING, mongodb_uri, database_name) for _ in range(3)]
    assert [one.wait(PATIENCE) for one in starting] == [0, 0, 0]
    assert applied(database) == list(MIGRATIONS)
    for name, indexes in schema.INDEXES.items():
        made = set(database.collection(name).index_information())
        later = {
            "rebalances": {"request", "active", "lease", "result"},
            "portfolio_rebalances": {"state", "numbered", "chunk"},
        }.get(name, set())
        first = {one.document["name"] for one in indexes} - REPLACED
        assert made == {"_id_", *first, *later}
    work = set(database.collection("rebalance_work").index_information())
    assert work == {"_id_", "work", "expiry", "published", "state", "attempt"}
    assert set(database.collection("model_activity").index_information()) == {"_id_", "expiry"}


def test_what_has_run_does_not_run_again(database: Database) -> None:
    migrate(database, {1: noting("first")})
    migrate(database, {1: noting("again"), 2: noting("second")})
    assert notes(database) == ["first", "second"]
    whole = list(database.collection("migrations").find().sort("_id", 1))
    assert [one["name"] for one in whole] == ["migration", "migration"]


def test_a_migration_that_fails_is_run_at_the_next_start(database: Database) -> None:
    def fail(_: Database) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        migrate(database, {1: noting("first"), 2: fail})
    assert applied(database) == [1]
    migrate(database, {1: noting("again"), 2: noting("second")})
    assert notes(database) == ["first", "second"]


def test_a_server_that_dies_in_a_migration_is_taken_over(
    mongodb_uri: str, database_name: str, database: Database
) -> None:
    assert start(DYING, mongodb_uri, database_name).wait(PATIENCE) == 7
    assert applied(database) == ["lock"]
    migrate(database, {1: noting("first")})
    assert notes(database) == [None, "first"]
    assert applied(database) == [1]


def test_a_lock_is_waited_for_only_as_long_as_it_may_be_held(database: Database) -> None:
    until = datetime.now(UTC) + timedelta(seconds=0.5)
    database.collection("migrations").insert_one({"_id": "lock", "owner": ObjectId(), "until": until})
    migrate(database, {1: noting("first")})
    assert datetime.now(UTC) >= until - timedelta(milliseconds=1)
    assert notes(database) == ["first"]


def test_a_slow_server_and_the_one_that_took_over_agree(database: Database) -> None:
    """Each may run again; the one whose lock was taken over neither fails nor breaks the other's."""

    def slow(one: Database) -> None:
        migrate(one, {1: noting("other")}, lock_seconds=60)

    migrate(database, {1: slow}, lock_seconds=0)
    assert notes(database) == ["other"]
    assert applied(database) == [1]


def only_collections(database: Database) -> None:
    """The schema as it was before the database enforced rules."""
    migrate(database, {1: schema.create_collections})


@pytest.mark.parametrize("before", [schema.create_collections, only_collections])
def test_models_from_before_stay_and_can_be_changed(
    database: Database, before: Callable[[Database], None]
) -> None:
    before(database)
    models = Models(database, PageTokens(b"key"))
    old = models.create(content(portfolio_ids=("P" * 24,)), NOW)
    migrate(database)
    assert applied(database) == list(MIGRATIONS)
    assert models.get(old.model_id) == old
    editor = ModelEditor(models, lambda: NOW)
    assert editor.add_position(old.model_id, position(3), 1).version == 2
    with pytest.raises(WriteError):
        database.collection("models").insert_one({"_id": ObjectId(), "name": "", "positions": []})


def test_a_migration_may_take_longer_than_a_call(recorder: tuple[Recorder, Database]) -> None:
    """A database breaks off the building of an index at the time limit of the command."""
    sent, database = recorder
    migrate(database)
    limits = [command["maxTimeMS"] for command in sent.sent if "createIndexes" in command]
    assert len(limits) > 3
    assert min(limits) > 1000 * (MIGRATION_SECONDS - 60)
