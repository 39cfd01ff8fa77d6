"""A database that is down, or late, is told as such, and soon."""

import time

import pytest
from pymongo.errors import (
    AutoReconnect,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

from ordergen_server.domain.changes import add_position
from ordergen_server.domain.chunks import ChunkTask, ClaimedChunk
from ordergen_server.domain.errors import DatabaseUnavailable, DeadlineExceeded
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import READS_A_WRITE, Database
from ordergen_server.repositories.mongodb.driver_errors import translated
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from tests.builders import MODEL_ID, NOW, content, position, result
from tests.integration.repositories.plans import Recorder
from tests.limits import DATABASE_SECONDS

#: What the driver itself waits for a database that is away.
DRIVER_SECONDS = 30


@pytest.fixture
def nobody() -> Database:
    """Nothing listens there."""
    return Database("mongodb://127.0.0.1:1/?directConnection=true", "none", pool_size=2, timeout_seconds=0.2)


def test_every_call_says_that_the_database_is_down(nobody: Database) -> None:
    models, runs = Models(nobody, PageTokens(b"key")), Rebalances(nobody, PageTokens(b"key"))
    chunks = Chunks(nobody)
    calls = (
        lambda: nobody.look(0.1),
        lambda: PageTokens.of(nobody),
        lambda: models.create(content(), NOW),
        lambda: runs.get(MODEL_ID),
        lambda: chunks.claim(MODEL_ID, MODEL_ID),
        lambda: chunks.storing(ChunkTask(MODEL_ID, MODEL_ID), ClaimedChunk(0, 1, ()), [result()]),
    )
    started = time.monotonic()
    for call in calls:
        with pytest.raises(DatabaseUnavailable) as raised:
            call()
        assert raised.value.metadata == {"service": "database"}
        assert raised.value.retry_after_seconds == 1
        assert "127.0.0.1" not in raised.value.message
    assert time.monotonic() - started < len(calls) * DRIVER_SECONDS
    nobody.close()


def test_an_operation_takes_no_more_than_its_own_time_however_much_the_call_has(nobody: Database) -> None:
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable), nobody.time_limit(60):
        Models(nobody, PageTokens(b"key")).get(MODEL_ID)
    assert time.monotonic() - started < DRIVER_SECONDS
    nobody.close()


def test_a_database_that_answers(database: Database) -> None:
    for _ in range(2 * READS_A_WRITE):
        database.look(DATABASE_SECONDS)
    assert database.collection("health").count_documents({}) == 1


def test_a_time_limit_that_is_over(database: Database) -> None:
    with (
        pytest.raises(DatabaseUnavailable),
        database.time_limit(0.000001),
        translated(),
    ):
        database.collection("things").insert_one({})


def test_a_database_that_went_away_and_came_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    embedded = EmbeddedDatabase(tmp_path_factory.mktemp("going"))
    embedded.start()
    database = Database(embedded.uri, "test", pool_size=2, timeout_seconds=DATABASE_SECONDS)
    models = Models(database, PageTokens(b"key"))
    migrate(database)
    created = models.create(content(), NOW)
    embedded.stop()
    with pytest.raises(DatabaseUnavailable), database.time_limit(0.3):
        models.get(created.model_id)
    with embedded:
        assert models.get(created.model_id) == created
    database.close()


@pytest.mark.parametrize(
    "error",
    [
        ExecutionTimeout("late", 50),
        WTimeoutError("late", 64),
        NetworkTimeout("late"),
        AutoReconnect("gone"),
        OperationFailure("stepped", 11602, {"errorLabels": ["RetryableWriteError"]}),
        OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]}),
    ],
)
def test_a_database_that_steps_away_or_is_late_is_unavailable(error: PyMongoError) -> None:
    with pytest.raises(DatabaseUnavailable) as raised, translated():
        raise error
    assert raised.value.__cause__ is error
    assert raised.value.retry_after_seconds == 1


@pytest.mark.parametrize("error", [ExecutionTimeout("late", 50), NetworkTimeout("late")])
def test_a_caller_with_less_time_than_the_database_may_take_meets_its_own_deadline(
    database: Database, error: PyMongoError
) -> None:
    with pytest.raises(DeadlineExceeded), database.time_limit(5), database.operation():
        raise error
    with pytest.raises(DatabaseUnavailable), database.time_limit(10 * DATABASE_SECONDS), database.operation():
        raise error
    with pytest.raises(DatabaseUnavailable), database.time_limit(5), database.operation():
        raise ServerSelectionTimeoutError("There is no primary.")


def test_whoever_waits_too_long_for_a_turn_is_told_so(nobody: Database) -> None:
    """There are two connections, and 0.2 s for an operation."""
    with nobody.writing(), nobody.writing():
        with pytest.raises(DatabaseUnavailable) as raised, nobody.writing():
            pass
        assert raised.value.retry_after_seconds == 1
        with pytest.raises(DeadlineExceeded), nobody.time_limit(0.01), nobody.writing():
            pass
    with nobody.writing():
        pass
    nobody.close()


def test_writes_are_acknowledged_by_a_majority_and_durable(recorder: tuple[Recorder, Database]) -> None:
    """Also those of a transaction, which the driver commits with what its client has."""
    sent, database = recorder
    migrate(database)
    models = Models(database, PageTokens(b"key"))
    sent.sent.clear()
    created = models.create(content("Once"), NOW)
    models.create(content("Repeatable"), NOW, "3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    models.change(created.model_id, 1, add_position(position(3)), NOW)
    models.mark_rebalanced(created.model_id, NOW)
    models.delete(created.model_id, 2)
    durable = {"w": "majority", "j": True}
    names = [next(iter(one)) for one in sent.sent if one.get("writeConcern") == durable]
    assert names == ["insert", "commitTransaction", "update", "update", "delete", "update"]
    reads = [one["readConcern"] for one in sent.sent if "find" in one or "startTransaction" in one]
    assert reads == [{"level": "majority"}] * 3
