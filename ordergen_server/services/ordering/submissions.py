"""The submissions this server carries out: begun here, or taken over from a server that has died."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

from ordergen_server.domain import origin
from ordergen_server.domain.errors import DatabaseUnavailable, InternalError, OrderGenerationError
from ordergen_server.domain.orders.order_service import OrderService
from ordergen_server.domain.orders.order_store import Candidates, OrderStore, SubmissionOrder
from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.orders.submissions import Approvals, OrderSubmission
from ordergen_server.domain.stores import Lease, LeaseLost, RebalanceStore, Request
from ordergen_server.domain.subjects import Subject
from ordergen_server.services.ordering.delivery import Delivery, Pace
from ordergen_server.services.ordering.leased_submission import LeasedSubmission
from ordergen_server.services.ordering.looks.looking import Looks
from ordergen_server.services.ordering.observer import UNOBSERVED, OrderObserver
from ordergen_server.services.running.holding import Holder
from ordergen_server.services.running.room import Room

_log = logging.getLogger(__name__)

#: Submissions carried out at once: each has a thread, which mostly waits.
MAXIMUM_SUBMISSIONS = 64
#: How long a submission that waits needs to hear that it is cancelled, or let go.
HEAR_SECONDS = 0.2


class Deliveries:
    """How submissions are held and carried out: a Craft.

    Args:
        store: where they are kept.
        runs: what proposed their orders.
        service: takes orders.
        looks: last looks.
        rule: how many must approve.
        pace: how long they wait.
        lease_seconds: how long one is ours after each renewal.
        changed: called after every write.
        observer: hears what becomes of them.
    """

    what = "submission"

    def __init__(
        self,
        *,
        store: OrderStore,
        runs: RebalanceStore,
        service: OrderService,
        looks: Looks,
        rule: ApprovalRule,
        pace: Pace,
        lease_seconds: float,
        changed: Callable[[], None],
        observer: OrderObserver = UNOBSERVED,
    ) -> None:
        self.store = store
        self._runs = runs
        self._service = service
        self._looks = looks
        self._rule = rule
        self._pace = pace
        self._lease_seconds = lease_seconds
        self._changed = changed
        self.observer = observer

    def lease(self) -> Lease:
        """A lease that nobody has."""
        return Lease(self.store.new_id(), self._lease_seconds)

    def approvals(self, rebalance_id: str) -> Approvals:
        """How it is decided whether portfolios of a run may be sent."""
        return Approvals(self._rule, self._runs.get(rebalance_id).actor)

    def renew(self, work: LeasedSubmission) -> None:
        """Hold it for longer, and hear whether it is cancelled. Raises LeaseLost."""
        if self.store.renew(work.key, work.lease):
            work.cancelled.set()

    def take_over(self) -> LeasedSubmission | None:
        """Take some whose lease has run out, if there is any."""
        lease = self.lease()
        order = self.store.take_over(lease)
        return LeasedSubmission(order, lease) if order else None

    def release(self, work: LeasedSubmission) -> None:
        """Let another server take it at once. Raises LeaseLost."""
        self.store.renew(work.key, replace(work.lease, seconds=0))

    def to_be_cancelled(self) -> Collection[str]:
        """The ids of what goes on, whoever holds it, and is to be cancelled."""
        return self.store.to_be_cancelled()

    def lost(self) -> None:
        """A lease of ours is another's."""
        self.observer.lease_lost()

    def carry_out(self, work: LeasedSubmission, *, taken_over: bool) -> None:
        """Carry a submission out to its end, or until it is abandoned. Raises as Craft has it."""
        with self.observer.submission(work.key, taken_over=taken_over):
            try:
                self._carry_out(self._delivery(work), work)
            finally:
                self.store.leave(work.lease)

    def _carry_out(self, delivery: Delivery, work: LeasedSubmission) -> None:
        try:
            self._step(delivery, work)
        except (LeaseLost, DatabaseUnavailable):
            raise
        except OrderGenerationError as error:
            delivery.give_up(error)
        except Exception:  # a bug, and whoever took it over would meet it again: it gets an end that says so
            why = "The submission was ended by an internal error: the server's log has it."
            delivery.give_up(InternalError(why))
            raise  # nothing is swallowed: the thread's end logs it

    def _delivery(self, work: LeasedSubmission) -> Delivery:
        return Delivery(
            work,
            store=self.store,
            service=self._service,
            looks=self._looks,
            approvals=self.approvals(work.rebalance_id),
            pace=self._pace,
            clock=_awake_or_not,
            changed=self._changed,
            observer=self.observer,
        )

    def _step(self, delivery: Delivery, work: LeasedSubmission) -> None:
        while not work.abandoned.is_set():
            cancelled = work.cancelled.is_set()
            seconds = delivery.step()
            if seconds is None:
                return
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0 and work.cancelled.is_set() == cancelled:
                if work.abandoned.wait(min(left, HEAR_SECONDS)):
                    break


def _awake_or_not() -> float:
    """Seconds that only move forward, also while the machine sleeps, where it can tell."""
    number: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if number is None else time.clock_gettime(number)


class Submissions(Holder[LeasedSubmission]):
    """Carries submissions out, each in a thread of its own.

    At the end one that waits for the order service may be left in the middle of that: whoever takes it over
    looks for what it sent.
    """

    def __init__(self, deliveries: Deliveries, tend_seconds: float, close_seconds: float) -> None:
        room = Room(
            MAXIMUM_SUBMISSIONS,
            "submissions",
            "Too many submissions are in progress on this server: try again in a moment.",
        )
        super().__init__(deliveries, room, tend_seconds, close_seconds)
        self._deliveries = deliveries
        self._store = deliveries.store

    def begin(
        self, order: SubmissionOrder, counts: dict[str, int], request: Request | None, *, named: bool
    ) -> OrderSubmission:
        """Begin a submission of portfolios with so many orders each; or answer the same request's first.

        Raises as OrderStore.submit does, and:
            ResourceExhausted: too many submissions here, or the server is about to stop.
        """
        with self.take_room() as unless_begun:
            lease = self._deliveries.lease()
            approvals = self._deliveries.approvals(order.submission.rebalance_id)
            begun = self._store.submit(order, Candidates(counts, named, approvals), lease, request)
            if begun.submission_id == order.submission.submission_id:
                trace = origin.current().trace
                leased = LeasedSubmission(replace(order, submission=begun), lease, trace=trace)
                self.carry_on(leased, unless_begun)
        return begun

    def cancel(self, submission_id: str, by: Subject, now: datetime) -> OrderSubmission:
        """Ask for a submission to be cancelled, wherever it is carried out. Raises NotFound."""
        found = self._store.request_cancel(submission_id, by, now)
        self.stop(submission_id)
        return found

    def tend(self) -> None:
        """As every Holder does; and tell for how long an order is in doubt, whoever holds it."""
        super().tend()
        since = self._store.in_doubt_since()
        seconds = (self._store.now() - since).total_seconds() if since else 0.0
        self._deliveries.observer.in_doubt(seconds)
