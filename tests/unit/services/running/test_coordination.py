"""Chunks are handed out, taken back from workers that are lost, and published, whatever workers do."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Thread

import pytest

from ordergen_server.domain.chunks import CHUNK_PORTFOLIOS, ChunkTask, DoneChunk, PlaceTaken, chunk_size
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    DatabaseUnavailable,
    DeadlineExceeded,
    InternalError,
    SiblingUnavailable,
    StoredDataDamaged,
)
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.stores import Lease, RunOrder
from ordergen_server.services.running import coordination
from ordergen_server.services.running.chunk_executor import WorkerLost
from ordergen_server.services.running.coordination import ATTEMPTS, IN_FLIGHT
from ordergen_server.services.running.execution import Execution
from ordergen_server.services.running.leased_run import LeasedRun, RunJournal
from ordergen_server.services.running.permits import TokenBucket
from tests.builders import NOW, model, portfolio_id, position, rebalance, result, snapshot
from tests.fakes import MemoryModels
from tests.limits import PATIENCE
from tests.memory_chunks import MemoryChunks
from tests.memory_runs import MemoryRuns
from tests.simulated_cluster import simulated_run
from tests.unit.services.runs import TOKEN
from tests.waiting import eventually

Decide = Callable[[int], BaseException | None]


@dataclass
class FakeExecutor:
    """Does a task at once, or fails as `decide` has it by its number; one that hangs it keeps."""

    chunks: MemoryChunks
    workers: int = 2
    decide: Decide = lambda _: None
    hangs: Callable[[int], bool] = lambda _: False
    tasks: list[ChunkTask] = field(default_factory=list)
    sleeps: Callable[[int], bool] = lambda _: False
    given_up: list[ChunkTask] = field(default_factory=list)
    idle: list[ChunkTask] = field(default_factory=list)
    most: int = 0
    open: int = 0

    def submit(self, task: ChunkTask) -> "Future[None]":
        number, future = len(self.tasks), Future[None]()
        self.tasks.append(task)
        self.open += 1
        self.most = max(self.most, self.open)
        if self.sleeps(number):
            self.idle.append(task)
            return future
        if self.hangs(number):
            assert self.chunks.claim(task.rebalance_id, task.token)
            return future
        error = self.decide(number)
        if error is None:
            self.work_off(task)
        self.open -= 1
        if error:
            future.set_exception(error)
        else:
            future.set_result(None)
        return future

    def work_off(self, task: ChunkTask) -> bool:
        """Store a result for each portfolio of the chunk."""
        claimed = self.chunks.claim(task.rebalance_id, task.token)
        if claimed is None:
            return False
        found = [replace(result(run_id=task.rebalance_id), portfolio_id=one) for one in claimed.portfolio_ids]
        return self.chunks.storing(task, claimed, found)()

    def start(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def is_due(self, task: ChunkTask) -> bool:
        return task in self.idle

    def give_up(self, task: ChunkTask) -> None:
        self.given_up.append(task)


@dataclass(frozen=True)
class World:
    """A run of 40 portfolios in chunks of ten, held by us."""

    runs: MemoryRuns
    run: LeasedRun
    executor: FakeExecutor
    execution: Execution

    def carry_out(self) -> Rebalance:
        self.execution.carry_out(self.run)
        return self.runs.get(self.run.rebalance_id)


class _NoMarket:
    """Is never asked: the market is kept already."""


@contextmanager
def world(
    count: int = 40, *, lease_seconds: float = 60, seconds: float = 1000, permits: TokenBucket | None = None
) -> Iterator[World]:
    runs = MemoryRuns()
    chunks = MemoryChunks(runs)
    journal = RunJournal(
        runs=runs,
        chunks=chunks,
        models=MemoryModels(model(position(1))),
        clock=lambda: NOW,
        changed=lambda: None,
        lease_seconds=lease_seconds,
    )
    started = rebalance(portfolio_count=count)
    order = RunOrder(started, (position(1),), seconds)
    runs.begin(order, [portfolio_id(n) for n in range(count)], journal.lease(TOKEN), None, 10)
    runs.keep_snapshot(started.rebalance_id, snapshot({1: "10"}))
    executor = FakeExecutor(chunks)
    execution = Execution(
        _NoMarket(),  # type: ignore[arg-type] # it is never asked
        chunks,
        journal,
        executor,
        **({"permits": permits} if permits else {}),
    )
    yield World(runs, LeasedRun(order, TOKEN, Deadline.after(seconds)), executor, execution)


def check_told_once(one: World, count: int = 40) -> None:
    """Everyone has one result, and sequences have no gap."""
    assert [told.sequence for told in one.runs.results] == list(range(2, count + 2))
    assert sorted(told.portfolio_id for told in one.runs.results) == [portfolio_id(n) for n in range(count)]


@pytest.mark.parametrize(
    ("portfolios", "workers", "size"),
    [(0, 1, 10), (3, 8, 10), (100, 8, 13), (1000, 2, 250), (999, 4, 250), (1_000_000, 200, CHUNK_PORTFOLIOS)],
)
def test_a_run_is_cut_so_that_every_worker_has_some(portfolios: int, workers: int, size: int) -> None:
    assert chunk_size(portfolios, workers) == size


def test_everything_is_handed_out_in_order_and_published() -> None:
    with world() as one:
        assert one.carry_out().state is RebalanceState.COMPLETED
        check_told_once(one)
        assert [told.portfolio_id for told in one.runs.results] == [portfolio_id(n) for n in range(40)]
    assert one.executor.most <= IN_FLIGHT * one.executor.workers


@pytest.mark.parametrize("error", [WorkerLost("gone"), DatabaseUnavailable("cut off")])
def test_what_a_worker_did_not_do_is_done_by_another(error: Exception) -> None:
    with world() as one:
        one.executor.decide = lambda number: error if number in (0, 2) else None
        assert one.carry_out().state is RebalanceState.COMPLETED
        check_told_once(one)
    assert len(one.executor.tasks) == 6
    assert len({task.token for task in one.executor.tasks}) == 6


def test_a_worker_that_was_lost_after_it_had_stored_has_done_its_chunk() -> None:
    with world() as one:

        def stored_first(number: int) -> Exception | None:
            if number == 1:
                assert one.executor.work_off(one.executor.tasks[1])
                return WorkerLost("gone")
            return None

        one.executor.decide = stored_first
        one.carry_out()
        check_told_once(one)
    assert len(one.executor.tasks) == 4


def test_a_worker_that_hangs_loses_its_chunk_and_can_store_nothing_once_it_goes_on() -> None:
    with world(lease_seconds=0.3) as one:
        one.executor.hangs = lambda number: number == 1
        assert one.carry_out().state is RebalanceState.COMPLETED
        check_told_once(one)
        hung = one.executor.tasks[1]
        assert one.executor.given_up == [hung]
        assert one.executor.work_off(hung) is False
        check_told_once(one)


def test_a_worker_that_hangs_before_it_begins_loses_its_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordination, "BEGIN_SECONDS", 0.2)
    with world(lease_seconds=0.1) as one:
        one.executor.sleeps = lambda number: number == 1
        assert one.carry_out().state is RebalanceState.COMPLETED
        check_told_once(one)
        assert one.executor.given_up == one.executor.idle
        assert len(one.executor.idle) == 1


def test_a_chunk_that_ends_every_worker_fails_and_the_others_are_done() -> None:
    with world() as one:
        poison = portfolio_id(15)

        def poisoned(number: int) -> Exception | None:
            chunk = one.executor.chunks.claim(one.run.rebalance_id, one.executor.tasks[number].token)
            return WorkerLost("gone") if chunk and poison in chunk.portfolio_ids else None

        one.executor.decide = poisoned
        ended = one.carry_out()
        check_told_once(one)
    assert ended.state is RebalanceState.COMPLETED_WITH_ERRORS
    assert ended.counts == {PortfolioState.NO_ACTION: 30, PortfolioState.FAILED: 10}
    failed = [told for told in one.runs.results if told.state is PortfolioState.FAILED]
    assert {type(told.error) for told in failed} == {InternalError}
    assert len(one.executor.tasks) == 3 + ATTEMPTS


def test_a_chunk_that_waited_behind_one_that_ends_workers_is_done() -> None:
    """It was not begun: however often its worker has ended, it is not by its doing."""
    with world(count=10) as one:
        one.executor.decide = lambda number: WorkerLost("gone") if number < 2 * ATTEMPTS else None
        assert one.carry_out().state is RebalanceState.COMPLETED
        check_told_once(one, 10)


def test_workers_that_never_begin_anything_end_the_run() -> None:
    with world(count=10) as one:
        one.executor.decide = lambda _: WorkerLost("gone")
        assert one.carry_out().counts == {PortfolioState.FAILED: 10}
        check_told_once(one, 10)


def test_a_database_that_never_answers_workers_leaves_the_run_to_another_server() -> None:
    with world() as one:
        one.executor.decide = lambda _: DatabaseUnavailable("down")
        with pytest.raises(DatabaseUnavailable):
            one.carry_out()
        assert one.runs.get(one.run.rebalance_id).state is RebalanceState.RUNNING


def test_a_run_whose_time_is_over_ends_though_its_workers_hang() -> None:
    with world(seconds=0.2) as one:
        one.executor.hangs = lambda _: True
        ended = one.carry_out()
        check_told_once(one)
    assert (ended.state, type(ended.error)) == (RebalanceState.FAILED, DeadlineExceeded)
    assert ended.counts == {PortfolioState.SKIPPED: 40}


def test_a_cancelled_run_ends_though_its_workers_hang() -> None:
    with world() as one:
        one.executor.hangs = lambda number: number > 0
        work = Thread(target=one.carry_out)
        work.start()
        eventually(lambda: len(one.runs.results) == 10)
        one.run.cancelled.set()
        work.join()
        check_told_once(one)
        assert one.runs.get(one.run.rebalance_id).state is RebalanceState.CANCELLED


def test_an_abandoned_run_takes_back_what_workers_have() -> None:
    with world() as one:
        one.executor.hangs = lambda number: number > 0
        work = Thread(target=one.execution.carry_out, args=(one.run,))
        work.start()
        eventually(lambda: len(one.runs.results) == 10)
        one.run.abandoned.set()
        work.join()
        assert one.runs.get(one.run.rebalance_id).state is RebalanceState.RUNNING
        assert not any(one.executor.work_off(task) for task in one.executor.tasks)
        assert len(one.runs.results) == 10


def test_a_reason_to_stop_that_was_kept_ends_the_run_of_whoever_takes_it_over() -> None:
    down = SiblingUnavailable("down")
    with world() as one:
        one.runs.runs[one.run.rebalance_id].stopped = down
        ended = one.carry_out()
        check_told_once(one)
    assert (ended.state, ended.error) == (RebalanceState.FAILED, down)
    assert {told.error for told in one.runs.results} == {down}
    assert one.executor.tasks == []


def test_what_a_server_before_us_began_to_publish_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was slow, and took the place of our first chunk: then that comes after."""
    with world() as one:
        chunks, taken = one.executor.chunks, iter([True])
        publish = chunks.publish

        def late(rebalance_id: str, done: DoneChunk, sequence: int, lease: Lease) -> bool:
            if next(taken, False):
                other = next(found for found in chunks.ready(rebalance_id) if found.number != done.number)
                publish(rebalance_id, other, sequence, lease)  # as `progress` does it in a database
                raise PlaceTaken(rebalance_id)
            return publish(rebalance_id, done, sequence, lease)

        monkeypatch.setattr(chunks, "publish", late)
        assert one.carry_out().state is RebalanceState.COMPLETED
        check_told_once(one)


def test_what_got_its_place_while_we_looked_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a server that was slow: our last look finds nothing that is ready, and nothing left to do."""
    with world(count=10) as one:
        chunks, ready, looks = one.executor.chunks, one.executor.chunks.ready, list[bool]()

        def late(rebalance_id: str) -> list[DoneChunk]:
            looks.append(True)
            return ready(rebalance_id) if len(looks) > 2 else []

        monkeypatch.setattr(chunks, "ready", late)
        assert one.carry_out().state is RebalanceState.COMPLETED
        check_told_once(one, 10)


def test_a_run_whose_chunks_are_lost_says_so() -> None:
    with world() as one:
        del one.runs.runs[one.run.rebalance_id].chunks[1:]
        ended = one.carry_out()
    assert (ended.state, type(ended.error)) == (RebalanceState.FAILED, StoredDataDamaged)
    assert ended.counts == {PortfolioState.NO_ACTION: 10}


def test_permits_go_with_chunks() -> None:
    """Ten at the start, and ten more in each fifth of a second."""
    with world(permits=TokenBucket(50)) as one:
        started = time.monotonic()
        assert one.carry_out().state is RebalanceState.COMPLETED
        check_told_once(one)
        assert time.monotonic() - started >= 0.6


def test_a_bucket_gives_no_more_than_its_rate() -> None:
    now = 0.0
    bucket, taken = TokenBucket(100, lambda: now), 0
    for step in range(1, 1001):
        now = step / 10
        taken += 250 * bucket.take(250)
    assert 100 * 100 - 250 <= taken <= 100 * 100 + 250
    assert TokenBucket(100, lambda: now).take(1)


def test_a_run_without_permits_can_be_abandoned() -> None:
    with world(permits=TokenBucket(1e-6)) as one:
        work = Thread(target=one.execution.carry_out, args=(one.run,))
        work.start()
        eventually(lambda: len(one.executor.tasks) == 1)
        one.run.abandoned.set()
        work.join(PATIENCE)
        assert not work.is_alive()


def test_very_many_workers_are_kept_busy_by_one_that_coordinates() -> None:
    """A simulation: all work is shared among them, and the last to be done ends the run."""
    ideal = 100_000 * 0.002 / 100
    run = simulated_run(100_000, 100, 0.002)
    assert run.sequence == 100_001
    assert run.most_open == IN_FLIGHT * 100
    assert ideal <= run.seconds <= 1.01 * ideal
    assert run.writes == 3 * 400
