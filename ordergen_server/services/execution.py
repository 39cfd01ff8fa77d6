"""Carries out a run that this server holds, from wherever it stands to its end."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

from ordergen_server.domain.errors import (
    Cancelled,
    DatabaseUnavailable,
    InternalError,
    OrderGenerationError,
)
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.stores import LeaseLost
from ordergen_server.services.held import Held, RunBook
from ordergen_server.services.portfolio_work import STOPPING, Batches, PortfolioWork, Task, blank
from ordergen_server.services.securities import Securities

#: Skipped portfolios stored at once.
BATCH = 500


class Execution:
    """Reading, solving and storing overlap: while one batch is stored the next is read and solved."""

    def __init__(self, work: PortfolioWork, book: RunBook) -> None:
        self._work = work
        self._book = book

    def carry_out(self, held: Held) -> None:
        """Work on every portfolio that has no result yet, and store the end of the run.

        A run that is abandoned is left as it is, for whoever takes it over.

        Raises:
            LeaseLost: another server has the run.
            DatabaseUnavailable: nothing can be stored; the run is taken over once its lease has run out.
        """
        try:
            stopped = self._work_off(held)
        except (LeaseLost, DatabaseUnavailable):
            raise
        except Exception:  # a bug: the run gets an end that says so, and the error goes on
            self._end(held, InternalError("The run was ended by an internal error."))
            raise
        if not held.abandoned.is_set():
            self._end(held, stopped)

    def _work_off(self, held: Held) -> OrderGenerationError | None:
        """Work on what is pending; answers what stopped the run, if anything did."""
        pending = self._book.runs.pending(held.rebalance_id)
        snapshot = self._snapshot(held)
        if not isinstance(snapshot, MarketSnapshot):
            return snapshot
        securities = Securities(held.order.positions, snapshot)
        task = Task(held.order.rebalance, securities, held.deadline)
        with (
            closing(self._work.results(task, pending)) as results,
            closing(self._stored(held, results)) as batches,
        ):
            for batch in batches:
                stopped = next((one.error for one in batch if isinstance(one.error, STOPPING)), None)
                if stopped or held.ends_early:
                    return stopped
        return None

    def _stored(self, held: Held, results: Batches) -> Batches:
        """Store each batch while the next is made; closing waits for the last, and raises its error."""
        before: Future[None] | None = None
        with ThreadPoolExecutor(1, "store") as storing:
            try:
                for batch in results:
                    if batch:
                        add = self._book.adding(held, batch)
                        if before:
                            before.result()
                        before = storing.submit(add)
                    yield batch
            finally:
                if before:
                    before.result()

    def _snapshot(self, held: Held) -> MarketSnapshot | OrderGenerationError:
        """The one market of the run: as kept by whoever began it, or read now; or why there is none."""
        kept = self._book.runs.kept_snapshot(held.rebalance_id)
        if kept:
            return kept
        try:
            read = self._work.snapshot(held.order.positions, held.deadline)
        except STOPPING as error:
            return error
        self._book.runs.keep_snapshot(held.rebalance_id, read)
        return self._book.runs.kept_snapshot(held.rebalance_id) or read

    def _end(self, held: Held, stopped: OrderGenerationError | None) -> None:
        """Note the rest as skipped, and the end of the run."""
        rest = self._book.runs.pending(held.rebalance_id) if stopped or held.cancelled.is_set() else []
        why = stopped or Cancelled("The run was cancelled before this portfolio's turn.")
        for start in range(0, len(rest), BATCH):
            skipped = [blank(held.order.rebalance, one) for one in rest[start : start + BATCH]]
            self._book.add(held, [replace(one, error=why) for one in skipped])
        # Cancelled once everyone had their turn, it was not cancelled.
        self._book.finish(held, stopped, cancelled=bool(rest) and not stopped)
