"""What a worker does with a chunk of a run, wherever it is: read, solve and store, and nothing else."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from threading import Event, Lock, Thread

from ordergen_server.domain import origin
from ordergen_server.domain.chunks import ChunkStore, ChunkTask, ClaimedChunk
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import Cancelled, InternalError, OrderGenerationError, Unavailable
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.origin import Origin, carried
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.stores import RunOrder
from ordergen_server.services.observer import UNOBSERVED, RunObserver, Stage
from ordergen_server.services.portfolios.portfolio_work import STOPPING, PortfolioWork, Task, untried
from ordergen_server.services.portfolios.securities import Securities

#: How often an attempt looks whether the chunk is still its own, and wanted.
LOOK_SECONDS = 0.4
#: What is done is stored after so long, though the chunk is not done: others wait for it.
PART_SECONDS = 1.0
#: Runs whose order and market a worker keeps.
KEPT_RUNS = 8

MarketOf = Callable[[str], MarketSnapshot | None]


@dataclass(frozen=True, slots=True)
class WorkerTimes:
    """How often a worker does what it does beside working; seconds.

    Attributes:
        look: until it looks again whether the chunk is still its own.
        part: after which it stores what is done so far.
        beat: until it shows again that it lives.
    """

    look: float = LOOK_SECONDS
    part: float = PART_SECONDS
    beat: float = 5.0


@dataclass(slots=True)
class _Attempt:
    """A chunk that is worked on here; looked after by a thread of its own.

    Attributes:
        lost: it is not ours any more.
        why: what is not done is to be skipped for this reason.
        over: nobody need look any more.
    """

    task: ChunkTask
    chunk: ClaimedChunk
    results: list[PortfolioRebalance] = field(default_factory=list)
    stored_at: float = field(default_factory=time.monotonic)
    lost: Event = field(default_factory=Event)
    why: OrderGenerationError | None = None
    over: Event = field(default_factory=Event)

    @property
    def ends_early(self) -> bool:
        return self.why is not None or self.lost.is_set()


class ChunkWorker:
    """Works chunks off, any number at once. It writes nothing but what the chunk's token allows.

    Args:
        market_of: the market that was kept for a run.
        chunks: where chunks and their results are.
        work: reads and solves.
        times: how often it stores and looks.
        observer: hears what was stored.
    """

    def __init__(
        self,
        *,
        market_of: MarketOf,
        chunks: ChunkStore,
        work: PortfolioWork,
        times: WorkerTimes = WorkerTimes(),
        observer: RunObserver = UNOBSERVED,
    ) -> None:
        self._chunks = chunks
        self._work = work
        self._times = times
        self._observer = observer
        self._orders = _Orders(market_of, chunks)
        self._stopping = Event()

    def stop(self) -> None:
        """Let every attempt end soon and store nothing more: its chunk was taken back, or will be."""
        self._stopping.set()

    def work_off(self, task: ChunkTask) -> None:
        """Do what an attempt is for, as long as the chunk is its own.

        Where one portfolio says that all others would fail the same way, the rest of the chunk is skipped.

        Raises:
            DatabaseUnavailable: it cannot be done now; what is stored is.
        """
        chunk = self._chunks.claim(task.rebalance_id, task.token)
        if chunk is None:
            return
        try:
            order, market, deadline = self._orders.of(task.rebalance_id)
            with origin.working_for(_origin_of(order)):
                self._carry_out(_Attempt(task, chunk), order, market, deadline)
        finally:
            self._chunks.leave(task.token)

    def _carry_out(
        self, attempt: _Attempt, order: RunOrder, market: MarketSnapshot, deadline: Deadline
    ) -> None:
        wanted = deadline.unless(lambda: attempt.ends_early or self._stopping.is_set())
        securities = Securities.of_run(order.rebalance, order.positions, market)
        chunk = attempt.chunk
        task = Task(order.rebalance, securities, wanted, chunk.cash_flows, chunk.settings)
        with self._looked_after(attempt):
            stopped = self._done(attempt, task)
            if self._stopping.is_set():
                return
            why = attempt.why or stopped
            if why and not attempt.lost.is_set():
                done = {one.portfolio_id for one in attempt.results}
                rest = attempt.chunk.rest(done)
                attempt.results += skipped(order, rest, why)
                if rest.portfolio_ids and not isinstance(why, Cancelled):
                    stopped = why  # whoever takes the run over, with nothing left to do, must know of it
            if attempt.results and not attempt.lost.is_set():
                self._store(attempt, stopped)

    def _done(self, attempt: _Attempt, task: Task) -> OrderGenerationError | None:
        """Work on every portfolio; answers what stops the whole run, if anything does."""
        try:
            with closing(self._work.results(task, attempt.chunk.portfolio_ids)) as batches:
                for batch in batches:
                    attempt.results += batch
                    stopped = next((one.error for one in batch if isinstance(one.error, STOPPING)), None)
                    if stopped:
                        return stopped
                    self._store_part(attempt)
        except Cancelled:
            pass
        return None

    def _store_part(self, attempt: _Attempt) -> None:
        """Store what is done so far where it is time, and something is left to do."""
        due = time.monotonic() >= attempt.stored_at + self._times.part
        if due and 0 < len(attempt.results) < len(attempt.chunk.portfolio_ids):
            self._store(attempt, None)
            attempt.chunk = attempt.chunk.rest({one.portfolio_id for one in attempt.results})
            attempt.results = []
            attempt.stored_at = time.monotonic()

    def _store(self, attempt: _Attempt, stopped: OrderGenerationError | None) -> None:
        with self._observer.stage(Stage.STORE):
            if not self._chunks.storing(attempt.task, attempt.chunk, attempt.results, stopped)():
                attempt.lost.set()

    @contextmanager
    def _looked_after(self, attempt: _Attempt) -> Iterator[None]:
        """A block in which an attempt hears that it is not wanted any more, and shows that it lives."""
        looking = Thread(target=carried(self._keep_looking), args=(attempt,), name="attempt", daemon=True)
        looking.start()
        try:
            yield
        finally:
            attempt.over.set()
            looking.join()

    def _keep_looking(self, attempt: _Attempt) -> None:
        beat_at = time.monotonic() + self._times.beat
        while not attempt.over.wait(self._times.look):
            alive = time.monotonic() >= beat_at
            try:
                standing = self._chunks.look(attempt.task.rebalance_id, attempt.task.token, alive=alive)
            except Unavailable:
                continue  # what is stored says whether it was ours
            if alive:
                beat_at = time.monotonic() + self._times.beat
            if attempt.over.is_set():
                return
            attempt.why = standing.why
            if not standing.held:
                attempt.lost.set()
            if attempt.ends_early:
                return


class _Orders:
    """What each run needs, read once for all its chunks."""

    def __init__(self, market_of: MarketOf, chunks: ChunkStore) -> None:
        self._market_of = market_of
        self._chunks = chunks
        self._kept: OrderedDict[str, tuple[RunOrder, MarketSnapshot, Deadline]] = OrderedDict()
        self._lock = Lock()

    def of(self, rebalance_id: str) -> tuple[RunOrder, MarketSnapshot, Deadline]:
        """The order of a run, its market, and when it must be over."""
        with self._lock:
            if rebalance_id not in self._kept:
                self._kept[rebalance_id] = self._read(rebalance_id)
                while len(self._kept) > KEPT_RUNS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(rebalance_id)
            return self._kept[rebalance_id]

    def _read(self, rebalance_id: str) -> tuple[RunOrder, MarketSnapshot, Deadline]:
        order = self._chunks.order(rebalance_id)
        market = self._market_of(rebalance_id)
        if market is None:
            raise InternalError("A run has chunks that are worked on, and no market.")
        return order, market, Deadline.after(order.seconds_left)


def skipped(order: RunOrder, chunk: ClaimedChunk, why: OrderGenerationError) -> list[PortfolioRebalance]:
    """The results of a chunk whose portfolios had no turn."""
    return [
        replace(untried(order.rebalance, one, chunk.cash_flows), error=why) for one in chunk.portfolio_ids
    ]


def _origin_of(order: RunOrder) -> Origin:
    """Whom a worker works for: whoever its caller does, or the call that began the run."""
    known = origin.current()
    if known is not origin.UNKNOWN:
        return known
    return Origin(order.begun_by.fields, order.begun_by.headers).noting(
        rebalance_id=order.rebalance.rebalance_id
    )
