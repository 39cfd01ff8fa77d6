"""Chunks in a real database: each portfolio is stored once and told once, whoever dies, and whenever."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from pymongo.errors import OperationFailure

from ordergen_server.domain.chunks import Chunk, ChunkTask, DoneChunk, PlaceTaken, Standing
from ordergen_server.domain.errors import Cancelled, NotFound, SiblingUnavailable
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.stores import BegunBy, LeaseLost, RunOrder
from ordergen_server.domain.subjects import NOBODY
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.market.markets import RunTable
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.repositories.run_store.result_documents import result_document
from tests.builders import NOW, portfolio_id, position, rebalance, result
from tests.integration.repositories.begun import MINE, OTHERS, begin, lent, results
from tests.integration.repositories.plans import Recorder
from tests.stored_chunks import append, store

#: After so long the database itself gives up on a transaction.
FORGOTTEN_SECONDS = 60
DOWN = SiblingUnavailable("down", metadata={"service": "$pricing"}, retry_after_seconds=1.5)


def told(runs: Rebalances, rebalance_id: str) -> list[tuple[int, str]]:
    """What is told of a run: sequences and portfolios."""
    return [(one.sequence, one.portfolio_id) for one in runs.portfolios_after(rebalance_id, 1, 100)]


def stored(database: Database, name: str = "portfolio_rebalances") -> int:
    return database.collection(name).count_documents({})


def test_a_run_begins_with_all_of_it_left_to_do(runs: Rebalances, chunks: Chunks) -> None:
    progress = chunks.progress(begin(runs, 7), MINE)
    assert (progress.sequence, progress.stopped) == (1, None)
    assert progress.undone == [Chunk(0, 0, 3), Chunk(1, 1, 3), Chunk(2, 2, 1)]
    assert chunks.progress(begin_other(runs, 0), MINE).undone == []


def begin_other(runs: Rebalances, count: int) -> str:
    """A run of another model."""
    started = rebalance(run_id=runs.new_id(), model_id="f" * 24, portfolio_count=count)
    ids = [portfolio_id(number) for number in range(count)]
    return runs.begin(RunOrder(started, (), 3600), ids, MINE, None, 3).rebalance_id


def test_who_does_not_hold_a_run_hears_nothing_of_it(runs: Rebalances, chunks: Chunks) -> None:
    with pytest.raises(LeaseLost):
        chunks.progress(begin(runs), OTHERS)


def test_a_worker_finds_what_a_run_needs(runs: Rebalances, chunks: Chunks) -> None:
    rebalance_id = begin(runs)
    order = chunks.order(rebalance_id)
    assert (order.rebalance, order.positions) == (runs.get(rebalance_id), (position(1),))
    assert order.begun_by == BegunBy({"correlation_id": "c"}, {})
    assert 0 < order.seconds_left <= 3600
    runs.finish(replace(order.rebalance, state=RebalanceState.COMPLETED, finish_time=NOW), MINE)
    with pytest.raises(NotFound):
        chunks.order(rebalance_id)


def test_a_chunk_is_stored_whole_in_the_order_of_its_worker(runs: Rebalances, chunks: Chunks) -> None:
    rebalance_id = begin(runs)
    claimed = lent(chunks, rebalance_id)
    assert claimed.portfolio_ids == tuple(portfolio_id(number) for number in range(3))
    assert chunks.storing(ChunkTask(rebalance_id, "token"), claimed, results(rebalance_id, 2, 0, 1))()
    (done,) = chunks.ready(rebalance_id)
    assert done == DoneChunk(0, {PortfolioState.NO_ACTION: 3}, summary=RebalanceSummary())
    assert told(runs, rebalance_id) == []
    assert chunks.publish(rebalance_id, done, 1, MINE) is False
    assert told(runs, rebalance_id) == [(2, portfolio_id(2)), (3, portfolio_id(0)), (4, portfolio_id(1))]
    assert runs.get(rebalance_id).counts == {PortfolioState.NO_ACTION: 3}
    assert chunks.ready(rebalance_id) == []
    assert chunks.progress(rebalance_id, MINE).undone == [Chunk(1, 1, 3)]


def test_a_part_that_is_stored_leaves_the_rest_with_its_worker(runs: Rebalances, chunks: Chunks) -> None:
    rebalance_id = begin(runs)
    claimed = lent(chunks, rebalance_id)
    task = ChunkTask(rebalance_id, "token")
    assert chunks.storing(task, claimed, results(rebalance_id, 1))()
    rest = claimed.rest({portfolio_id(1)})
    assert chunks.undone_of(rebalance_id, "token") == Chunk(2, 0, 2, "token", begun=True)
    assert chunks.look(rebalance_id, "token") == Standing(held=True)
    assert chunks.storing(task, rest, results(rebalance_id, 2, 0))()
    assert chunks.undone_of(rebalance_id, "token") is None
    assert chunks.look(rebalance_id, "token") == Standing(held=False)
    parts = sorted(chunks.ready(rebalance_id), key=lambda one: one.count)
    for sequence, done in zip((1, 2), parts, strict=True):
        chunks.publish(rebalance_id, done, sequence, MINE)
    assert [one for _, one in told(runs, rebalance_id)] == [portfolio_id(number) for number in (1, 2, 0)]


def test_what_is_left_to_do_comes_in_the_order_given(runs: Rebalances, chunks: Chunks) -> None:
    """The rest of a chunk stands where the chunk did."""
    rebalance_id = begin(runs, 7)
    store(chunks, results(rebalance_id, 0), MINE)
    store(chunks, results(rebalance_id, 4, 5), MINE)
    undone = chunks.progress(rebalance_id, MINE).undone
    assert [(one.number, one.origin, one.count) for one in undone] == [(3, 0, 2), (4, 1, 1), (2, 2, 1)]


def test_who_was_fenced_off_stores_nothing(runs: Rebalances, chunks: Chunks, database: Database) -> None:
    """Neither whose chunk another has, nor whose was taken back, nor who was too late to begin."""
    rebalance_id = begin(runs)
    claimed = lent(chunks, rebalance_id)
    late = chunks.storing(ChunkTask(rebalance_id, "token"), claimed, results(rebalance_id, 0, 1, 2))
    again = chunks.undone_of(rebalance_id, "token")
    assert again
    assert chunks.lend(rebalance_id, again, "another")
    assert late() is False
    assert chunks.look(rebalance_id, "token") == Standing(held=False)
    assert chunks.look(rebalance_id, "token", alive=True) == Standing(held=False)
    assert chunks.claim(rebalance_id, "token") is None
    assert chunks.lend(rebalance_id, again, "a third") is False
    chunks.recall(rebalance_id, ["another"])
    assert chunks.claim(rebalance_id, "another") is None
    assert chunks.progress(rebalance_id, MINE).undone[0] == Chunk(0, 0, 3)
    assert stored(database) == 0


def test_results_are_stored_with_their_chunk_or_not_at_all(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    """Here a bug has a portfolio that another chunk has stored."""
    rebalance_id = begin(runs)
    append(chunks, results(rebalance_id, 0, 1, 2), MINE)
    claimed = lent(chunks, rebalance_id)
    for numbers in ((3, 0), (0, 3)):
        with pytest.raises(Exception, match=r"E11000|duplicate"):
            chunks.storing(ChunkTask(rebalance_id, "token"), claimed, results(rebalance_id, *numbers))()
    assert stored(database) == 3
    assert chunks.undone_of(rebalance_id, "token") == Chunk(1, 1, 3, "token", begun=True)
    assert chunks.storing(ChunkTask(rebalance_id, "token"), claimed, results(rebalance_id, 3, 4, 5))()


def test_an_attempt_hears_why_it_is_to_end(runs: Rebalances, chunks: Chunks) -> None:
    """With what it has not done, so that whoever gets that next is not told."""
    rebalance_id = begin(runs)
    claimed = lent(chunks, rebalance_id)
    chunks.tell(rebalance_id, ["token", "nobody's"], DOWN)
    assert chunks.look(rebalance_id, "token") == Standing(held=True, why=DOWN)
    assert chunks.storing(ChunkTask(rebalance_id, "token"), claimed, results(rebalance_id, 0))()
    assert chunks.look(rebalance_id, "token").why == DOWN
    rest = chunks.undone_of(rebalance_id, "token")
    assert rest
    assert chunks.lend(rebalance_id, rest, "another")
    assert chunks.look(rebalance_id, "another") == Standing(held=True)


def test_an_attempt_shows_signs_of_life_once_it_has_begun(runs: Rebalances, chunks: Chunks) -> None:
    rebalance_id = begin(runs)
    assert chunks.lend(rebalance_id, chunks.progress(rebalance_id, MINE).undone[0], "token")
    assert chunks.signs(rebalance_id, ["token"]) == {}
    assert chunks.claim(rebalance_id, "token")
    signs = [chunks.signs(rebalance_id, ["token", "other"])]
    chunks.look(rebalance_id, "token", alive=True)
    signs += [chunks.signs(rebalance_id, ["token"]) for _ in range(2)]
    assert [set(one) for one in signs] == [{"token"}] * 3
    assert signs[0] != signs[1] == signs[2]
    assert chunks.signs(rebalance_id, ["other"]) == {}


def test_a_worker_killed_in_a_transaction_leaves_nothing_in_the_way(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    """It is open, with a result and the chunk locked; whoever gives the chunk to another need not wait."""
    rebalance_id = begin(runs)
    lent(chunks, rebalance_id)
    orphan = chunks._sessions["token"]  # noqa: SLF001 - what a dead process leaves in the database
    orphan.start_transaction()
    database.collection("rebalance_work").update_one(
        {"rebalance_id": rebalance_id, "token": "token"}, {"$set": {"state": "ready"}}, session=orphan
    )
    kept: dict[str, object] = {"rebalance_id": rebalance_id, "portfolio_id": portfolio_id(0)}
    database.collection("portfolio_rebalances").insert_one({**kept, "chunk": 0, "place": 0}, session=orphan)
    started = time.monotonic()
    undone = chunks.undone_of(rebalance_id, "token")
    assert undone
    assert chunks.lend(rebalance_id, undone, "another")
    claimed = chunks.claim(rebalance_id, "another")
    assert claimed
    assert chunks.storing(ChunkTask(rebalance_id, "another"), claimed, results(rebalance_id, 0, 1, 2))()
    assert time.monotonic() - started < FORGOTTEN_SECONDS
    assert stored(database) == 3
    with pytest.raises(OperationFailure):
        orphan.commit_transaction()


def test_ending_the_session_of_an_attempt_ends_nothing_else(
    runs: Rebalances, chunks: Chunks, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That attempt has left; what its process does next has a session that is not taken from it."""
    rebalance_id = begin(runs)
    lent(chunks, rebalance_id)
    chunks.leave("token")
    claimed = lent(chunks, rebalance_id, place=1, token="next")  # noqa: S106 - of an attempt
    insert_many = chunks._portfolios.insert_many  # noqa: SLF001 - within the transaction

    def lend_first(*args: Any, **options: Any) -> object:  # noqa: ANN401 - those of insert_many
        undone = chunks.undone_of(rebalance_id, "token")
        assert undone
        assert Chunks(database).lend(rebalance_id, undone, "another")
        return insert_many(*args, **options)

    monkeypatch.setattr(chunks._portfolios, "insert_many", lend_first)  # noqa: SLF001 - likewise
    assert chunks.storing(ChunkTask(rebalance_id, "next"), claimed, results(rebalance_id, 3, 4, 5))()


def test_what_was_about_to_be_published_is_published_first_by_whoever_takes_over(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    """The first server died between the two writes; the place of the chunk stays."""
    rebalance_id = begin(runs)
    store(chunks, results(rebalance_id, 0, 1, 2), MINE)
    store(chunks, results(rebalance_id, 3, 4, 5), MINE)
    second = {"_id": f"{rebalance_id}/1"}
    change = {"$set": {"first_sequence": 2}, "$unset": {"state": "", "create_time": ""}}
    database.collection("rebalance_work").update_one(second, change)
    (first,) = chunks.ready(rebalance_id)
    with pytest.raises(PlaceTaken):  # by another server, that was slow, while we held the run
        chunks.publish(rebalance_id, first, 1, MINE)
    assert chunks.progress(rebalance_id, MINE).sequence == 4
    assert chunks.publish(rebalance_id, first, 4, MINE) is False
    assert [one for _, one in told(runs, rebalance_id)] == [
        portfolio_id(number) for number in (3, 4, 5, 0, 1, 2)
    ]
    assert runs.get(rebalance_id).counts == {PortfolioState.NO_ACTION: 6}


def test_who_has_lost_the_run_publishes_nothing(runs: Rebalances, chunks: Chunks) -> None:
    rebalance_id = begin(runs, lease=replace(MINE, seconds=0))
    store(chunks, results(rebalance_id, 0, 1, 2), MINE)
    (done,) = chunks.ready(rebalance_id)
    assert runs.take_over(OTHERS)
    with pytest.raises(LeaseLost):
        chunks.publish(rebalance_id, done, 1, MINE)
    assert runs.get(rebalance_id).counts == {}
    assert chunks.progress(rebalance_id, OTHERS).sequence == 4  # its place was certain by then
    with pytest.raises(LeaseLost):
        chunks.publish(rebalance_id, done, 1, MINE)
    assert runs.get(rebalance_id).counts == {PortfolioState.NO_ACTION: 3}


def test_why_the_rest_is_to_be_skipped_is_kept_with_the_run(runs: Rebalances, chunks: Chunks) -> None:
    rebalance_id = begin(runs)
    claimed = lent(chunks, rebalance_id)
    task = ChunkTask(rebalance_id, "token")
    assert chunks.storing(task, claimed, results(rebalance_id, 0, 1, 2), DOWN)()
    (done,) = chunks.ready(rebalance_id)
    assert done.stopped == DOWN
    chunks.publish(rebalance_id, done, 1, MINE)
    assert chunks.progress(rebalance_id, MINE).stopped == DOWN


def test_publishing_renews_the_lease_and_hears_of_a_cancel(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    rebalance_id = begin(runs, lease=replace(MINE, seconds=0))
    store(chunks, results(rebalance_id, 0, 1, 2), MINE)
    (done,) = chunks.ready(rebalance_id)
    runs.request_cancel(rebalance_id, NOBODY, NOW)
    before = database.now()
    assert chunks.publish(rebalance_id, done, 1, replace(MINE, seconds=60)) is True
    header = database.collection("rebalances").find_one({})
    assert header
    until = cast("dict[str, datetime]", header["lease"])["until"]
    assert before <= until - timedelta(seconds=60) <= database.now()


def test_of_many_that_store_one_chunk_one_does(runs: Rebalances, chunks: Chunks, database: Database) -> None:
    """However the same token came to several workers."""
    rebalance_id = begin(runs, 3)
    claimed = lent(chunks, rebalance_id)
    task = ChunkTask(rebalance_id, "token")
    others = [Chunks(database) for _ in range(4)]

    def storing(other: Chunks) -> bool:
        return other.storing(task, claimed, results(rebalance_id, 0, 1, 2))()

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(storing, others))
    assert sorted(done) == [False, False, False, True]
    assert stored(database) == 3


def test_chunks_of_runs_that_go_on_are_not_forgotten(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    """The database forgets what has a time of creation: only what nobody has carried out has one."""
    timed: dict[str, object] = {"create_time": {"$exists": True}}
    rebalance_id = begin(runs, 9)
    assert database.collection("rebalance_work").count_documents(timed) == 3
    lent(chunks, rebalance_id)
    assert database.collection("rebalance_work").count_documents(timed) == 0
    append(chunks, results(rebalance_id, 3), MINE)
    assert database.collection("rebalance_work").count_documents(timed) == 0


def test_the_database_forgets_by_its_own_clock(runs: Rebalances, database: Database) -> None:
    """That of the server may be of another week."""
    before = database.now()
    begin(runs)
    found = database.collection("rebalance_work").find_one({})
    assert found
    assert before <= cast("datetime", found["create_time"]) <= database.now()


def test_a_run_of_an_earlier_release_is_carried_on(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    """Its results have their sequences themselves; what is left is cut into chunks, once."""
    rebalance_id = begin(runs, 600, size=400)
    of_it = {"rebalance_id": rebalance_id}
    new = dict.fromkeys(("stride", "count", "state", "token"), "")
    database.collection("rebalance_work").update_many(of_it, {"$unset": new})
    database.collection("rebalances").update_one({}, {"$unset": {"chunked": ""}, "$set": {"sequence": 4}})
    old = [replace(one, sequence=place) for place, one in enumerate(results(rebalance_id, 0, 5, 450), 2)]
    database.collection("portfolio_rebalances").insert_many(result_document(one, RunTable()) for one in old)
    for _ in range(2):
        progress = chunks.progress(rebalance_id, MINE)
        assert progress.sequence == 4
        assert [one.count for one in progress.undone] == [250, 250, 97]
    append(chunks, results(rebalance_id, 1, 2), MINE)
    expected = [(2, 0), (3, 5), (4, 450), (5, 1), (6, 2)]
    assert told(runs, rebalance_id) == [(place, portfolio_id(number)) for place, number in expected]
    assert [one.sequence for one in runs.portfolios_after(rebalance_id, 2, 3)] == [3, 4, 5]
    assert sum(one.count for one in chunks.progress(rebalance_id, MINE).undone) == 595


def test_a_run_is_deleted_chunk_by_chunk(
    runs: Rebalances, chunks: Chunks, database: Database, recorder: tuple[Recorder, Database]
) -> None:
    """All results of a large run take longer than one operation may."""
    rebalance_id = begin(runs, 9)
    for first in (0, 3, 6):
        append(chunks, results(rebalance_id, first, first + 1, first + 2), MINE)
    ended = replace(runs.get(rebalance_id), state=RebalanceState.COMPLETED, finish_time=NOW)
    sent, opened = recorder
    Rebalances(opened, PageTokens(b"key of the tests")).delete(rebalance_id, runs.finish(ended, MINE).version)
    deletes = [one for one in sent.sent if one.get("delete") == "portfolio_rebalances"]
    named = [one["deletes"][0]["q"].get("chunk") for one in deletes]
    assert named == [0, 1, 2, None]
    kinds = ("rebalances", "portfolio_rebalances", "rebalance_work", "rebalance_markets")
    assert [stored(database, name) for name in kinds] == [0, 0, 0, 0]


def test_a_market_that_is_not_kept_is_looked_for_once_a_batch(
    runs: Rebalances, chunks: Chunks, recorder: tuple[Recorder, Database]
) -> None:
    """As of runs of earlier releases, and of those that ended before they had one."""
    rebalance_id = begin(runs)
    append(chunks, results(rebalance_id, 0, 1, 2), MINE)
    sent, opened = recorder
    told(Rebalances(opened, PageTokens(b"key of the tests")), rebalance_id)
    assert [one.get("find") for one in sent.sent].count("rebalance_markets") == 1


def test_a_skipped_run_ends_cancelled(runs: Rebalances, chunks: Chunks) -> None:
    """An error of a skipped portfolio comes back as it was."""
    rebalance_id = begin(runs, 1)
    why = Cancelled("no more")
    skipped = replace(result(0, run_id=rebalance_id, state=PortfolioState.SKIPPED), error=why)
    append(chunks, [skipped], MINE)
    assert runs.get_portfolio(rebalance_id, portfolio_id(0)).error == why
