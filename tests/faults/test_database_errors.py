"""Whatever the database answers instead of doing what it is asked: every call says that it is unavailable."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
)

from ordergen_server.domain.changes import add_position
from ordergen_server.domain.chunks import Chunk, ChunkTask, ClaimedChunk, DoneChunk
from ordergen_server.domain.errors import Cancelled, DatabaseUnavailable
from ordergen_server.domain.rebalances import PortfolioState
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.stores import Lease, Request, RunOrder
from ordergen_server.domain.subjects import NOBODY
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import READS_A_WRITE, Database
from ordergen_server.repositories.mongodb.driver_errors import translated
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from tests.builders import NOW, RUN_ID, content, portfolio_id, position, rebalance, result, snapshot
from tests.faults.stepping_primary import Answer, Decide, Fate, failure, stepping_primary
from tests.limits import DATABASE_SECONDS

MODEL, RUN = 24 * "a", 24 * "b"
LEASE, REQUEST = Lease("token", 60), Request("16fd2706-8baf-433b-82eb-8c7fada847da", "body")
ORDER = RunOrder(rebalance(), (), 60)
TASK, CLAIMED = ChunkTask(RUN, "token"), ClaimedChunk(0, 1, ())
#: What goes on being answered: who the database is, and whether it lives.
ANSWERED = frozenset({"hello", "isMaster", "ismaster", "ping", "endSessions", "abortTransaction", ""})
#: The driver tries these again until the time of the operation is over, which is short then.
RETRIED_SECONDS = 0.1

Call = Callable[[Database, Models, Rebalances], object]
READS: Mapping[str, Call] = {
    "get model": lambda _, models, __: models.get(MODEL),
    "of_portfolio": lambda _, models, __: models.of_portfolio(portfolio_id(1)),
    "find models": lambda _, models, __: models.find(PageRequest(), "name", ""),
    "find models by time": lambda _, models, __: models.find(PageRequest(), "last_rebalance_time", ""),
    "first_of": lambda _, __, runs: runs.first_of(REQUEST),
    "order": lambda database, __, ___: Chunks(database).order(RUN),
    "progress": lambda database, __, ___: Chunks(database).progress(RUN, LEASE),
    "undone_of": lambda database, __, ___: Chunks(database).undone_of(RUN, "token"),
    "signs": lambda database, __, ___: Chunks(database).signs(RUN, ["token"]),
    "look": lambda database, __, ___: Chunks(database).look(RUN, "token"),
    "ready": lambda database, __, ___: Chunks(database).ready(RUN),
    "kept_snapshot": lambda _, __, runs: runs.kept_snapshot(RUN),
    "get run": lambda _, __, runs: runs.get(RUN),
    "find runs": lambda _, __, runs: runs.find(PageRequest(), "", ()),
    "find runs of portfolios": lambda _, __, runs: runs.find(PageRequest(), "", [portfolio_id(1)]),
    "find_portfolios": lambda _, __, runs: runs.find_portfolios(RUN, PageRequest(), PortfolioState.FAILED),
    "portfolios_after": lambda _, __, runs: runs.portfolios_after(RUN, 1, 10),
    "get_portfolio": lambda _, __, runs: runs.get_portfolio(RUN, portfolio_id(1)),
    "to_be_cancelled": lambda _, __, runs: runs.to_be_cancelled(),
    "take_over": lambda _, __, runs: runs.take_over(LEASE),
    "change": lambda _, models, __: models.change(MODEL, 1, add_position(position(3)), NOW),
}
WRITES: Mapping[str, Call] = {
    "create": lambda _, models, __: models.create(content(), NOW),
    "create once": lambda _, models, __: models.create(content(), NOW, REQUEST.request_id),
    "delete": lambda _, models, __: models.delete(MODEL, 1),
    "mark_rebalanced": lambda _, models, __: models.mark_rebalanced(MODEL, NOW),
    "begin": lambda _, __, runs: runs.begin(ORDER, [portfolio_id(1)], LEASE, None),
    "save_whole": lambda _, __, runs: runs.save_whole(rebalance(), result(), None),
    "lend": lambda database, __, ___: Chunks(database).lend(RUN, Chunk(0, 0, 1), "token"),
    "recall": lambda database, __, ___: Chunks(database).recall(RUN, ["token"]),
    "tell": lambda database, __, ___: Chunks(database).tell(RUN, ["token"], Cancelled("no")),
    "claim": lambda database, __, ___: Chunks(database).claim(RUN, "token"),
    "show life": lambda database, __, ___: Chunks(database).look(RUN, "token", alive=True),
    "storing": lambda database, __, ___: Chunks(database).storing(TASK, CLAIMED, [result()])(),
    "publish": lambda database, __, ___: Chunks(database).publish(RUN, DoneChunk(0, {}), 1, LEASE),
    "finish": lambda _, __, runs: runs.finish(rebalance(), LEASE),
    "renew": lambda _, __, runs: runs.renew(RUN_ID, LEASE),
    "keep_snapshot": lambda _, __, runs: runs.keep_snapshot(RUN, snapshot({1: "10"})),
    "request_cancel": lambda _, __, runs: runs.request_cancel(RUN, NOBODY, NOW),
    "page tokens": lambda database, _, __: PageTokens.of(database),
    "migrate": lambda database, _, __: migrate(database, {-1: lambda _: None}),
}

#: By the names that MongoDB has for them.
FAILED = {
    name: failure(code)
    for name, code in {
        "InternalError": 1,
        "UnknownError": 8,
        "Unauthorized": 13,
        "IllegalOperation": 20,
        "CursorNotFound": 43,
        "NamespaceNotFound": 26,
        "ExceededMemoryLimit": 146,
        "Interrupted": 11601,
        "OutOfDiskSpace": 14031,
        "a code that nobody knows": 987654,
    }.items()
}
RETRIED = {
    name: failure(code, *labels)
    for name, (code, labels) in {
        "NotWritablePrimary": (10107, ("RetryableWriteError",)),
        "ShutdownInProgress": (91, ()),
        "WriteConflict": (112, ("TransientTransactionError",)),
    }.items()
}
FAILED_WRITES: Mapping[str, Answer] = {
    "a write that failed": {"writeErrors": [{"index": 0, "code": 14031, "errmsg": "no"}]},
    "a write that a majority may not have": {"writeConcernError": {"code": 64, "errmsg": "no"}},
    "a write that is not durable": {"writeConcernError": {"code": 100, "errmsg": "no"}},
}


@dataclass
class Answering:
    """Answers commands so, once it is told to."""

    answer: Answer
    commands: frozenset[str] = frozenset()
    failing: bool = field(default=False)

    def decide(self, command: str) -> Fate | Answer:
        fails = command in self.commands if self.commands else command not in ANSWERED
        return self.answer if self.failing and fails else Fate.DONE


@contextmanager
def stores(
    port: int, decide: Decide, timeout_seconds: float = DATABASE_SECONDS
) -> Iterator[tuple[Database, Models, Rebalances]]:
    with ExitStack() as stack:
        uri = stack.enter_context(stepping_primary(port, decide))
        database = Database(uri, "failing", pool_size=2, timeout_seconds=timeout_seconds)
        stack.callback(database.close)
        database.look(DATABASE_SECONDS)
        tokens = PageTokens(b"key of the tests")
        yield database, Models(database, tokens), Rebalances(database, tokens)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDatabase]:
    with EmbeddedDatabase(tmp_path_factory.mktemp("failing"), start_seconds=DATABASE_SECONDS) as embedded:
        database = Database(embedded.uri, "failing", pool_size=2, timeout_seconds=DATABASE_SECONDS)
        migrate(database)
        database.close()
        yield embedded


def outcomes(calls: Mapping[str, Call], parts: tuple[Database, Models, Rebalances]) -> dict[str, object]:
    """What becomes of each call, but for those that say that the database is unavailable."""
    found: dict[str, object] = {}
    for name, call in calls.items():
        try:
            found[name] = call(*parts)
        except DatabaseUnavailable:
            pass
        except Exception as error:  # noqa: BLE001 - what it is, is what the test asks
            found[name] = error
    return found


@pytest.mark.parametrize("name", FAILED)
def test_whatever_the_database_refuses_is_unavailable(prepared: EmbeddedDatabase, name: str) -> None:
    answering = Answering(FAILED[name])
    with stores(prepared.port, answering.decide) as parts:
        answering.failing = True
        assert outcomes({**READS, **WRITES}, parts) == {}


@pytest.mark.parametrize("name", RETRIED)
def test_what_stays_so_when_it_is_tried_again_is_unavailable(prepared: EmbeddedDatabase, name: str) -> None:
    answering = Answering(RETRIED[name])
    with stores(prepared.port, answering.decide, RETRIED_SECONDS) as parts:
        answering.failing = True
        assert outcomes({**READS, **WRITES}, parts) == {}


@pytest.mark.parametrize("name", FAILED_WRITES)
def test_a_write_that_the_database_answers_with_an_error_is_unavailable(
    prepared: EmbeddedDatabase, name: str
) -> None:
    """The command itself succeeded; of the transactions it is the insert."""
    answer = {"ok": 1.0, "n": 0, "nModified": 0, **FAILED_WRITES[name]}
    answering = Answering(answer, frozenset({"insert", "update", "delete"}))
    inserting = {
        name: WRITES[name] for name in ("create", "delete", "mark_rebalanced", "begin", "save_whole")
    }
    with stores(prepared.port, answering.decide) as parts:
        answering.failing = True
        assert outcomes(inserting, parts) == {}


def test_a_commit_that_fails_is_unavailable(prepared: EmbeddedDatabase) -> None:
    answering = Answering(FAILED["OutOfDiskSpace"], frozenset({"commitTransaction"}))
    with stores(prepared.port, answering.decide) as parts:
        answering.failing = True
        assert outcomes({"create once": WRITES["create once"]}, parts) == {}


def test_a_database_that_is_closed_is_unavailable(prepared: EmbeddedDatabase) -> None:
    with stores(prepared.port, lambda _: Fate.DONE) as parts:
        parts[0].close()
        assert outcomes({**READS, **WRITES}, parts) == {}


def looks(database: Database) -> list[bool]:
    """Which looks succeed, of as many as there are until all kinds have been done twice."""
    found = []
    for _ in range(2 * READS_A_WRITE):
        try:
            database.look(DATABASE_SECONDS)
        except DatabaseUnavailable:
            found.append(False)
        else:
            found.append(True)
    return found


@pytest.mark.parametrize("commands", [frozenset({"find"}), frozenset({"update"})])
def test_a_database_that_answers_pings_and_does_not_read_or_write_is_not_well(
    prepared: EmbeddedDatabase, commands: frozenset[str]
) -> None:
    """It is not once it is looked for, and stays so until a write succeeds; then it is."""
    answering = Answering(FAILED["OutOfDiskSpace"], commands)
    with stores(prepared.port, answering.decide) as (database, _, __):
        answering.failing = True
        assert not any(looks(database)[READS_A_WRITE:])
        answering.failing = False
        assert all(looks(database))


@pytest.mark.parametrize(
    "error", [InvalidOperation("closed"), ConfigurationError("no sessions"), PyMongoError("anything")]
)
def test_errors_of_the_driver_itself_are_unavailable(error: PyMongoError) -> None:
    with pytest.raises(DatabaseUnavailable) as raised, translated():
        raise error
    assert raised.value.__cause__ is error


MISTAKES = [
    OperationFailure("bad query", 2),
    OperationFailure("refused by a rule of ours", 121),
    BulkWriteError({"writeErrors": [{"code": 11000}], "writeConcernErrors": []}),
]


@pytest.mark.parametrize("error", MISTAKES)
def test_mistakes_of_ours_are_no_outage(error: PyMongoError) -> None:
    """Who tries again meets them again: they are internal errors, with their cause in the log."""
    with pytest.raises(type(error)), translated():
        raise error


def test_the_log_says_why_and_shows_no_document(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DatabaseUnavailable), translated():
        raise OperationFailure("no space for {name: 'Growth'}", 14031)
    assert [one.message for one in caplog.records] == ["the database failed: OperationFailure 14031"]
