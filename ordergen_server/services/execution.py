"""Carries out a run that this server holds, from wherever it stands to its end."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    Cancelled,
    DatabaseUnavailable,
    InternalError,
    OrderGenerationError,
)
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.origin import carried
from ordergen_server.domain.stores import LeaseLost
from ordergen_server.services.leased_run import LeasedRun, RunJournal
from ordergen_server.services.portfolio_work import STOPPING, Batches, PortfolioWork, Task, untried
from ordergen_server.services.securities import Securities

#: Skipped portfolios stored at once.
BATCH = 500


class Execution:
    """Reading, solving and storing overlap: while one batch is stored the next is read and solved."""

    def __init__(self, work: PortfolioWork, journal: RunJournal) -> None:
        self._work = work
        self._journal = journal

    def carry_out(self, run: LeasedRun) -> None:
        """Work on every portfolio that has no result yet, and store the end of the run.

        A run that is abandoned is left as it is, for whoever takes it over.

        Raises:
            LeaseLost: another server has the run.
            DatabaseUnavailable: nothing can be stored; the run is taken over once its lease has run out.
        """
        try:
            stopped = self._work_off(run)
        except (LeaseLost, DatabaseUnavailable):
            raise
        except Exception:  # a bug: the run gets an end that says so, and the error goes on
            self._end(run, InternalError("The run was ended by an internal error: the server's log has it."))
            raise
        if not run.abandoned.is_set():
            self._end(run, stopped)

    def _work_off(self, run: LeasedRun) -> OrderGenerationError | None:
        """Work on what is pending; answers what stopped the run, if anything but its end did."""
        try:
            return self._worked_off(run, run.deadline.unless(lambda: run.ends_early))
        except Cancelled:
            return None

    def _worked_off(self, run: LeasedRun, deadline: Deadline) -> OrderGenerationError | None:
        pending = self._journal.runs.pending(run.rebalance_id)
        snapshot = self._snapshot(run, deadline)
        if not isinstance(snapshot, MarketSnapshot):
            return snapshot
        securities = Securities(run.order.positions, snapshot)
        task = Task(run.order.rebalance, securities, deadline)
        with (
            closing(self._work.results(task, pending)) as results,
            closing(self._stored(run, results, deadline)) as batches,
        ):
            for batch in batches:
                stopped = next((one.error for one in batch if isinstance(one.error, STOPPING)), None)
                if stopped:
                    return stopped
                deadline.raise_if_stopped()
        return None

    def _stored(self, run: LeasedRun, results: Batches, deadline: Deadline) -> Batches:
        """Store each batch while the next is made; closing waits for the last, and raises its error."""
        before: Future[None] | None = None
        with ThreadPoolExecutor(1, "store") as storing:
            try:
                for batch in results:
                    if batch:
                        add = self._journal.adding(run, batch)
                        if before:
                            before.result()
                            deadline.raise_if_stopped()
                        before = storing.submit(carried(add))
                    yield batch
            finally:
                if before:
                    before.result()

    def _snapshot(self, run: LeasedRun, deadline: Deadline) -> MarketSnapshot | OrderGenerationError:
        """The one market of the run: as kept by whoever began it, or read now; or why there is none."""
        kept = self._journal.runs.kept_snapshot(run.rebalance_id)
        if kept:
            return kept
        try:
            read = self._work.snapshot_of_run(run.order.positions, deadline)
        except STOPPING as error:
            return error
        self._journal.runs.keep_snapshot(run.rebalance_id, read)
        return self._journal.runs.kept_snapshot(run.rebalance_id) or read

    def _end(self, run: LeasedRun, stopped: OrderGenerationError | None) -> None:
        """Note the rest as skipped, and the end of the run."""
        rest = self._journal.runs.pending(run.rebalance_id) if stopped or run.cancelled.is_set() else []
        why = stopped or Cancelled("The run was cancelled before this portfolio's turn: start another.")
        for start in range(0, len(rest), BATCH):
            skipped = [untried(run.order.rebalance, one) for one in rest[start : start + BATCH]]
            self._journal.add(run, [replace(one, error=why) for one in skipped])
        # Cancelled once everyone had their turn, it was not cancelled.
        self._journal.finish(run, stopped, cancelled=bool(rest) and not stopped)
