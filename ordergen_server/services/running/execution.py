"""Carries out a run that this server holds, from wherever it stands to its end."""

from ordergen_server.domain.chunks import ChunkStore, chunk_size
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    Cancelled,
    DatabaseUnavailable,
    InternalError,
    OrderGenerationError,
)
from ordergen_server.domain.stores import LeaseLost
from ordergen_server.services.portfolios.portfolio_work import STOPPING, PortfolioWork
from ordergen_server.services.running.chunk_executor import ChunkExecutor
from ordergen_server.services.running.coordination import Coordination
from ordergen_server.services.running.leased_run import LeasedRun, RunJournal
from ordergen_server.services.running.permits import UNLIMITED, Permits


class Execution:
    """Reads the market of a run, has its chunks worked off elsewhere, and notes its end.

    Args:
        work: reads the market.
        chunks: where chunks are kept.
        journal: writes down what becomes of runs.
        executor: works chunks off.
        permits: how many portfolios may be begun.
    """

    def __init__(
        self,
        work: PortfolioWork,
        chunks: ChunkStore,
        journal: RunJournal,
        executor: ChunkExecutor,
        permits: Permits = UNLIMITED,
    ) -> None:
        self._work = work
        self._chunks = chunks
        self._journal = journal
        self._executor = executor
        self._permits = permits

    def chunk_size(self, portfolios: int) -> int:
        """Portfolios of each chunk of a run that begins here."""
        return chunk_size(portfolios, self._executor.workers)

    def carry_out(self, run: LeasedRun) -> None:
        """Have every portfolio worked on that has no result yet, and store the end of the run.

        A run that is abandoned is left as it is, for whoever takes it over.

        Raises:
            LeaseLost: another server has the run.
            DatabaseUnavailable: nothing can be stored; the run is taken over once its lease has run out.
        """
        coordination = Coordination(
            run,
            self._chunks,
            self._journal,
            self._executor,
            permits=self._permits,
            silent_seconds=self._journal.lease_seconds,
        )
        try:
            self._finish(run, coordination, self._work_off(run, coordination))
        except (LeaseLost, DatabaseUnavailable):
            coordination.recall()
            raise
        except Exception:  # a bug: the run gets an end that says so, and the error goes on
            bug = InternalError("The run was ended by an internal error: the server's log has it.")
            self._finish(run, coordination, bug)
            raise

    def _work_off(self, run: LeasedRun, coordination: Coordination) -> OrderGenerationError | None:
        """Work on what is pending; answers what stopped the run, if anything but its end did."""
        try:
            stopped = self._market_read(run, run.deadline.unless(lambda: run.ends_early))
            return stopped or coordination.work_off()
        except Cancelled:
            return None

    def _market_read(self, run: LeasedRun, deadline: Deadline) -> OrderGenerationError | None:
        """Keep the one market of the run, unless whoever began it has; or why there is none."""
        if self._journal.runs.kept_snapshot(run.rebalance_id):
            return None
        try:
            looks = run.order.rebalance.open_orders
            read = self._work.snapshot_of_run(run.order.positions, deadline, looks)
        except STOPPING as error:
            return error
        self._journal.runs.keep_snapshot(run.rebalance_id, read)
        return None

    def _finish(
        self, run: LeasedRun, coordination: Coordination, stopped: OrderGenerationError | None
    ) -> None:
        """Note the rest as skipped, and the end of the run."""
        if run.abandoned.is_set():
            coordination.recall()
            return
        if stopped or run.cancelled.is_set():
            why = stopped or Cancelled("The run was cancelled before this portfolio's turn: start another.")
            coordination.stop(why)
            coordination.skip_rest(why)
        self._journal.finish(run, stopped)
