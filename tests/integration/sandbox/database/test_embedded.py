"""The embedded database is durable, comes back, and says clearly why it does not start."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pymongo
import pytest
from bson import Decimal128
from pymongo.errors import DuplicateKeyError

from ordergen_server.sandbox.database.embedded import EmbeddedDatabase, EmbeddedDatabaseError
from tests.integration.sandbox.processes import alive
from tests.limits import PATIENCE
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pymongo.collection import Collection

PARENT = """
import sys, time
from pathlib import Path
import pymongo
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
database = EmbeddedDatabase(Path(sys.argv[1]))
database.start()
with pymongo.MongoClient(database.uri) as client:
    client.test.things.insert_one({"_id": 1})
print(database.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDatabase]:
    with EmbeddedDatabase(tmp_path_factory.mktemp("database"), start_seconds=PATIENCE) as running:
        yield running


@pytest.fixture
def things(database: EmbeddedDatabase) -> Iterator[Collection[dict[str, Any]]]:
    database.wait_until_ready()
    patience = round(1000 * PATIENCE)
    with pymongo.MongoClient[dict[str, Any]](database.uri, serverSelectionTimeoutMS=patience) as client:
        client.drop_database("test")
        yield client.test.things


def test_transactions_retryable_writes_and_change_streams_work(things: Collection[dict[str, Any]]) -> None:
    client = things.database.client
    assert client.options.retry_writes
    with things.watch(max_await_time_ms=100) as changes:
        with client.start_session() as session, session.start_transaction():
            things.insert_one({"_id": 1, "price": Decimal128(Decimal("73.48"))}, session=session)
        eventually(lambda: changes.try_next() is not None)
    with client.start_session() as session:
        session.start_transaction()
        things.insert_one({"_id": 2}, session=session)
        session.abort_transaction()
    assert list(things.find()) == [{"_id": 1, "price": Decimal128("73.48")}]


def test_nothing_acknowledged_is_lost_when_it_is_killed_again_and_again(
    database: EmbeddedDatabase, things: Collection[dict[str, Any]]
) -> None:
    """It comes back on the same port, and a client that only retries goes on without an error."""
    acknowledged: list[int] = []
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            # A duplicate: stored, but killed before it could answer, so that the driver sent it again.
            with contextlib.suppress(DuplicateKeyError):
                things.insert_one({"_id": number})
            acknowledged.append(number)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    port, pids = database.port, set()
    for _ in range(3):
        count = len(acknowledged)
        eventually(lambda count=count: len(acknowledged) > count + 20)  # type: ignore[misc]
        assert database.pid is not None
        pids.add(database.pid)
        os.kill(database.pid, signal.SIGKILL)
        eventually(lambda: database.pid not in pids)
        database.wait_until_ready()
    stop.set()
    writer.join(PATIENCE)
    assert not writer.is_alive()
    assert (database.port, len(pids)) == (port, 3)
    assert sorted(each["_id"] for each in things.find()) == acknowledged


def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    database = EmbeddedDatabase(tmp_path / "new" / "folder")
    assert (database.port, database.pid) == (0, None)
    for expected in ([], [{"_id": 0}]):
        with database, pymongo.MongoClient[dict[str, Any]](database.uri) as client:
            pid = database.pid
            assert list(client.test.things.find()) == expected
            client.test.things.insert_one({"_id": len(expected)})
        assert pid is not None
        assert not alive(pid)


def test_a_killed_parent_takes_it_along_and_the_next_one_finds_the_data(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    with EmbeddedDatabase(tmp_path, lock_seconds=PATIENCE) as database:  # until the folder is free
        assert not alive(pid)
        with pymongo.MongoClient[dict[str, Any]](database.uri) as client:
            assert list(client.test.things.find()) == [{"_id": 1}]


def test_a_folder_holds_one_database(database: EmbeddedDatabase) -> None:
    other = EmbeddedDatabase(database.folder, lock_seconds=0.05)
    with pytest.raises(EmbeddedDatabaseError, match=r"another process holds the database folder .*: stop it"):
        other.start()
    database.wait_until_ready()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedDatabaseError, match="cannot use the folder"):
        EmbeddedDatabase(tmp_path / "file").start()


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedDatabaseError, match=f"port {port} of 127.0.0.1 is in use"):
            EmbeddedDatabase(tmp_path, port).start()


def test_not_installed(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedDatabaseError, match=r"install .*globeco-ordergen\[embedded\]"):
        EmbeddedDatabase(tmp_path, program=tmp_path / "none").start()


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho it is broken >&2\nexit 4\n")
    program.chmod(0o755)
    with pytest.raises(EmbeddedDatabaseError, match=r"(?s)it is broken.*exit code 4, 3 times in a row"):
        EmbeddedDatabase(tmp_path / "folder", program=program).start()


def test_a_program_that_listens_and_never_answers(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(
        f"#!{sys.executable}\nimport socket, sys, time\n"
        "port = int(sys.argv[sys.argv.index('--port') + 1])\n"
        "server = socket.create_server(('127.0.0.1', port))\ntime.sleep(600)\n"
    )
    program.chmod(0o755)
    with pytest.raises(EmbeddedDatabaseError, match="did not start in time"):
        EmbeddedDatabase(tmp_path / "folder", program=program, start_seconds=0.5).start()


def test_never_started(tmp_path: Path) -> None:
    database = EmbeddedDatabase(tmp_path)
    database.stop()
    with pytest.raises(EmbeddedDatabaseError, match="was never started"):
        database.wait_until_ready()
