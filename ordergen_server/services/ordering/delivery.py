"""Carries a submission out, step by step: each writes down what it found, and the next begins with that.

    an attempt whose outcome was not written down  -> in doubt
    in doubt, and it is time                       -> looked for in the order service
    written down, and in no attempt                -> sent
    portfolios that wait for their turn            -> looked at once more, written down, sent
    buys whose sells are FULL                      -> likewise
    nothing is left                                -> the end

What is sent was written down before, under a mark that no other batch has; what is in doubt is never sent on
a guess. So whoever takes a submission over, at whichever step, goes on with what is written down.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ordergen_server.domain.errors import Cancelled, OrderGenerationError, SiblingUnavailable
from ordergen_server.domain.orders.batching import BATCH_ORDERS, fitting
from ordergen_server.domain.orders.order_service import OrderService
from ordergen_server.domain.orders.order_store import OrderStore
from ordergen_server.domain.orders.orders import OrderState, doubted, time_of
from ordergen_server.domain.orders.submissions import (
    Approvals,
    Changes,
    Left,
    OrderBatch,
    SubmissionState,
    SubmittedPortfolio,
)
from ordergen_server.services.ordering.doubts import Seen, resolved
from ordergen_server.services.ordering.due import Clock, Due
from ordergen_server.services.ordering.journal import Journal
from ordergen_server.services.ordering.leased_submission import LeasedSubmission
from ordergen_server.services.ordering.looks.looking import Looks
from ordergen_server.services.ordering.observer import UNOBSERVED, OrderObserver
from ordergen_server.services.ordering.sells import Sells
from ordergen_server.services.ordering.sending import Sending

_log = logging.getLogger(__name__)

NOT_WRITTEN_DOWN = SiblingUnavailable(
    "What became of the attempt is not known, for its outcome was not written down.",
    metadata={"service": "order"},
)
CANCELLED = Cancelled("The submission was cancelled before this order was sent.")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a delivery waits; seconds.

    Attributes:
        settle: two readings that agree are at least so far apart before anything is sent again.
        retry: after a failure; it doubles with each.
        most: after many.
        poll: between two readings of the same sells that buys wait for.
        between_polls: between any two of those readings.
        ambiguous: until an order is looked for again whose doubt no time will settle.
    """

    settle: float = 60.0
    retry: float = 1.0
    most: float = 60.0
    poll: float = 15.0
    between_polls: float = 1.0
    ambiguous: float = 60.0


class Delivery:
    """One submission that we hold, from where it stands to its end. Not for several threads.

    Args:
        held: the submission.
        store: where it is kept.
        service: takes orders.
        looks: last looks.
        approvals: how it is decided whether orders may be sent.
        pace: how long it waits.
        clock: seconds, for pauses alone.
        changed: called after every write.
        observer: hears what becomes of orders.
    """

    def __init__(
        self,
        held: LeasedSubmission,
        *,
        store: OrderStore,
        service: OrderService,
        looks: Looks,
        approvals: Approvals,
        pace: Pace,
        clock: Clock,
        changed: Callable[[], None] = lambda: None,
        observer: OrderObserver = UNOBSERVED,
    ) -> None:
        self._held = held
        self._store = store
        self._service = service
        self._pace = pace
        self._clock = clock
        self._journal = Journal(held, store, looks, changed, observer)
        self._due = Due(clock, pace.retry, pace.most)
        self._sending = Sending(self._journal, service, looks, approvals, due=self._due, clock=clock)
        self._sells = Sells(
            self._journal,
            service,
            self._sending,
            looks,
            due=Due(clock, pace.between_polls, pace.most),
            clock=clock,
            poll_seconds=pace.poll,
        )
        self._readings: dict[str, Due] = {}
        self._place = -1

    def step(self) -> float | None:
        """Do the next thing; answers the seconds until something may be due, None once it has ended.

        Raises:
            LeaseLost: another server has the submission, or it has ended.
            DatabaseUnavailable: nothing can be written down: whoever goes on begins with what is.
        """
        if self._store.is_cancelled(self._held.key, self._held.lease):
            self._held.cancelled.set()
        batches = self._store.open_batches(self._held.key)
        for batch in batches:
            if batch.attempting:
                self._doubt(batch)
                return 0.0
            if batch.in_doubt and not self._reading(batch).seconds:
                self._look_for(batch)
                return 0.0
        waits = [self._reading(one).seconds for one in batches if one.in_doubt]
        goes_on = self._stop_short(batches) if self._held.cancelled.is_set() else self._send(batches, waits)
        awaited = [one for one in batches if one.awaited and not one.sending]
        if not goes_on and awaited:
            waits.append(self._sells.wait(awaited))
        elif not (goes_on or batches or waits):
            self._journal.finish(None, None)
            return None
        return 0.0 if goes_on else min(waits)

    def give_up(self, why: OrderGenerationError) -> None:
        """End the submission, which cannot go on: nothing more is sent, and what is in doubt stays so."""
        for batch in self._store.open_batches(self._held.key):
            if batch.attempting:
                self._doubt(batch)
            elif batch.sending:
                self._journal.drop(batch, why)
        while self._journal.give_up_left(why):
            pass
        doubts = [one for one in self._store.open_batches(self._held.key) if one.in_doubt]
        if doubts:  # they stay, and nobody is told for how long: that nothing more is done is told by the end
            told = tuple(replace(one, doubted_at=None) for one in doubts)
            self._journal.write(Changes(batches=told))
        self._journal.finish(SubmissionState.FAILED, why)

    def _send(self, batches: Sequence[OrderBatch], waits: list[float]) -> bool:
        """Send what is next, or note when that is; whether something was done."""
        again = next((one for one in batches if one.sending), None)
        waiting = () if again else self._waiting()
        if not (again or waiting):
            return False
        if self._due.seconds:
            waits.append(self._due.seconds)
            return False
        if again:
            self._sending.send_again(again)
        else:
            self._sending.begin(waiting)
        return True

    def _waiting(self) -> Sequence[SubmittedPortfolio]:
        """The portfolios whose turn it is: as many as fit into a batch."""
        found = self._store.portfolios_left(self._held.key, Left.ALL, BATCH_ORDERS, self._place)
        # Their turn comes in the order of their places, and never again.
        self._place = found[0].place - 1 if found else self._held.order.submission.portfolio_count
        return found[: fitting([one.order_count for one in found])]

    def _stop_short(self, batches: Sequence[OrderBatch]) -> bool:
        """Send nothing more, for a caller cancelled; whether something was done."""
        for batch in batches:
            if batch.sending:
                self._journal.drop(batch, CANCELLED, cut_short=True)
                return True
        if self._journal.give_up_left(CANCELLED, cut_short=True):
            return True
        awaited = [replace(one, awaited=False) for one in batches if one.awaited]
        if awaited:
            self._journal.write(Changes(batches=tuple(awaited)))
        return bool(awaited)

    def _doubt(self, batch: OrderBatch) -> None:
        """Nobody wrote down what became of an attempt: it is in doubt."""
        orders = self._store.orders_of_batch(batch.batch_id)
        after = [doubted(one, NOT_WRITTEN_DOWN) for one in orders if one.state is OrderState.SENDING]
        settled = replace(batch, attempting=False, sighting=None)
        self._journal.write(self._journal.changes(orders, after, settled))

    def _look_for(self, batch: OrderBatch) -> None:
        """Look for orders in doubt in the order service, by their mark."""
        due = self._reading(batch)
        began = self._store.now()
        try:
            found = self._service.with_timestamp(time_of(batch.mark))
        except OrderGenerationError as error:
            _log.warning("orders in doubt cannot be looked for: %s", error)
            due.failed()
            return
        orders = self._store.orders_of_batch(batch.batch_id)
        seen = Seen(found, began, self._store.now())
        result = resolved(batch, orders, seen, self._pace.settle)
        changes = self._journal.changes(orders, result.orders, result.batch)
        (after,) = changes.batches
        if changes.orders or after != batch:
            self._journal.write(changes)
        due.went_well()
        if after.sighting:
            left = self._pace.settle - (seen.ended - after.sighting.time).total_seconds()
            due.wait(left if left > 0 else self._pace.ambiguous)

    def _reading(self, batch: OrderBatch) -> Due:
        return self._readings.setdefault(batch.batch_id, Due(self._clock, self._pace.retry, self._pace.most))
