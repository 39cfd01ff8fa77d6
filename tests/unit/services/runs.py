"""A house of fakes in which runs are carried out."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import TypeVar

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.market import Holdings, MarketSnapshot
from ordergen_server.domain.models import Model
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.stores import Request, RunOrder
from ordergen_server.services.members import NO_FLOWS
from ordergen_server.services.observer import UNOBSERVED, RunObserver
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.rebalancing.rebalancers import Rebalancers, rebalancers
from ordergen_server.services.running.chunk_executor import ThreadExecutor
from ordergen_server.services.running.chunk_worker import ChunkWorker, WorkerTimes
from ordergen_server.services.running.execution import Execution
from ordergen_server.services.running.leased_run import LeasedRun, RunJournal
from ordergen_server.services.running.runs import Runs
from ordergen_server.services.running.watching import ChangeSignal
from tests.builders import NOW, holdings, model, portfolio_id, position, rebalance, snapshot
from tests.fakes import FakeMarket, FakePortfolios, MemoryModels
from tests.limits import PATIENCE
from tests.memory_chunks import MemoryChunks
from tests.memory_runs import MemoryRuns
from tests.memory_settings import MemorySettings
from tests.waiting import eventually

Item = TypeVar("Item")
#: Buys 10 shares with its cash, needs nothing, has no positive value.
BUYS, RESTS, WORTHLESS = holdings("1000"), holdings("90", {1: "1"}), holdings("-1")
REQUEST = Request("16fd2706-8baf-433b-82eb-8c7fada847da", "body")
OPTIONS = RebalanceOptions(solver_timeout_seconds=3)
TOKEN = "token of the tests"  # noqa: S105 - of a lease
LEASE_SECONDS = 60.0
#: Everything that is done is stored at once, and what is told is heard.
TIMES = WorkerTimes(look=0.01, part=0)


class Clock:
    """Stands still at NOW until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def each(batches: Generator[Sequence[Item], None, None]) -> Generator[Item, None, None]:
    """What batches hold, one by one, as somebody takes it who asks again and again while there is nothing."""
    with closing(batches):
        for batch in batches:
            yield from batch
            if not batch:
                time.sleep(0.005)


@dataclass(frozen=True)
class House:
    """One server's use cases with their stores and sources."""

    models: MemoryModels
    runs: MemoryRuns
    settings: MemorySettings
    market: FakeMarket
    portfolios: FakePortfolios
    chunks: MemoryChunks
    execution: Execution
    journal: RunJournal
    holder: Runs
    rebalancers: Rebalancers
    model: Model
    changed: ChangeSignal
    clock: Clock

    def held(
        self,
        *,
        seconds: float = 1000,
        token: str = TOKEN,
        options: RebalanceOptions | None = None,
        cash_flows: Mapping[str, Decimal] = NO_FLOWS,
    ) -> LeasedRun:
        """A run of the house's model, begun and held by us."""
        started = rebalance(portfolio_count=len(self.model.portfolio_ids))
        started = replace(started, options=options or started.options)
        order = RunOrder(started, self.model.positions, seconds)
        lease = self.journal.lease(token)
        self.runs.begin(order, self.model.portfolio_ids, lease, None, cash_flows=cash_flows)
        return LeasedRun(order, token, Deadline.after(seconds))

    @property
    def states(self) -> dict[str, PortfolioState]:
        """What became of each portfolio."""
        return {one.portfolio_id: one.state for one in self.runs.results}

    def close_slowly(self, go_on: Callable[[], object]) -> None:
        """Stop the server, with what is under way going on only once everything held is let go of."""
        closing = Thread(target=self.holder.close)
        closing.start()
        eventually(lambda: not self.holder._held)  # noqa: SLF001 - nothing else tells
        go_on()
        closing.join()

    def cancel(self, rebalance_id: str, seconds: float) -> Rebalance:
        """The run as cancelling it tells it."""
        (found,) = each(self.rebalancers.model.cancel(rebalance_id, seconds))
        return found

    def ended(self, rebalance_id: str) -> bool:
        """Whether a run is over, waiting for it."""
        return eventually(lambda: self.runs.get(rebalance_id).state is not RebalanceState.RUNNING)


@contextmanager
def house(
    *answers: Holdings | Exception,
    market: MarketSnapshot | Exception | None = None,
    before: Callable[[str], object] = lambda _: None,
    workers: int = 2,
    window: int = 2,
    wanted: Model | None = None,
    runs: MemoryRuns | None = None,
    models: MemoryModels | None = None,
    maximum_runs: int = 2,
    clock: Clock | None = None,
    observer: RunObserver = UNOBSERVED,
) -> Iterator[House]:
    """A house whose one model has a portfolio for every answer, with one position of 10 a share."""
    followed = wanted or model(position(1), portfolios=len(answers))
    now, changed = clock or Clock(), ChangeSignal()
    kept, store = models or MemoryModels(followed), runs or MemoryRuns(now)
    source = FakeMarket(market or snapshot({1: "10"}))
    portfolios = FakePortfolios(
        {portfolio_id(number): answer for number, answer in enumerate(answers)}, before
    )
    with ThreadPoolExecutor(workers) as pool, ExitStack() as stack:
        work = PortfolioWork(
            market=source, portfolios=portfolios, workers=pool, window=window, observer=observer
        )
        chunks = MemoryChunks(store)
        journal = RunJournal(
            runs=store,
            chunks=chunks,
            models=kept,
            clock=now,
            changed=changed.notify,
            lease_seconds=LEASE_SECONDS,
            observer=observer,
        )
        worker = ChunkWorker(
            market_of=store.kept_snapshot, chunks=chunks, work=work, times=TIMES, observer=observer
        )
        executor = stack.enter_context(closing(ThreadExecutor(worker.work_off, 4, 1)))
        execution = Execution(work, chunks, journal, executor)
        holder = Runs(execution, journal, maximum_runs=maximum_runs, tend_seconds=3600, observer=observer)
        found = rebalancers(
            models=kept,
            store=store,
            settings=store.settings,
            work=work,
            runs=holder,
            clock=now,
            observer=observer,
        )
        holder.start()
        try:
            yield House(
                kept,
                store,
                store.settings,
                source,
                portfolios,
                chunks,
                execution,
                journal,
                holder,
                found,
                followed,
                changed,
                now,
            )
        finally:
            holder.close()


def rebalance_one(parts: House) -> PortfolioRebalance:
    return parts.rebalancers.portfolio.rebalance(portfolio_id(0), OPTIONS, Deadline.after(PATIENCE))


def only_run(parts: House) -> Rebalance:
    (run,) = parts.runs.headers.values()
    return run


def carry_out(parts: House, *, seconds: float = 10) -> Rebalance:
    """The run as it is stored afterwards."""
    held = parts.held(seconds=seconds)
    parts.execution.carry_out(held)
    return parts.runs.get(held.rebalance_id)
