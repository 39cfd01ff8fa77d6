"""What a worker does with a chunk: it stores what is its own to store, in parts where it takes long."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from threading import Event, Thread

import pytest

from ordergen_server.domain import origin
from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.domain.errors import (
    Cancelled,
    DeadlineExceeded,
    OrderGenerationError,
    SiblingUnavailable,
)
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.stores import BegunBy, Lease, RunOrder
from ordergen_server.services.members import NO_FLOWS
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.running.chunk_worker import ChunkWorker, WorkerTimes
from tests.builders import portfolio_id, position, rebalance, snapshot
from tests.fakes import FakeMarket, FakePortfolios
from tests.limits import PATIENCE
from tests.memory_chunks import MemoryChunks
from tests.memory_runs import MemoryRuns
from tests.unit.services.runs import RESTS
from tests.waiting import eventually

LEASE = Lease("token", 3600)
#: What is done is stored at once; or with the whole chunk.
AT_ONCE, WHOLE = WorkerTimes(look=0.01, part=0), WorkerTimes(look=0.01, part=3600)
Before = Callable[[str], object]


@dataclass
class World:
    """A run of one chunk, which is lent to an attempt."""

    runs: MemoryRuns
    chunks: MemoryChunks
    worker: ChunkWorker
    task: ChunkTask
    portfolios: FakePortfolios

    def lend(self, token: str, before: str = "") -> ChunkTask:
        """Give what is left to an attempt."""
        undone = self.chunks.progress(self.task.rebalance_id, LEASE).undone
        (chunk,) = [one for one in undone if one.token == before]
        assert self.chunks.lend(self.task.rebalance_id, chunk, token)
        return ChunkTask(self.task.rebalance_id, token)

    @property
    def stored(self) -> list[list[PortfolioState]]:
        """The states of each chunk that is done."""
        chunks = self.runs.runs[self.task.rebalance_id].chunks
        return [[result.state for result in one.results] for one in chunks if one.results is not None]


@contextmanager
def world(
    *answers: Holdings | Exception,
    times: WorkerTimes = WHOLE,
    before: Before = lambda _: None,
    cash_flows: Mapping[str, Decimal] = NO_FLOWS,
) -> Iterator[World]:
    runs = MemoryRuns()
    chunks = MemoryChunks(runs)
    run = rebalance(portfolio_count=len(answers))
    ids = [portfolio_id(number) for number in range(len(answers))]
    order = RunOrder(
        run, (position(1),), 1000, BegunBy({"correlation_id": "c-1"}, {"x-correlation-id": "c-1"})
    )
    runs.begin(order, ids, LEASE, None, cash_flows=cash_flows)
    runs.keep_snapshot(run.rebalance_id, snapshot({1: "10"}))
    portfolios = FakePortfolios(dict(zip(ids, answers, strict=True)), before)
    with ThreadPoolExecutor(1) as pool:
        work = PortfolioWork(
            market=FakeMarket(snapshot({1: "10"})), portfolios=portfolios, workers=pool, window=1
        )
        worker = ChunkWorker(market_of=runs.kept_snapshot, chunks=chunks, work=work, times=times)
        made = World(runs, chunks, worker, ChunkTask(run.rebalance_id, "first"), portfolios)
        made.lend("first")
        yield made


def test_a_chunk_is_stored_as_one_and_was_read_once() -> None:
    with world(*[RESTS] * 5) as one:
        one.worker.work_off(one.task)
        assert one.stored == [[PortfolioState.NO_ACTION] * 5]
        assert one.portfolios.asked == [portfolio_id(number) for number in range(5)]


def test_what_takes_long_is_stored_in_parts() -> None:
    with world(*[RESTS] * 4, times=AT_ONCE) as one:
        one.worker.work_off(one.task)
        assert one.stored == [[PortfolioState.NO_ACTION]] * 4


def test_each_portfolio_has_its_cash_flow_however_often_its_chunk_is_cut_or_given_away() -> None:
    """Also one that is skipped: what it was asked with is told of it."""
    flows = {portfolio_id(number): Decimal(100 * number) for number in (1, 2, 4)}
    gate = Gate(2)
    with world(*[RESTS] * 5, times=AT_ONCE, before=gate, cash_flows=flows) as one:
        with working(one, gate):
            eventually(lambda: len(one.stored) == 2)
            again = one.lend("second", before="first")
        one.chunks.tell(one.task.rebalance_id, ["second"], Cancelled("no more"))
        gate.reached.clear()
        one.worker.work_off(again)
        results = [
            result for chunk in one.runs.runs[one.task.rebalance_id].chunks for result in chunk.results or ()
        ]
    assert {result.portfolio_id: result.cash_flow for result in results} == {
        portfolio_id(number): flows.get(portfolio_id(number)) for number in range(5)
    }


def test_a_task_of_another_is_not_begun() -> None:
    with world(RESTS) as one:
        one.worker.work_off(ChunkTask(one.task.rebalance_id, "of nobody"))
        assert (one.stored, one.portfolios.asked) == ([], [])


class Gate:
    """A portfolio waits at it until it is opened."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.reached, self.opened = Event(), Event()

    def __call__(self, one: str) -> None:
        if one == portfolio_id(self.number):
            self.reached.set()
            self.opened.wait(PATIENCE)


@contextmanager
def working(one: World, gate: Gate) -> Iterator[None]:
    """A block in which a worker waits at the gate; it is opened, and the work over, at its end."""
    work = Thread(target=one.worker.work_off, args=(one.task,))
    work.start()
    assert gate.reached.wait(PATIENCE)
    try:
        yield
    finally:
        gate.opened.set()
        work.join()


def test_a_worker_that_hung_past_its_token_stores_nothing_once_it_goes_on() -> None:
    """Its chunk is another's, who does all of it; nothing is there twice."""
    gate = Gate(2)
    with world(*[RESTS] * 4, before=gate) as one:
        with working(one, gate):
            again = one.lend("second", before="first")
        assert one.stored == []
        one.worker.work_off(again)
        assert one.stored == [[PortfolioState.NO_ACTION] * 4]


def test_a_part_that_was_stored_before_the_token_was_lost_stays() -> None:
    gate = Gate(2)
    with world(*[RESTS] * 4, times=AT_ONCE, before=gate) as one:
        with working(one, gate):
            eventually(lambda: len(one.stored) == 2)
            again = one.lend("second", before="first")
        one.worker.work_off(again)
        assert one.stored == [[PortfolioState.NO_ACTION]] * 4


def test_a_worker_that_is_told_to_stop_stores_what_is_done_and_skips_the_rest() -> None:
    gate, why = Gate(2), Cancelled("no more")
    with world(*[RESTS] * 5, before=gate) as one:
        with working(one, gate):
            one.chunks.tell(one.task.rebalance_id, ["first"], why)
            eventually(lambda: one.stored)
        done, skipped = [PortfolioState.NO_ACTION] * 2, [PortfolioState.SKIPPED] * 3
        assert one.stored == [done + skipped]
        results = one.runs.runs[one.task.rebalance_id].chunks[0].results or ()
        assert [result.error for result in results] == [None, None, why, why, why]


@pytest.mark.parametrize(
    ("why", "kept"),
    [(Cancelled("no more"), None), (DeadlineExceeded("too late"), DeadlineExceeded("too late"))],
)
def test_why_a_worker_was_told_to_stop_is_told_with_its_chunk(
    why: OrderGenerationError, kept: OrderGenerationError | None
) -> None:
    """A server may die before it has written down how the run ended: then only the chunks say why."""
    gate = Gate(2)
    with world(*[RESTS] * 5, before=gate) as one:
        with working(one, gate):
            one.chunks.tell(one.task.rebalance_id, ["first"], why)
            eventually(lambda: one.stored)
        (done,) = one.chunks.ready(one.task.rebalance_id)
        assert done.stopped == kept


def test_what_would_fail_for_all_stops_the_chunk_and_is_told_with_it() -> None:
    down = SiblingUnavailable("down")
    with world(RESTS, down, RESTS, RESTS) as one:
        one.worker.work_off(one.task)
        (done,) = one.chunks.ready(one.task.rebalance_id)
        states = [PortfolioState.NO_ACTION, PortfolioState.FAILED, *[PortfolioState.SKIPPED] * 2]
        assert (done.stopped, one.stored) == (down, [states])


def test_a_worker_whose_server_stops_stores_nothing_more() -> None:
    gate = Gate(2)
    with world(*[RESTS] * 4, before=gate) as one:
        with working(one, gate):
            one.worker.stop()
        assert one.stored == []


def test_a_worker_shows_that_it_lives_while_nothing_comes() -> None:
    gate = Gate(0)
    with (
        world(RESTS, times=WorkerTimes(look=0.01, part=1, beat=0.01), before=gate) as one,
        working(one, gate),
    ):
        first = one.chunks.signs(one.task.rebalance_id, ["first"])
        eventually(lambda: one.chunks.signs(one.task.rebalance_id, ["first"]) != first)


def test_a_worker_elsewhere_works_for_the_call_that_began_the_run() -> None:
    heard: list[origin.Origin] = []
    with world(RESTS, before=lambda _: heard.append(origin.current())) as one:
        one.worker.work_off(one.task)
    expected = {"correlation_id": "c-1", "rebalance_id": one.task.rebalance_id}
    assert [(dict(one.fields), dict(one.headers)) for one in heard] == [
        (expected, {"x-correlation-id": "c-1"})
    ]
