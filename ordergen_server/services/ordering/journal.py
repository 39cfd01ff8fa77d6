"""Writes down what becomes of a submission that this server holds, its batches, portfolios and orders."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ordergen_server.domain.errors import OrderGenerationError, StaleProposal
from ordergen_server.domain.orders.order_store import OrderStore
from ordergen_server.domain.orders.orders import Order, OrderState, dropped
from ordergen_server.domain.orders.submissions import (
    Changes,
    Left,
    OrderBatch,
    SubmissionState,
    SubmittedPortfolio,
    by_portfolio,
    end_of,
)
from ordergen_server.services.ordering.leased_submission import LeasedSubmission
from ordergen_server.services.ordering.looks.looking import Looks
from ordergen_server.services.ordering.observer import OrderObserver
from ordergen_server.services.ordering.planning import Part, changed, given_up, orders_left

_log = logging.getLogger(__name__)

#: Portfolios whose orders are given up as one step.
GIVEN_UP_AT_ONCE = 20


class Journal:
    """The writing side of one submission.

    Args:
        held: the submission.
        store: where it is kept.
        looks: where proposals are read.
        changed: called after every write.
        observer: hears what was written.
    """

    def __init__(
        self,
        held: LeasedSubmission,
        store: OrderStore,
        looks: Looks,
        changed: Callable[[], None],
        observer: OrderObserver,
    ) -> None:
        self.held = held
        self.store = store
        self._looks = looks
        self._changed = changed
        self._observer = observer

    def write(self, changes: Changes) -> None:
        """Write changes down. Raises as OrderStore has it."""
        self.store.write(self.held.key, self.held.lease, changes)
        self._observer.orders(one.state for _, one in changes.orders)
        self._observer.stale(sum(one.stale is not None and not one.sequence for one in changes.portfolios))
        self._changed()

    def changes(
        self,
        orders: Sequence[Order],
        after: Sequence[Order],
        batch: OrderBatch,
        stale: Mapping[str, StaleProposal] | None = None,
    ) -> Changes:
        """What a change of a batch, whose orders are all given, makes of it and of its portfolios."""
        ids = {one.portfolio_id for one in after}
        known = self.orders_of(ids)
        portfolios = [
            replace(one, stale=one.stale or (stale or {}).get(one.portfolio_id))
            for one in self.store.portfolios(self.held.rebalance_id, ids)
        ]
        if batch.doubted_at is None and any(one.state is OrderState.IN_DOUBT for one in after):
            batch = replace(batch, doubted_at=self.store.now())
        return changed(orders, after, batch, portfolios, known)

    def orders_of(self, portfolio_ids: Collection[str]) -> Sequence[Order]:
        """All orders of portfolios that were written down."""
        if not portfolio_ids:
            return ()
        return self.store.orders_of_portfolios(self.held.rebalance_id, portfolio_ids)

    def drop(
        self,
        batch: OrderBatch,
        why: OrderGenerationError,
        ids: Collection[str] = (),
        *,
        cut_short: bool = False,
    ) -> None:
        """Send nothing more of a batch that is in no attempt; or of some of its portfolios."""
        orders = self.store.orders_of_batch(batch.batch_id)
        after = [
            dropped(one, why)
            for one in orders
            if one.state is OrderState.SENDING and (not ids or one.portfolio_id in ids)
        ]
        stale = dict.fromkeys(ids, why) if isinstance(why, StaleProposal) else {}
        self.write(replace(self.changes(orders, after, batch, stale), cut_short=cut_short))

    def give_up(
        self, portfolios: Sequence[SubmittedPortfolio], why: Mapping[str, OrderGenerationError]
    ) -> Changes:
        """Nothing more of portfolios is written down to be sent, each for its reason."""
        known = by_portfolio(self.orders_of([one.portfolio_id for one in portfolios]))
        parts = []
        for one in portfolios:
            result = self._looks.proposal(one.rebalance_id, one.portfolio_id).result
            parts.append(Part(one, orders_left(one, result, self.store.new_id)))
        everything = [order for found in known.values() for order in found]
        return given_up(parts, why, everything)

    def give_up_left(self, why: OrderGenerationError, *, cut_short: bool = False) -> bool:
        """Give up the next portfolios that wait for their turn, or for their sells; false where none do."""
        for left in (Left.ALL, Left.BUYS):
            found = self.store.portfolios_left(self.held.key, left, GIVEN_UP_AT_ONCE)
            if found:
                changes = self.give_up(found, {one.portfolio_id: why for one in found})
                self.write(replace(changes, cut_short=cut_short))
                return True
        return False

    def finish(self, state: SubmissionState | None, error: OrderGenerationError | None) -> None:
        """Store the end of the submission: by itself, or like this."""
        end = state or end_of(self.store.get(self.held.key))
        self.write(Changes(end=end, error=error, finish_time=self.store.now()))
        self._observer.submission_ended(end)
        _log.info("submission %s has ended: %s", self.held.key, end.value)
