"""Takes the last look at portfolios, writes their orders down, and sends them once."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    ApprovalMissing,
    Cancelled,
    DeadlineExceeded,
    OrderGenerationError,
    StaleProposal,
    Unavailable,
    Violation,
)
from ordergen_server.domain.orders.order_service import InDoubt, OrderService, Refused, Taken
from ordergen_server.domain.orders.order_store import MarkTaken, NotApproved, TradedByAnother
from ordergen_server.domain.orders.orders import (
    Order,
    OrderState,
    attempted,
    doubted,
    mark_of,
    not_attempted,
    refused,
    taken,
    time_of,
)
from ordergen_server.domain.orders.submissions import (
    Approvals,
    Changes,
    OrderBatch,
    SubmittedPortfolio,
    by_portfolio,
)
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.services.ordering.due import Clock, Due
from ordergen_server.services.ordering.journal import Journal
from ordergen_server.services.ordering.looks.last_look import traded_by
from ordergen_server.services.ordering.looks.looking import Looked, Looks, Verdict
from ordergen_server.services.ordering.planning import Part, part, written_down

_log = logging.getLogger(__name__)

#: Of reading holdings and prices for one batch.
LOOK_SECONDS = 60.0
#: The sells of portfolios whose buys are to be sent, by portfolio id.
SellsOf = Mapping[str, Sequence[Order]]


class Sending:
    """The sending side of one submission.

    Args:
        journal: writes down.
        service: takes orders.
        looks: last looks.
        approvals: how it is decided whether orders may be sent.
        due: when something may be sent, or looked at, again.
        clock: seconds.
    """

    def __init__(
        self,
        journal: Journal,
        service: OrderService,
        looks: Looks,
        approvals: Approvals,
        *,
        due: Due,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._store = journal.store
        self._held = journal.held
        self._service = service
        self._looks = looks
        self._approvals = approvals
        self._due = due
        self._clock = clock

    def begin(self, portfolios: Sequence[SubmittedPortfolio], sells: SellsOf | None = None) -> None:
        """Take the last look at portfolios, write down what holds, and send it."""
        verdicts = self._verdicts([one.portfolio_id for one in portfolios], sells or {})
        if verdicts is None:
            return
        stale = _stale(verdicts)
        if stale:
            out = [one for one in portfolios if one.portfolio_id in stale]
            self._journal.write(self._journal.give_up(out, stale))
        good = [one for one in portfolios if verdicts[one.portfolio_id] is Verdict.GOOD]
        since = self._clock()
        written = self._written_down([self._part(one) for one in good]) if good else None
        if written:
            first = written.new_batches[0]
            orders = [one for _, one in written.orders if one.batch_id == first.batch_id]
            self._send(first, orders, orders, since)

    def send_again(self, batch: OrderBatch) -> None:
        """Send what is written down of a batch, and in no attempt."""
        orders = self._store.orders_of_batch(batch.batch_id)
        sending = [one for one in orders if one.state is OrderState.SENDING]
        untouched = self._untouched(sending)
        verdicts = self._verdicts(list(untouched), untouched) if untouched else {}
        if verdicts is None:
            return
        for portfolio_id, why in _stale(verdicts).items():
            self._journal.drop(batch, why, [portfolio_id])
            return  # the batch is another now
        if any(one is Verdict.NOT_BOOKED for one in verdicts.values()):
            self._due.failed()
            return
        since = self._clock()
        now = [attempted(one) for one in sending]
        # Others of it may be in doubt still: what was seen of them before says nothing of this attempt.
        changes = self._journal.changes(orders, now, replace(batch, attempting=True, sighting=None))
        self._journal.write(changes)
        attempt = {one.order_id: one for one in now}
        self._send(changes.batches[0], [attempt.get(one.order_id, one) for one in orders], now, since)

    def _send(self, batch: OrderBatch, orders: Sequence[Order], sent: Sequence[Order], since: float) -> None:
        """Send orders once whose attempt was written down after `since`; write down what became of it.

        Args:
            batch: as it is written down.
            orders: all of it.
            sent: those of them that are sent.
            since: on the clock.
        """
        try:
            outcomes = self._service.send(
                [one.outgoing for one in sent], time_of(batch.mark), lambda: self._require_in_time(since)
            )
        except OrderGenerationError as error:
            _log.warning("orders could not be sent, and are sent later: %s", error)
            self._due.failed()
            after = [not_attempted(one) for one in sent]
        else:
            after = [_after(one, outcome) for one, outcome in zip(sent, outcomes, strict=True)]
            if any(isinstance(one, InDoubt) for one in outcomes):
                self._due.failed()
            else:
                self._due.went_well()
        done = replace(batch, attempting=False)
        self._journal.write(self._journal.changes(orders, after, done))

    def _require_in_time(self, since: float) -> None:
        """Whoever stood still for a lease must not send: another may have looked for it already."""
        if self._clock() - since >= self._held.lease.seconds:
            raise DeadlineExceeded(
                "It took longer than a lease to begin with an attempt.", metadata={"step": "sending"}
            )

    def _part(self, portfolio: SubmittedPortfolio) -> Part:
        result = self._looks.proposal(portfolio.rebalance_id, portfolio.portfolio_id).result
        sells_first = self._held.order.submission.sells_first
        return part(portfolio, result, self._store.new_id, sells_first=sells_first)

    def _written_down(self, parts: Sequence[Part]) -> Changes | None:
        """Write parts down as batches whose marks nobody has; None where some may not be sent."""
        mark = mark_of(self._store.now())
        since = self._looks.alone_since(self._held.rebalance_id)
        while True:
            changes = written_down(parts, mark, self._store.new_id, self._approvals, since)
            try:
                self._journal.write(changes)
            except MarkTaken:
                mark += 1
            except NotApproved as error:
                self._keep_back({one: _not_approved(one) for one in error.portfolio_ids})
                return None
            except TradedByAnother as error:
                self._keep_back({key: traded_by(run, key) for key, run in error.runs.items()})
                return None
            else:
                return changes

    def _keep_back(self, why: Mapping[str, OrderGenerationError]) -> None:
        """Portfolios that may not be sent after all; the others have their turn again."""
        out = self._store.portfolios(self._held.rebalance_id, list(why))
        self._journal.write(self._journal.give_up(out, why))

    def _verdicts(self, portfolio_ids: Sequence[str], sells: SellsOf) -> Looked | None:
        """What a last look says of each; None where it cannot be taken now."""
        now, run = self._store.now(), self._held.rebalance_id
        old = {one: self._looks.too_old(run, one, now) for one in portfolio_ids}
        found: dict[str, Verdict | StaleProposal] = {key: one for key, one in old.items() if one}
        proposals = [
            self._looks.proposal(run, one, sells.get(one, ())) for one in portfolio_ids if one not in found
        ]
        deadline = Deadline.after(LOOK_SECONDS).unless(self._held.abandoned.is_set)
        try:
            looked = self._looks.take(proposals, deadline, now.date()) if proposals else {}
        except (Unavailable, DeadlineExceeded, Cancelled) as error:
            _log.warning("the last look has to wait: %s", error)
            self._due.failed()
            return None
        return {**found, **looked}

    def _untouched(self, orders: Sequence[Order]) -> SellsOf:
        """Portfolios that may be out of date by now, with the sells that their buys waited for.

        Of others a part was sent already: the rest of it belongs to that.
        """
        known = by_portfolio(self._journal.orders_of({one.portfolio_id for one in orders}))
        first = self._held.order.submission.sells_first
        found: dict[str, Sequence[Order]] = {}
        for portfolio_id, of_portfolio in known.items():
            touched = [one for one in of_portfolio if one.attempt_count]
            waited = first and all(one.side is Side.SELL and one.state is OrderState.SENT for one in touched)
            buys = any(one.side is Side.BUY for one in of_portfolio)
            if not touched or (waited and buys):
                found[portfolio_id] = touched
        return found


def _stale(verdicts: Looked) -> dict[str, StaleProposal]:
    return {key: one for key, one in verdicts.items() if isinstance(one, StaleProposal)}


def _after(order: Order, outcome: Taken | Refused | InDoubt) -> Order:
    match outcome:
        case Taken(external_order_id):
            return taken(order, external_order_id)
        case Refused(message):
            return refused(order, message)
        case InDoubt(cause):
            return doubted(order, cause)


def _not_approved(portfolio_id: str) -> ApprovalMissing:
    rule = "is not approved any more, or was rejected"
    return ApprovalMissing(
        f"Portfolio {portfolio_id} {rule}: nothing more of it is sent.",
        metadata={"portfolio_id": portfolio_id},
        violations=[Violation(portfolio_id, rule, "APPROVAL_MISSING")],
    )
