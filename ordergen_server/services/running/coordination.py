"""Hands out the chunks of a run that we hold, and publishes those that are done.

What it knows of workers it forgets without harm: which chunks are done, and whose they are, the chunks say.
"""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ordergen_server.domain.chunks import (
    Chunk,
    ChunkStore,
    ChunkTask,
    ClaimedChunk,
    PlaceTaken,
    RunProgress,
)
from ordergen_server.domain.errors import (
    Cancelled,
    DatabaseUnavailable,
    DeadlineExceeded,
    InternalError,
    OrderGenerationError,
)
from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState
from ordergen_server.services.running.chunk_executor import ChunkExecutor, WorkerLost
from ordergen_server.services.running.chunk_worker import skipped
from ordergen_server.services.running.leased_run import LeasedRun, RunJournal
from ordergen_server.services.running.permits import UNLIMITED, Permits

_log = logging.getLogger(__name__)

#: Chunks that a worker has or has waiting: one to do, and the next, so that it need not wait.
IN_FLIGHT = 2
#: How long to wait for something to be done before looking at everything else.
LOOK_SECONDS = 0.2
#: How long workers that were told to stop have to store what they have; then their chunks are taken away.
STOP_SECONDS = 2.0
#: A worker with nothing else to do begins within this: also on a busy machine, and if it must be started.
BEGIN_SECONDS = 180.0
#: A chunk that was lost with so many workers is not given to another.
ATTEMPTS = 5
#: One that had not begun counts as less than a worker: that may have ended by the chunk before it.
WAITING = 0.25


_Results = Callable[[ClaimedChunk], list[PortfolioRebalance]]


@dataclass(slots=True)
class _Lent:
    """A chunk that is with a worker.

    Attributes:
        sign: the last sign of life, None before the first.
        seen_at: when that was new.
    """

    task: ChunkTask
    sign: object = None
    seen_at: float = field(default_factory=time.monotonic)


class Coordination:
    """The chunks of one run, from where they stand until everyone has a result.

    Args:
        run: held by us.
        chunks: where they are kept.
        journal: writes down what is published.
        executor: works chunks off.
        permits: how many portfolios may be begun.
        silent_seconds: a worker that shows no life for so long is taken to be lost.
    """

    def __init__(
        self,
        run: LeasedRun,
        chunks: ChunkStore,
        journal: RunJournal,
        executor: ChunkExecutor,
        *,
        permits: Permits = UNLIMITED,
        silent_seconds: float = 15.0,
    ) -> None:
        self._run = run
        self._chunks = chunks
        self._journal = journal
        self._executor = executor
        self._permits = permits
        self._silent_seconds = silent_seconds
        self._signs_at = time.monotonic()
        self._lent: dict[Future[None], _Lent] = {}
        self._lost: defaultdict[int, float] = defaultdict(float)
        self._catch_up()

    @property
    def _id(self) -> str:
        return self._run.rebalance_id

    def work_off(self) -> OrderGenerationError | None:
        """Have every chunk worked off and published; or answer why what is left is to be skipped.

        Raises:
            Cancelled: the run is cancelled or abandoned.
            LeaseLost: another server has the run.
            DatabaseUnavailable: the database does not answer us, or again and again does not answer workers.
        """
        deadline = self._run.deadline.unless(lambda: self._run.ends_early)
        try:
            while not self._stopped and self._is_left():
                deadline.remaining_seconds("every portfolio had its turn")
                self._hand_out()
                self._gather()
                self._publish()
        except DeadlineExceeded as error:
            return error
        return self._stopped

    def stop(self, why: OrderGenerationError) -> None:
        """Have workers skip what they have not done, and give them a moment for it."""
        if self._lent:
            self._chunks.tell(self._id, self._tokens(), why)
        until = time.monotonic() + STOP_SECONDS
        working = set(self._lent)
        while working and time.monotonic() < until and not self._run.abandoned.is_set():
            working = wait(working, LOOK_SECONDS).not_done

    def skip_rest(self, why: OrderGenerationError) -> None:
        """Note every portfolio without a result as skipped, and publish that.

        Whoever still has them can store nothing any more.
        """
        stopped = None if isinstance(why, Cancelled) else why
        while self._is_left(whoever_has_it=True):
            for chunk in self._waiting:
                self._store_here(chunk, lambda claimed: skipped(self._run.order, claimed, why), stopped)

    def recall(self) -> None:
        """Take back what workers have, where we go on no more; they find out by themselves."""
        if self._lent:
            with suppress(DatabaseUnavailable):  # whoever takes the run over takes them back
                self._chunks.recall(self._id, self._tokens())

    def _is_left(self, *, whoever_has_it: bool = False) -> bool:
        """Whether something is to be done; otherwise everything is published."""
        if not whoever_has_it and (self._lent or self._waiting):
            return True
        self._look_again()  # an attempt of the server before us may have left the rest of a chunk
        if not self._waiting and self._sequence <= self._run.order.rebalance.portfolio_count:
            self._look_again()  # a server that was slow may have given a chunk its place between our looks
        return bool(self._waiting)

    def _look_again(self) -> None:
        self._catch_up()
        self._publish()

    def _catch_up(self) -> None:
        """Look how far the run is, with all that is not done to be handed out."""
        progress = self._progress()
        self._sequence = progress.sequence
        self._stopped = progress.stopped
        self._waiting = deque(progress.undone)

    def _progress(self) -> RunProgress:
        return self._chunks.progress(self._id, self._journal.lease(self._run.token))

    def _hand_out(self) -> None:
        room = IN_FLIGHT * self._executor.workers
        while self._waiting and len(self._lent) < room and self._permits.take(self._waiting[0].count):
            chunk = self._waiting.popleft()
            task = ChunkTask(self._id, self._journal.runs.new_id())
            if self._chunks.lend(self._id, chunk, task.token):
                self._lent[self._executor.submit(task)] = _Lent(task)

    def _gather(self) -> None:
        """Wait for a worker to be done, and take back what those that failed have not done."""
        if not self._lent:  # nothing may begin yet
            self._run.abandoned.wait(LOOK_SECONDS)
        for future in wait(self._lent, LOOK_SECONDS, FIRST_COMPLETED).done:
            error = WorkerLost("it was not begun") if future.cancelled() else future.exception()
            self._take_back(self._lent.pop(future).task, error)
        if time.monotonic() >= self._signs_at + self._silent_seconds / 3:
            self._look_for_life()

    def _take_back(self, task: ChunkTask, error: BaseException | None) -> None:
        if error is None:
            return  # it is done, or was another's; what nobody has done is found at the end
        if not isinstance(error, WorkerLost | DatabaseUnavailable):
            raise error
        chunk = self._chunks.undone_of(self._id, task.token)
        if chunk is None:
            return
        _log.warning("a chunk of run %s is given to another worker: %s", self._id, error)
        at_work = chunk.begun or isinstance(error, DatabaseUnavailable)
        self._lost[chunk.origin] += 1 if at_work else WAITING
        if self._lost[chunk.origin] < ATTEMPTS:
            self._waiting.appendleft(chunk)
        elif isinstance(error, DatabaseUnavailable):
            raise error
        else:
            self._store_here(chunk, self._failed)

    def _look_for_life(self) -> None:
        """Take back what is with workers that are silent: once they go on they find that it is not theirs."""
        signs = self._chunks.signs(self._id, self._tokens())
        now = self._signs_at = time.monotonic()
        for future, lent in list(self._lent.items()):
            sign = signs.get(lent.task.token)
            waits = sign is None and not self._executor.is_due(lent.task)
            if waits or sign != lent.sign:
                lent.sign, lent.seen_at = sign, now
            elif now > lent.seen_at + (self._silent_seconds if sign else BEGIN_SECONDS):
                del self._lent[future]
                self._take_back(lent.task, WorkerLost("its worker shows no life"))
                self._executor.give_up(lent.task)

    def _publish(self) -> None:
        """Tell all that is done."""
        for done in self._chunks.ready(self._id):
            try:
                self._journal.publish(self._run, done, self._sequence)
            except PlaceTaken:
                progress = self._progress()  # with what comes first
                self._sequence, self._stopped = progress.sequence, self._stopped or progress.stopped
                self._publish()
                return
            self._sequence += done.count
            self._stopped = self._stopped or done.stopped

    def _store_here(
        self, chunk: Chunk, results: _Results, stopped: OrderGenerationError | None = None
    ) -> None:
        """Store results of a chunk ourselves; nothing where it is done meanwhile."""
        task = ChunkTask(self._id, self._journal.runs.new_id())
        if not self._chunks.lend(self._id, chunk, task.token):
            return
        try:
            if claimed := self._chunks.claim(self._id, task.token):
                self._chunks.storing(task, claimed, results(claimed), stopped)()
        finally:
            self._chunks.leave(task.token)

    def _failed(self, chunk: ClaimedChunk) -> list[PortfolioRebalance]:
        """The results of a chunk that ended each of its workers."""
        why = InternalError("Workers that had this portfolio ended, again and again: the log has how.")
        found = skipped(self._run.order, chunk, why)
        return [replace(one, state=PortfolioState.FAILED) for one in found]

    def _tokens(self) -> list[str]:
        return [lent.task.token for lent in self._lent.values()]
