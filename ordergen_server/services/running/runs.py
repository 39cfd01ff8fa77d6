"""The runs this server carries out: begun here, or taken over from a server that has died."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from threading import Event, Lock, Thread

from ordergen_server.domain import origin
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    OrderGenerationError,
    Unavailable,
)
from ordergen_server.domain.origin import Origin, carried
from ordergen_server.domain.rebalances import Rebalance
from ordergen_server.domain.stores import LeaseLost, Request, RunOrder
from ordergen_server.domain.subjects import Subject
from ordergen_server.services.members import NO_FLOWS
from ordergen_server.services.observer import UNOBSERVED, RunObserver
from ordergen_server.services.running.execution import Execution
from ordergen_server.services.running.leased_run import LeasedRun, RunJournal
from ordergen_server.services.running.room import Room

_log = logging.getLogger(__name__)

#: A run ends within a second of its cancel, whichever server was asked: this long until it is heard of.
HEAR_SECONDS = 0.5


class Runs:
    """At most `maximum_runs` at once, each in a thread of its own, and as many previews beside them.

    From `start` on it also renews the leases of what is held, and takes over what nobody holds any more.
    """

    def __init__(
        self,
        execution: Execution,
        journal: RunJournal,
        *,
        maximum_runs: int,
        tend_seconds: float,
        observer: RunObserver = UNOBSERVED,
    ) -> None:
        self._execution = execution
        self._observer = observer
        self._journal = journal
        self._room = Room(
            maximum_runs, "runs", "Too many runs are in progress on this server: try again in a moment."
        )
        # A preview lasts for as long as its caller takes to read it: that must keep no run from beginning.
        self._previews = Room(
            maximum_runs,
            "previews",
            "Too many previews are in progress on this server: try again in a moment.",
        )
        self._lock = Lock()
        self._held: dict[str, tuple[LeasedRun, Thread]] = {}
        self._draining = Event()
        self._closing = Event()
        self._tend_seconds = tend_seconds
        self._tender = Thread(target=self._keep_tending, name="runs")

    def start(self) -> None:
        """Tend runs from now on."""
        self._tender.start()

    @property
    def draining(self) -> bool:
        """Whether this server begins no more runs, because it is about to stop."""
        return self._draining.is_set()

    def begin(
        self,
        order: RunOrder,
        portfolio_ids: Sequence[str],
        request: Request | None,
        cash_flows: Mapping[str, Decimal] = NO_FLOWS,
    ) -> Rebalance:
        """Begin a run; where the same request has begun one before, answer that.

        Raises:
            ResourceExhausted: too many runs here, or the server is about to stop.
            RebalanceInProgress: another run of the model is in progress.
            InvalidArgument: the request id was used for another call.
        """
        self._take_room()
        token = self._journal.runs.new_id()
        with ExitStack() as unless_begun:
            unless_begun.callback(self._room.release)
            size = self._execution.chunk_size(len(portfolio_ids))
            begun = self._journal.runs.begin(
                order, portfolio_ids, self._journal.lease(token), request, size, cash_flows=cash_flows
            )
            if begun.rebalance_id == order.rebalance.rebalance_id:
                unless_begun.pop_all()
                self._carry_on(order, token, origin.current())
        return begun

    @contextmanager
    def previewing(self) -> Iterator[None]:
        """A block that does the work of a run and is none. Raises ResourceExhausted as `begin` does."""
        if self.draining:
            raise self._previews.exhausted()
        with self._previews.held():
            yield

    def cancel(self, rebalance_id: str, by: Subject) -> Rebalance:
        """Ask for a run to be cancelled, wherever it is carried out. Raises NotFound."""
        found = self._journal.cancel(rebalance_id, by)
        self.stop(rebalance_id)
        return found

    def stop(self, rebalance_id: str) -> None:
        """Cancel a run at once, without a word to the database, where it is carried out here."""
        with self._lock:
            held = self._held.get(rebalance_id)
        if held:
            held[0].cancelled.set()

    def hear_cancels(self) -> None:
        """Cancel what another server was asked to cancel."""
        with self._lock:
            holds = bool(self._held)
        for rebalance_id in self._journal.runs.to_be_cancelled() if holds else ():
            self.stop(rebalance_id)

    def tend(self) -> None:
        """Renew the leases of what is held, and take over what nobody holds."""
        with self._lock:
            mine = [held for held, _ in self._held.values()]
        for held in mine:
            try:
                self._journal.renew(held)
            except LeaseLost:
                held.abandoned.set()  # or it has just ended
        while not self.draining and self._room.is_taken():
            token = self._journal.runs.new_id()
            with ExitStack() as unless_taken:
                unless_taken.callback(self._room.release)
                order = self._journal.runs.take_over(self._journal.lease(token))
                if order is None:
                    return
                unless_taken.pop_all()
            begun_by = Origin(order.begun_by.fields, order.begun_by.headers)
            with origin.working_for(begun_by.noting(rebalance_id=order.rebalance.rebalance_id)):
                _log.warning("taking over run %s", order.rebalance.rebalance_id)
            self._carry_on(order, token, begun_by, taken_over=True)

    def drain(self) -> None:
        """Begin and take over no more."""
        self._draining.set()

    def close(self) -> None:
        """Let go of what is held, so that another server can take it at once."""
        self.drain()
        self._closing.set()
        self._tender.join()
        with self._lock:
            mine = list(self._held.values())
        for held, _ in mine:
            held.abandoned.set()
        for _, thread in mine:
            thread.join()

    def _take_room(self) -> None:
        if self.draining:
            raise self._room.exhausted()
        self._room.take()

    def _keep_tending(self) -> None:
        due = time.monotonic()
        while not self._closing.is_set():
            try:
                if time.monotonic() >= due:
                    self.tend()
                    due = time.monotonic() + self._tend_seconds
                else:
                    self.hear_cancels()
            except Unavailable as error:
                _log.warning("runs cannot be tended: %s", error)
            except Exception:  # noqa: BLE001 - logged; without this loop every lease of ours would run out
                _log.exception("tending runs met an internal error")
            self._closing.wait(min(self._tend_seconds, HEAR_SECONDS))

    def _carry_on(self, order: RunOrder, token: str, begun_by: Origin, *, taken_over: bool = False) -> None:
        held = LeasedRun(order, token, Deadline.after(order.seconds_left))
        with origin.working_for(begun_by.noting(rebalance_id=held.rebalance_id)):
            carry_out = carried(self._carry_out)
        thread = Thread(target=carry_out, args=(held, taken_over), name=f"run-{held.rebalance_id}")
        with self._lock:
            self._held[held.rebalance_id] = (held, thread)
        thread.start()

    def _carry_out(self, held: LeasedRun, taken_over: bool) -> None:
        try:
            with self._observer.run(held.rebalance_id, taken_over=taken_over):
                self._execution.carry_out(held)
                if held.abandoned.is_set():
                    self._journal.release(held)
        except LeaseLost:
            self._observer.lease_lost()
            _log.info("run %s has ended or is carried out by another server", held.rebalance_id)
        except OrderGenerationError as error:
            _log.warning("run %s waits to be taken over: %s", held.rebalance_id, error)
        except Exception:  # noqa: BLE001 - the end of the thread: the run has its end, the log the cause
            _log.exception("run %s was ended by an internal error", held.rebalance_id)
        finally:
            with self._lock:
                current = self._held.get(held.rebalance_id)
                if current and current[0] is held:  # not where we lost it, and took it over again
                    del self._held[held.rebalance_id]
            self._room.release()
