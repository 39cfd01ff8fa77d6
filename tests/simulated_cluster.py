"""A run of very many portfolios on very many workers: coordinating is real, all else is simulated."""

# ruff: noqa: ARG002 - methods take what those of the ports do

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from heapq import heappop, heappush

from ordergen_server.domain.chunks import (
    Chunk,
    ChunkTask,
    ClaimedChunk,
    DoneChunk,
    RunProgress,
    Standing,
    chunk_size,
)
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.stores import Lease, RunOrder
from ordergen_server.services.running.coordination import Coordination
from ordergen_server.services.running.leased_run import LeasedRun, RunJournal
from tests.builders import NOW, model, position, rebalance
from tests.fakes import MemoryModels
from tests.memory_runs import MemoryRuns

STATE = PortfolioState.REBALANCED


class CountedChunks:
    """Chunks of which only the counts are kept: a ChunkStore in which nothing takes time."""

    def __init__(self, portfolios: int, size: int) -> None:
        counts = [min(size, portfolios - start) for start in range(0, portfolios, size)]
        self._left = {number: Chunk(number, number, count) for number, count in enumerate(counts)}
        self._lent: dict[str, Chunk] = {}
        self._ready: deque[DoneChunk] = deque()
        self.sequence = 1
        self.writes = 0

    def progress(self, rebalance_id: str, lease: Lease) -> RunProgress:
        return RunProgress(self.sequence, None, list(self._left.values()))

    def lend(self, rebalance_id: str, chunk: Chunk, token: str) -> bool:
        self.writes += 1
        self._lent[token] = chunk
        return True

    def count_of(self, task: ChunkTask) -> int:
        return self._lent[task.token].count

    def done(self, task: ChunkTask) -> None:
        """An attempt has stored all of its chunk, in four writes of its own."""
        chunk = self._lent.pop(task.token)
        del self._left[chunk.number]
        self._ready.append(DoneChunk(chunk.number, {STATE: chunk.count}))

    def ready(self, rebalance_id: str) -> Sequence[DoneChunk]:
        found = list(self._ready)
        self._ready.clear()
        return found

    def publish(self, rebalance_id: str, done: DoneChunk, sequence: int, lease: Lease) -> bool:
        assert sequence == self.sequence
        self.writes += 2
        self.sequence += done.count
        return False

    def signs(self, rebalance_id: str, tokens: Collection[str]) -> Mapping[str, object]:
        return {}

    def order(self, rebalance_id: str) -> RunOrder:
        raise NotImplementedError

    def recall(self, rebalance_id: str, tokens: Collection[str]) -> None:
        raise NotImplementedError

    def tell(self, rebalance_id: str, tokens: Collection[str], why: OrderGenerationError) -> None:
        raise NotImplementedError

    def undone_of(self, rebalance_id: str, token: str) -> Chunk | None:
        raise NotImplementedError

    def claim(self, rebalance_id: str, token: str) -> ClaimedChunk | None:
        raise NotImplementedError

    def leave(self, token: str) -> None:
        raise NotImplementedError

    def look(self, rebalance_id: str, token: str, *, alive: bool = False) -> Standing:
        raise NotImplementedError

    def storing(
        self,
        task: ChunkTask,
        chunk: ClaimedChunk,
        results: Sequence[PortfolioRebalance],
        stopped: OrderGenerationError | None = None,
    ) -> Callable[[], bool]:
        raise NotImplementedError


@dataclass
class SimulatedWorkers:
    """A ChunkExecutor whose workers take their time by a clock that runs only when they do."""

    chunks: CountedChunks
    workers: int
    portfolio_seconds: float
    now: float = 0.0
    most_open: int = 0
    _free_at: list[float] = field(default_factory=list)
    _open: "list[tuple[float, int, ChunkTask, Future[None]]]" = field(default_factory=list)
    _given: int = 0

    def submit(self, task: ChunkTask) -> "Future[None]":
        free = heappop(self._free_at) if len(self._free_at) == self.workers else 0.0
        end = max(free, self.now) + self.chunks.count_of(task) * self.portfolio_seconds
        heappush(self._free_at, end)
        future: Future[None] = Future()
        self._given += 1
        heappush(self._open, (end, self._given, task, future))
        self.most_open = max(self.most_open, len(self._open))
        return future

    def advance(self) -> None:
        """Go on to the moment at which the next worker is done."""
        if self._open:
            self.now, _, task, future = heappop(self._open)
            self.chunks.done(task)
            future.set_result(None)

    def start(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def is_due(self, task: ChunkTask) -> bool:
        raise NotImplementedError

    def give_up(self, task: ChunkTask) -> None:
        raise NotImplementedError


class _Simulated(Coordination):
    """Waits for nothing: whatever it would wait for is over then."""

    def __init__(
        self, run: LeasedRun, chunks: CountedChunks, journal: RunJournal, workers: SimulatedWorkers
    ) -> None:
        super().__init__(run, chunks, journal, workers)
        self._workers = workers

    def _gather(self) -> None:
        self._workers.advance()
        super()._gather()


@dataclass(frozen=True)
class SimulatedRun:
    """What became of a run.

    Attributes:
        seconds: simulated, from its beginning to its end.
        cpu_seconds: of the coordinator, the database's driver left out.
        writes: of the coordinator.
        most_open: chunks that workers had at once.
        sequence: the last that was published.
    """

    seconds: float
    cpu_seconds: float
    writes: int
    most_open: int
    sequence: int


def simulated_run(portfolios: int, workers: int, portfolio_seconds: float) -> SimulatedRun:
    """Coordinate a run."""
    chunks = CountedChunks(portfolios, chunk_size(portfolios, workers))
    cluster = SimulatedWorkers(chunks, workers, portfolio_seconds)
    order = RunOrder(rebalance(portfolio_count=portfolios), (position(1),), 1e9)
    runs = MemoryRuns()
    journal = RunJournal(
        runs=runs,
        chunks=chunks,
        models=MemoryModels(model(position(1))),
        clock=lambda: NOW,
        changed=lambda: None,
        lease_seconds=1e9,
    )
    run = LeasedRun(order, "token", Deadline.after(1e9))
    began = time.thread_time()
    stopped = _Simulated(run, chunks, journal, cluster).work_off()
    cpu = time.thread_time() - began
    assert stopped is None
    return SimulatedRun(cluster.now, cpu, chunks.writes, cluster.most_open, chunks.sequence)
