"""Carries out a run that this server holds, from wherever it stands to its end."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from ordergen_server.domain.errors import (
    Cancelled,
    DatabaseUnavailable,
    DeadlineExceeded,
    InternalError,
    OrderGenerationError,
    SiblingUnavailable,
)
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.stores import LeaseLost
from ordergen_server.services.held import Held, RunBook
from ordergen_server.services.portfolio_work import STOPPING, Batches, PortfolioWork, Task, blank

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
        except SiblingUnavailable as error:
            stopped = error
        except DeadlineExceeded as error:
            if not held.deadline.passed:
                raise  # the database took too long, not the run
            stopped = error
        except Exception:
            self._end(held, InternalError("The run was ended by an internal error."))
            raise
        if not held.abandoned.is_set():
            self._end(held, stopped)

    def _work_off(self, held: Held) -> OrderGenerationError | None:
        """Work on what is pending; answers what stopped the run, if anything did."""
        pending = self._book.runs.pending(held.rebalance_id)
        task = Task(held.order.rebalance, held.order.positions, self._snapshot(held), held.deadline)
        results = self._work.results(task, pending)
        stopped: OrderGenerationError | None = None
        for stored in self._stored(held, results):
            stopped = next((one.error for one in stored if isinstance(one.error, STOPPING)), None)
            if stopped or held.ends_early:
                results.close()
                break
        return stopped

    def _stored(self, held: Held, batches: Batches) -> Batches:
        """Store each batch while the next is made."""
        with ThreadPoolExecutor(1, "store") as storing:
            before: Future[None] | None = None
            for batch in batches:
                if batch:
                    if before:
                        before.result()
                    before = storing.submit(self._book.add, held, batch)
                yield batch
            if before:
                before.result()

    def _snapshot(self, held: Held) -> MarketSnapshot:
        """The one market of the run: as kept by whoever began it, or read now and kept."""
        kept = self._book.runs.kept_snapshot(held.rebalance_id)
        if kept is None:
            read = self._work.snapshot(held.order.positions, held.deadline)
            self._book.runs.keep_snapshot(held.rebalance_id, read)
            kept = self._book.runs.kept_snapshot(held.rebalance_id) or read
        return kept

    def _end(self, held: Held, stopped: OrderGenerationError | None) -> None:
        """Note the rest as skipped, and the end of the run."""
        rest = self._book.runs.pending(held.rebalance_id) if stopped or held.cancelled.is_set() else []
        why = stopped or Cancelled("The run was cancelled before this portfolio's turn.")
        for start in range(0, len(rest), BATCH):
            skipped = [blank(held.order.rebalance, one) for one in rest[start : start + BATCH]]
            self._book.add(held, [replace(one, error=why) for one in skipped])
        # Cancelled once everyone had their turn, it was not cancelled.
        self._book.finish(held, stopped, cancelled=bool(rest) and not stopped)
