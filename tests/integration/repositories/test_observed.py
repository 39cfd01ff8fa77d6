"""What the database tells whoever observes it: each command once, its outcome, connections, turns."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from ordergen_server.domain.errors import DatabaseUnavailable
from ordergen_server.repositories.mongodb.database import Database
from tests.integration.repositories.heard import Heard
from tests.limits import DATABASE_SECONDS, PATIENCE
from tests.waiting import eventually


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def observed(mongodb_uri: str, database_name: str, heard: Heard) -> Iterator[Database]:
    arguments = {"pool_size": 2, "timeout_seconds": DATABASE_SECONDS, "observer": heard}
    with closing(Database(mongodb_uri, database_name, **arguments)) as database:  # type: ignore[arg-type] # each by its name
        yield database


def test_each_command_is_heard_once_with_its_collection(observed: Database, heard: Heard) -> None:
    things = observed.collection("things")
    things.insert_one({"_id": 1})
    things.find_one({"_id": 1})
    things.update_one({"_id": 1}, {"$set": {"a": 1}})
    things.delete_one({"_id": 1})
    expected = [
        ("insert", "things", "ok"),
        ("find", "things", "ok"),
        ("update", "things", "ok"),
        ("delete", "things", "ok"),
    ]
    assert heard.operations == expected
    assert (heard.in_use, heard.most_in_use) == (0, 1)


def test_a_command_that_the_database_refuses_has_failed(observed: Database, heard: Heard) -> None:
    with pytest.raises(Exception, match=r"(?i)command"):
        observed.command({"no such command": 1})
    assert heard.operations == [("other", "", "failed")]


def test_many_threads_are_told_apart(observed: Database, heard: Heard) -> None:
    def read(number: int) -> None:
        for _ in range(50):
            observed.collection(f"c{number}").find_one({"_id": 1})

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert Counter(heard.operations) == {("find", f"c{number}", "ok"): 50 for number in range(4)}
    assert heard.in_use == 0


def test_turns_that_are_waited_for_are_heard_and_others_not(observed: Database, heard: Heard) -> None:
    def write() -> None:
        with observed.writing():
            observed.collection("things").find_one({})

    with observed.writing(), observed.writing():
        assert heard.waits == []
        thread = threading.Thread(target=write)
        began = time.monotonic()
        thread.start()
        eventually(lambda: heard.waiters == 1)
        lasted = time.monotonic() - began
    thread.join(PATIENCE)
    (waited,) = heard.waits
    assert waited > 0
    assert lasted >= 0
    assert heard.waiters == 0


def test_a_database_that_is_not_there_costs_no_connection(heard: Heard) -> None:
    uri = "mongodb://127.0.0.1:1/?directConnection=true"
    with closing(Database(uri, "none", pool_size=2, timeout_seconds=0.2, observer=heard)) as database:
        with pytest.raises(DatabaseUnavailable):
            database.look(0.2)
        assert heard.in_use == 0
