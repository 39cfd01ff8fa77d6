"""Servers whose clocks are ten minutes apart, on one real database, whose clock measures leases and runs."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import cast

import pytest

from ordergen_server.bootstrap import utc_now
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.stores import Lease, RunOrder
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.running.chunk_executor import ThreadExecutor
from ordergen_server.services.running.chunk_worker import ChunkWorker
from ordergen_server.services.running.execution import Execution
from ordergen_server.services.running.leased_run import RunJournal
from ordergen_server.services.running.runs import Runs
from tests.builders import holdings, model, portfolio_id, position, rebalance, snapshot
from tests.fakes import FakeMarket, FakePortfolios, MemoryModels
from tests.limits import PATIENCE
from tests.waiting import eventually

APART = timedelta(minutes=10)
#: Of one server the clock is right, of the others it is ahead and behind.
CLOCKS = (timedelta(0), APART, -APART)
#: All are shorter than the clocks are apart, and longer than a test takes.
LEASE_SECONDS = RUN_SECONDS = 2 * PATIENCE
PORTFOLIOS = 3
IDS = [portfolio_id(number) for number in range(PORTFOLIOS)]


@dataclass(frozen=True)
class Server:
    """What a server does with runs, by a clock of its own, one model with three portfolios for each."""

    clock: Callable[[], datetime]
    store: Rebalances
    holder: Runs

    def begin(self) -> Rebalance:
        model_id = self.store.new_id()
        started = rebalance(
            run_id=self.store.new_id(), portfolio_count=PORTFOLIOS, model_id=model_id, created=self.clock()
        )
        order = RunOrder(started, (position(1),), RUN_SECONDS)
        return self.holder.begin(order, IDS, None)


@contextmanager
def server(store: Rebalances, chunks: Chunks, ahead: timedelta, gate: Event) -> Iterator[Server]:
    """A server with its clock so far ahead, whose portfolios are read once the gate is open."""

    def clock() -> datetime:
        return utc_now() + ahead

    answers = dict.fromkeys(IDS, holdings("90", {1: "1"}))
    portfolios = FakePortfolios(answers, before=lambda _: gate.wait(PATIENCE))
    with ThreadPoolExecutor(PORTFOLIOS) as workers, ExitStack() as stack:
        work = PortfolioWork(
            market=FakeMarket(snapshot({1: "10"})), portfolios=portfolios, workers=workers, window=PORTFOLIOS
        )
        worker = ChunkWorker(market_of=store.kept_snapshot, chunks=chunks, work=work)
        journal = RunJournal(
            runs=store,
            chunks=chunks,
            models=MemoryModels(model(position(1))),
            clock=clock,
            changed=lambda: None,
            lease_seconds=LEASE_SECONDS,
        )
        executor = stack.enter_context(closing(ThreadExecutor(worker.work_off, 8, 1)))
        execution = Execution(work, chunks, journal, executor)
        holder = Runs(execution, journal, maximum_runs=8, tend_seconds=3600)
        holder.start()
        try:
            yield Server(clock, store, holder)
        finally:
            gate.set()
            holder.close()


@pytest.fixture
def store(database: Database) -> Rebalances:
    migrate(database)
    return Rebalances(database, PageTokens(b"key"))


@pytest.fixture
def chunks(database: Database) -> Chunks:
    migrate(database)
    return Chunks(database)


def tokens(database: Database) -> dict[str, str]:
    """Who holds each run."""
    headers = database.collection("rebalances").find({"state": RebalanceState.RUNNING.value})
    return {str(one["_id"]): cast("dict[str, str]", one["lease"])["token"] for one in headers}


def completed(store: Rebalances, run: Rebalance) -> Rebalance | None:
    found = store.get(run.rebalance_id)
    return found if found.state is not RebalanceState.RUNNING else None


def lines_of_runs(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.message for one in caplog.records if "run" in one.message]


def test_no_run_is_stolen_or_failed_by_a_server_with_another_clock(
    store: Rebalances, chunks: Chunks, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Each has begun one, and all look for what nobody holds, before and after leases are renewed."""
    gate = Event()
    with ExitStack() as stack, caplog.at_level(logging.INFO):
        servers = [stack.enter_context(server(store, chunks, ahead, gate)) for ahead in CLOCKS]
        runs = [one.begin() for one in servers]
        held = tokens(database)
        for _ in range(2):
            for one in servers:
                one.holder.tend()
        assert (len(held), tokens(database)) == (len(CLOCKS), held)
        gate.set()
        ended = [eventually(lambda run=run: completed(store, run)) for run in runs]  # type: ignore[misc]
        eventually(lambda: len(lines_of_runs(caplog)) == len(CLOCKS))  # written after the end is stored
    assert [(one.state, one.counts) for one in ended] == [
        (RebalanceState.COMPLETED, {PortfolioState.NO_ACTION: PORTFOLIOS})
    ] * len(CLOCKS)
    assert sorted(lines_of_runs(caplog)) == [
        f"run {one} has ended: COMPLETED" for one in sorted(run.rebalance_id for run in runs)
    ]


@pytest.mark.parametrize("first", CLOCKS)
@pytest.mark.parametrize("second", CLOCKS)
def test_a_run_of_a_dead_server_is_taken_over_and_has_the_time_that_is_left(
    store: Rebalances, chunks: Chunks, first: timedelta, second: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    run = rebalance(run_id=store.new_id(), portfolio_count=PORTFOLIOS, created=utc_now() + first)
    store.begin(RunOrder(run, (position(1),), RUN_SECONDS), IDS, Lease("of the dead", 0), None)
    gate = Event()
    gate.set()
    with caplog.at_level(logging.WARNING), server(store, chunks, second, gate) as other:
        other.holder.tend()
        ended = eventually(lambda: completed(store, run))
    assert [one.message for one in caplog.records] == [f"taking over run {run.rebalance_id}"]
    assert (ended.state, ended.counts) == (RebalanceState.COMPLETED, {PortfolioState.NO_ACTION: PORTFOLIOS})
