"""Buys that wait for their sells: sent once these are FULL, and given up where they never will be."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ordergen_server.domain.errors import OrderGenerationError, PreconditionFailed, Violation
from ordergen_server.domain.orders.batching import fitting
from ordergen_server.domain.orders.order_service import OPEN_STATUSES, OrderService, OrderStatus
from ordergen_server.domain.orders.orders import Order, OrderState, time_of
from ordergen_server.domain.orders.submissions import (
    Changes,
    Left,
    OrderBatch,
    SubmittedPortfolio,
    by_portfolio,
)
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.services.ordering.due import Clock, Due
from ordergen_server.services.ordering.journal import Journal
from ordergen_server.services.ordering.looks.looking import Looks
from ordergen_server.services.ordering.sending import Sending

_log = logging.getLogger(__name__)


class Sells:
    """The waiting side of one submission.

    Args:
        journal: writes down.
        service: is read, and not more often than that.
        sending: sends buys.
        looks: says when a run is too old.
        due: when the order service may be read again.
        clock: seconds.
        poll_seconds: between two readings of the same batch.
    """

    def __init__(
        self,
        journal: Journal,
        service: OrderService,
        sending: Sending,
        looks: Looks,
        *,
        due: Due,
        clock: Clock,
        poll_seconds: float,
    ) -> None:
        self._journal = journal
        self._store = journal.store
        self._service = service
        self._sending = sending
        self._looks = looks
        self._due = due
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._dues: dict[str, Due] = {}
        self._statuses: dict[str, OrderStatus | None] = {}

    def wait(self, batches: Sequence[OrderBatch]) -> float:
        """Look at the batch whose turn it is; answers how long until the next one's."""
        dues = {one.batch_id: self._due_of(one) for one in batches}
        batch = min(batches, key=lambda one: dues[one.batch_id].seconds)
        seconds = max(dues[batch.batch_id].seconds, self._due.seconds)
        if not seconds:
            dues[batch.batch_id].wait(self._poll_seconds)
            self._look_at(batch)
        return seconds

    def _due_of(self, batch: OrderBatch) -> Due:
        return self._dues.setdefault(batch.batch_id, Due(self._clock, self._poll_seconds, self._poll_seconds))

    def _look_at(self, batch: OrderBatch) -> None:
        orders = self._store.orders_of_batch(batch.batch_id)
        ids = {one.portfolio_id for one in orders}
        found = self._store.portfolios(batch.rebalance_id, ids)
        waiting = [one for one in found if one.left is Left.BUYS]
        if not waiting:
            self._journal.write(Changes(batches=(replace(batch, awaited=False),)))
            return
        sells = by_portfolio(one for one in self._journal.orders_of(ids) if one.side is Side.SELL)
        if any(_may_be_full(sells[one.portfolio_id]) for one in waiting) and not self._read(batch, orders):
            return
        now = self._store.now()
        hopeless = {
            one.portfolio_id: why
            for one in waiting
            if (
                why := self._never(one, sells) or self._looks.too_old(one.rebalance_id, one.portfolio_id, now)
            )
        }
        if hopeless:
            out = [one for one in waiting if one.portfolio_id in hopeless]
            self._journal.write(self._journal.give_up(out, hopeless))
        ready = [
            one
            for one in waiting
            if one.portfolio_id not in hopeless and self._is_full(sells[one.portfolio_id])
        ]
        if ready:
            together = ready[: fitting([one.order_count for one in ready])]
            if len(together) < len(ready):
                self._due_of(batch).went_well()
            self._sending.begin(together, {one.portfolio_id: sells[one.portfolio_id] for one in together})

    def _read(self, batch: OrderBatch, orders: Sequence[Order]) -> bool:
        """Read the statuses of a batch; whether that was possible."""
        try:
            found = self._service.with_timestamp(time_of(batch.mark))
        except OrderGenerationError as error:
            _log.warning("sells cannot be looked at: %s", error)
            self._due.failed()
            return False
        self._due.pause()
        statuses = {one.external_order_id: one.status for one in found}
        self._statuses |= {one.order_id: statuses.get(one.external_order_id) for one in orders}
        return True

    def _is_full(self, sells: Sequence[Order]) -> bool:
        return all(self._statuses.get(one.order_id) is OrderStatus.FULL for one in sells)

    def _never(
        self, portfolio: SubmittedPortfolio, sells: Mapping[str, Sequence[Order]]
    ) -> OrderGenerationError | None:
        """Why the buys of a portfolio are never sent; None where they may be."""
        lost = [one for one in sells[portfolio.portfolio_id] if self._is_lost(one)]
        if not lost:
            return None
        violations = [
            Violation(one.security_id, f"the sell of {one.ticker} {self._became(one)}", "SELL_NOT_FULL")
            for one in lost
        ]
        return portfolio.stale or PreconditionFailed(
            f"The buys of portfolio {portfolio.portfolio_id} are not sent, for not all of its sells were"
            f" filled: {violations[0].rule}. Rebalance it again.",
            metadata={"portfolio_id": portfolio.portfolio_id},
            violations=violations,
        )

    def _is_lost(self, sell: Order) -> bool:
        status = self._statuses.get(sell.order_id)
        over = status is not None and status not in (*OPEN_STATUSES, OrderStatus.FULL)
        return sell.state in (OrderState.REFUSED, OrderState.NOT_SENT) or over

    def _became(self, sell: Order) -> str:
        status = self._statuses.get(sell.order_id)
        return f"is {status.value} there" if status else f"is {sell.state.value}"


def _may_be_full(sells: Sequence[Order]) -> bool:
    return all(one.state is OrderState.SENT for one in sells)
