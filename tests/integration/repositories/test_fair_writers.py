"""Whatever writes waits for its turn at the database; whatever reads does not."""

from collections.abc import Callable, Iterator

import pytest

from ordergen_server.domain.changes import add_position
from ordergen_server.domain.chunks import Chunk, ChunkTask, ClaimedChunk, DoneChunk
from ordergen_server.domain.errors import Cancelled, DatabaseUnavailable
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.stores import Lease, RunOrder
from ordergen_server.domain.subjects import NOBODY
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests.builders import MODEL_ID, NOW, RUN_ID, content, portfolio_id, position, rebalance, result, snapshot
from tests.limits import DATABASE_SECONDS

Call = Callable[[Models, Rebalances, Chunks], object]
LEASE = Lease("token", 60)
TASK = ChunkTask(RUN_ID, "token")
WRITES: dict[str, Call] = {
    "create": lambda models, _, __: models.create(content("Another"), NOW),
    "change": lambda models, _, __: models.change(MODEL_ID, 1, add_position(position(3)), NOW),
    "delete": lambda models, _, __: models.delete(MODEL_ID, 1),
    "mark_rebalanced": lambda models, _, __: models.mark_rebalanced(MODEL_ID, NOW),
    "begin": lambda _, runs, __: runs.begin(RunOrder(rebalance(), (), 60), [], LEASE, None),
    "lend": lambda _, __, chunks: chunks.lend(RUN_ID, Chunk(0, 0, 1), "token"),
    "recall": lambda _, __, chunks: chunks.recall(RUN_ID, ["token"]),
    "tell": lambda _, __, chunks: chunks.tell(RUN_ID, ["token"], Cancelled("no")),
    "claim": lambda _, __, chunks: chunks.claim(RUN_ID, "token"),
    "show life": lambda _, __, chunks: chunks.look(RUN_ID, "token", alive=True),
    "storing": lambda _, __, chunks: chunks.storing(TASK, ClaimedChunk(0, 1, ()), [result()])(),
    "publish": lambda _, __, chunks: chunks.publish(RUN_ID, DoneChunk(0, {}), 1, LEASE),
    "progress": lambda _, __, chunks: chunks.progress(RUN_ID, LEASE),
    "save_whole": lambda _, runs, __: runs.save_whole(rebalance(), result(), None),
    "keep_snapshot": lambda _, runs, __: runs.keep_snapshot(RUN_ID, snapshot({1: "10"})),
    "renew": lambda _, runs, __: runs.renew(RUN_ID, LEASE),
    "take_over": lambda _, runs, __: runs.take_over(LEASE),
    "finish": lambda _, runs, __: runs.finish(rebalance(), LEASE),
    "request_cancel": lambda _, runs, __: runs.request_cancel(RUN_ID, NOBODY, NOW),
}
READS: dict[str, Call] = {
    "of_portfolio": lambda models, _, __: models.of_portfolio(portfolio_id(1)),
    "find": lambda models, _, __: models.find(PageRequest(), "name", ""),
    "find_runs": lambda _, runs, __: runs.find(PageRequest(), "", ()),
    "look": lambda _, __, chunks: chunks.look(RUN_ID, "token"),
    "ready": lambda _, __, chunks: chunks.ready(RUN_ID),
    "undone_of": lambda _, __, chunks: chunks.undone_of(RUN_ID, "token"),
    "signs": lambda _, __, chunks: chunks.signs(RUN_ID, ["token"]),
}


@pytest.fixture
def narrow(mongodb_uri: str, database_name: str) -> Iterator[Database]:
    """A database with one connection, and so one turn."""
    opened = Database(mongodb_uri, database_name, pool_size=1, timeout_seconds=DATABASE_SECONDS)
    migrate(opened)
    yield opened
    opened.close()


def prepared(narrow: Database) -> tuple[Models, Rebalances, Chunks]:
    tokens = PageTokens(b"key")
    models = Models(narrow, tokens)
    models.create(content(portfolio_ids=(portfolio_id(1),)), NOW)
    return models, Rebalances(narrow, tokens), Chunks(narrow)


def test_whatever_writes_waits_for_its_turn(narrow: Database) -> None:
    arguments = prepared(narrow)
    narrow._timeout_seconds = 0.01  # noqa: SLF001 - what is prepared may take longer
    waited = []
    for name, write in WRITES.items():
        with narrow.writing(), pytest.raises(DatabaseUnavailable) as raised:
            write(*arguments)
        waited.append((name, str(raised.value.__cause__)))
    assert waited == [(name, "the turn did not come in time") for name in WRITES]


def test_whatever_reads_does_not(narrow: Database) -> None:
    arguments = prepared(narrow)
    with narrow.writing():
        for read in READS.values():
            read(*arguments)
