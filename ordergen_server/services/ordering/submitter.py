"""Submitting the orders of a run, and seeing what became of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Event

from ordergen_server.domain import origin
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.orders.ended import check_ended
from ordergen_server.domain.orders.order_service import FoundOrder, OrderService
from ordergen_server.domain.orders.order_store import OrderStore, SubmissionOrder
from ordergen_server.domain.orders.orders import Order, OrderState, time_of
from ordergen_server.domain.orders.reconciling import Reconciliation, reconciled
from ordergen_server.domain.orders.refusals import proposes_no_trades, without_order_service
from ordergen_server.domain.orders.submissions import (
    OrderSubmission,
    PortfolioOrderState,
    SubmissionState,
)
from ordergen_server.domain.rebalances.results import PortfolioState, View
from ordergen_server.domain.requests.pages import MAXIMUM_PAGE_SIZE, Page, PageRequest
from ordergen_server.domain.stores import BegunBy, RebalanceStore, Request
from ordergen_server.domain.subjects import Subject, current_subject
from ordergen_server.services.ordering.submissions import Submissions
from ordergen_server.services.ordering.watching import SubmissionEvents, watch_submission

#: Named portfolios that are read one by one; of more the whole run is.
ONE_BY_ONE = 200


class OrderSubmitter:
    """The use cases of orders.

    Args:
        runs: what is stored of runs.
        store: what is stored of submissions.
        submissions: carries them out; None without an order service, as `service`.
        service: has the orders.
        clock: the time now, UTC.
        subject: who submits.
    """

    def __init__(
        self,
        *,
        runs: RebalanceStore,
        store: OrderStore,
        submissions: Submissions | None,
        service: OrderService | None,
        clock: Callable[[], datetime],
        subject: Callable[[], Subject] = current_subject,
    ) -> None:
        self._runs = runs
        self._store = store
        self._submissions = submissions
        self._service = service
        self._clock = clock
        self._subject = subject

    def submit(
        self,
        rebalance_id: str,
        portfolio_ids: Sequence[str],
        request: Request | None,
        deadline: Deadline,
        *,
        sells_first: bool = False,
    ) -> OrderSubmission:
        """Begin to send the orders of approved portfolios of a run; none named are all that may be sent.

        Raises:
            NotFound: there is no such run, or it has no such portfolio.
            PreconditionFailed: it goes on, a portfolio proposes no trades, nothing is left to submit, or
                there is no order service.
            ApprovalMissing, AlreadySubmitted: a named portfolio is not approved, or was submitted.
            Aborted: another submission takes the same portfolios at this moment.
            InvalidArgument: the request id was used for another call.
            ResourceExhausted: too many submissions on this server.
            DeadlineExceeded: reading what is to be sent took too long.
        """
        first = self._store.first_of(request) if request else None
        if first:
            return first
        check_ended(self._runs.get(rebalance_id))
        if self._submissions is None:
            raise without_order_service()
        counts = self._counts(rebalance_id, portfolio_ids, deadline)
        by = self._subject()
        submission = OrderSubmission(
            submission_id=self._store.new_id(),
            rebalance_id=rebalance_id,
            state=SubmissionState.RUNNING,
            create_time=self._clock(),
            portfolio_count=0,
            order_count=0,
            sells_first=sells_first,
            actor=by.name,
            authenticated=by.is_authenticated,
        )
        begun_by = BegunBy(dict(origin.current().fields), dict(origin.current().headers))
        order = SubmissionOrder(submission, begun_by)
        return self._submissions.begin(order, counts, request, named=bool(portfolio_ids))

    def get(self, submission_id: str) -> OrderSubmission:
        """Read a submission. Raises NotFound."""
        return self._store.get(submission_id)

    def watch(
        self, submission_id: str, after_sequence: int, deadline: Deadline, gone: Event
    ) -> SubmissionEvents:
        """What becomes of a submission after a point. Raises NotFound, InvalidArgument, DeadlineExceeded."""
        return watch_submission(self._store, submission_id, after_sequence, deadline, gone)

    def cancel(self, submission_id: str) -> OrderSubmission:
        """Ask for a submission to be cancelled: what is not written down is not sent. Raises NotFound."""
        if self._submissions is None:  # another server, which has an order service, may carry it out
            return self._store.request_cancel(submission_id, self._subject(), self._clock())
        return self._submissions.cancel(submission_id, self._subject(), self._clock())

    def orders(
        self, rebalance_id: str, page: PageRequest, portfolio_id: str, state: OrderState | None
    ) -> Page[Order]:
        """Read a page of a run's orders. Raises NotFound, InvalidArgument."""
        return self._store.find(rebalance_id, page, portfolio_id, state)

    def states(self, rebalance_id: str, portfolio_ids: Sequence[str]) -> Mapping[str, PortfolioOrderState]:
        """What became of the orders of portfolios of a run; nothing of those that were not submitted."""
        return self._store.portfolio_states(rebalance_id, portfolio_ids)

    def reconcile(self, rebalance_id: str, deadline: Deadline) -> Reconciliation:
        """Compare a run's orders with what the order service has under their marks; nothing is changed.

        Raises:
            NotFound: there is no such run.
            PreconditionFailed: there is no order service.
            Unavailable: it does not answer.
            DeadlineExceeded: it took too long.
        """
        self._runs.get(rebalance_id)
        if self._service is None:
            raise without_order_service()
        before = self._store.marked(rebalance_id)
        found: dict[int, Sequence[FoundOrder]] = {}
        for mark in sorted({one.mark for one in before}):
            deadline.remaining_seconds("every order was looked for")
            found[mark] = self._service.with_timestamp(time_of(mark))
        return reconciled(_unchanged(before, self._store.marked(rebalance_id)), found)

    def _counts(self, rebalance_id: str, portfolio_ids: Sequence[str], deadline: Deadline) -> dict[str, int]:
        """How many orders portfolios have, in the order of their ids, or as they are named.

        Raises:
            NotFound: a named one is none of the run.
            PreconditionFailed: a named one has none.
        """
        if portfolio_ids and len(portfolio_ids) <= ONE_BY_ONE:
            counts = self._named(rebalance_id, portfolio_ids)
        else:
            counts = self._all(rebalance_id, deadline)
            if portfolio_ids:
                lacking = [one for one in portfolio_ids if one not in counts]
                counts |= self._named(rebalance_id, lacking[:ONE_BY_ONE])
                counts = {one: counts.get(one, 0) for one in portfolio_ids}
        idle = [one for one, count in counts.items() if not count]
        if idle:
            raise proposes_no_trades(idle)
        return counts

    def _named(self, rebalance_id: str, portfolio_ids: Sequence[str]) -> dict[str, int]:
        results = [self._runs.get_portfolio(rebalance_id, one, View.BASIC) for one in portfolio_ids]
        return {one.portfolio_id: len(one.transactions) for one in results}

    def _all(self, rebalance_id: str, deadline: Deadline) -> dict[str, int]:
        """Of all portfolios of a run that trade."""
        counts: dict[str, int] = {}
        token = ""
        while True:
            deadline.remaining_seconds("every portfolio was read")
            request = PageRequest(MAXIMUM_PAGE_SIZE, token)
            page = self._runs.find_portfolios(rebalance_id, request, PortfolioState.REBALANCED)
            counts |= {one.portfolio_id: len(one.transactions) for one in page.items if one.transactions}
            token = page.next_token
            if not token:
                return counts


def _unchanged(before: Sequence[Order], after: Sequence[Order]) -> list[Order]:
    """Orders as they are believed to be; of those that changed while others were read nothing definite is."""
    were = {one.order_id: one for one in before}
    return [one if were.get(one.order_id) == one else replace(one, state=OrderState.SENDING) for one in after]
