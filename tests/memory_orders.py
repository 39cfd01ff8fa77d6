"""Submissions in memory, kept as OrderStore promises: leased, fenced, and each change one step."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import RLock

from ordergen_server.domain.errors import InvalidArgument, NotFound
from ordergen_server.domain.orders.order_store import (
    Candidates,
    MarkTaken,
    NotApproved,
    SubmissionOrder,
    TradedByAnother,
)
from ordergen_server.domain.orders.orders import Order, OrderState
from ordergen_server.domain.orders.refusals import already_submitted, approval_missing, nothing_to_submit
from ordergen_server.domain.orders.reviews import Review, ReviewState
from ordergen_server.domain.orders.submissions import (
    UNSETTLED,
    Approvals,
    Changes,
    Left,
    OrderBatch,
    OrderSubmission,
    PortfolioOrderState,
    SubmissionState,
    SubmittedPortfolio,
    counted,
)
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.domain.stores import Lease, LeaseLost, Request
from ordergen_server.domain.subjects import Subject


@dataclass
class StoredSubmission:
    """A submission with what its store keeps beside its record."""

    order: SubmissionOrder
    submission: OrderSubmission
    lease: Lease
    until: datetime
    request: Request | None
    cancel_requested: bool = False


class MemoryOrders:
    """Keeps submissions in dicts; `before` and `after` are called around every write, and may raise.

    Args:
        clock: what leases and doubt are measured by, as by a database's.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = RLock()
        self._ids = 0
        self.before: Callable[[Changes], None] = lambda _: None
        self.after: Callable[[Changes], None] = lambda _: None
        self.submissions: dict[str, StoredSubmission] = {}
        self.stored_portfolios: dict[tuple[str, str], SubmittedPortfolio] = {}
        self.orders: dict[str, Order] = {}
        self.batches: dict[str, OrderBatch] = {}
        self.turns: dict[str, tuple[SubmittedPortfolio, datetime]] = {}
        self.reviews: dict[tuple[str, str], Review] = {}
        self.left: list[Lease] = []
        self.read_reviews: Counter[tuple[str, str]] = Counter()

    def new_id(self) -> str:
        with self._lock:
            self._ids += 1
            return f"{self._ids:024x}"

    def now(self) -> datetime:
        return self._clock()

    def submit(
        self, order: SubmissionOrder, candidates: Candidates, lease: Lease, request: Request | None
    ) -> OrderSubmission:
        with self._lock:
            first = self.first_of(request) if request else None
            if first:
                return first
            run, submission_id = order.submission.rebalance_id, order.submission.submission_id
            counts = self._claimable(run, candidates)
            submission = replace(
                order.submission, portfolio_count=len(counts), order_count=sum(counts.values())
            )
            for place, (key, count) in enumerate(counts.items()):
                self.stored_portfolios[run, key] = SubmittedPortfolio(submission_id, run, key, place, count)
            until = self._clock() + timedelta(seconds=lease.seconds)
            self.submissions[submission_id] = StoredSubmission(order, submission, lease, until, request)
            return submission

    def first_of(self, request: Request) -> OrderSubmission | None:
        for one in self.submissions.values():
            if one.request and one.request.request_id == request.request_id:
                if one.request != request:
                    raise InvalidArgument("request_id")
                return one.submission
        return None

    def get(self, submission_id: str) -> OrderSubmission:
        if submission_id not in self.submissions:
            raise NotFound(submission_id)
        return self.submissions[submission_id].submission

    def renew(self, submission_id: str, lease: Lease) -> bool:
        with self._lock:
            held = self._held(submission_id, lease)
            held.until = self._clock() + timedelta(seconds=lease.seconds)
            return held.cancel_requested

    def take_over(self, lease: Lease) -> SubmissionOrder | None:
        with self._lock:
            for one in self.submissions.values():
                if one.submission.state is SubmissionState.RUNNING and one.until <= self._clock():
                    one.lease, one.until = lease, self._clock() + timedelta(seconds=lease.seconds)
                    return replace(one.order, submission=one.submission)
            return None

    def leave(self, lease: Lease) -> None:
        self.left.append(lease)

    def request_cancel(self, submission_id: str, by: Subject, time: datetime) -> OrderSubmission:
        del by, time
        with self._lock:
            found = self.get(submission_id)
            self.submissions[submission_id].cancel_requested = found.state is SubmissionState.RUNNING
            return found

    def to_be_cancelled(self) -> Collection[str]:
        with self._lock:
            return [key for key, one in self.submissions.items() if one.cancel_requested]

    def is_cancelled(self, submission_id: str, lease: Lease) -> bool:
        return self._held(submission_id, lease).cancel_requested

    def write(self, submission_id: str, lease: Lease, changes: Changes) -> OrderSubmission:
        with self._lock:
            self.before(changes)
            held = self._held(submission_id, lease)
            if changes.approvals:
                self._approve(held.submission.rebalance_id, changes.approvals)
                self._check_turns(held.submission.rebalance_id, changes)
            marks = {one.mark for one in self.batches.values()}
            if any(one.mark in marks for one in changes.new_batches):
                raise MarkTaken
            held.submission, orders, portfolios = counted(held.submission, changes)
            self.batches |= {one.batch_id: one for one in (*changes.new_batches, *changes.batches)}
            self.orders |= {one.order_id: one for one in orders}
            self._note_turns(changes)
            self.stored_portfolios |= {(one.rebalance_id, one.portfolio_id): one for one in portfolios}
            if changes.end:
                held.cancel_requested = False
            stored = held.submission
        self.after(changes)
        return stored

    def open_batches(self, submission_id: str) -> Sequence[OrderBatch]:
        found = [one for one in self.batches.values() if one.submission_id == submission_id and one.is_open]
        return sorted(found, key=lambda one: one.mark)

    def orders_of_batch(self, batch_id: str) -> Sequence[Order]:
        return self._orders(lambda one: one.batch_id == batch_id)

    def orders_of_portfolios(self, rebalance_id: str, portfolio_ids: Collection[str]) -> Sequence[Order]:
        return self._orders(
            lambda one: one.rebalance_id == rebalance_id and one.portfolio_id in portfolio_ids
        )

    def portfolios(self, rebalance_id: str, portfolio_ids: Collection[str]) -> Sequence[SubmittedPortfolio]:
        keys = [(rebalance_id, one) for one in sorted(portfolio_ids)]
        return [self.stored_portfolios[key] for key in keys if key in self.stored_portfolios]

    def portfolios_left(
        self, submission_id: str, left: Left, limit: int, after: int = -1
    ) -> Sequence[SubmittedPortfolio]:
        found = [
            one
            for one in self.stored_portfolios.values()
            if one.submission_id == submission_id and one.left is left and one.place > after
        ]
        return sorted(found, key=lambda one: one.place)[:limit]

    def portfolio_states(
        self, rebalance_id: str, portfolio_ids: Collection[str]
    ) -> Mapping[str, PortfolioOrderState]:
        return {one.portfolio_id: one.state for one in self.portfolios(rebalance_id, portfolio_ids)}

    def changed_after(
        self, submission_id: str, sequence: int, until: int, limit: int
    ) -> Sequence[Order | SubmittedPortfolio]:
        everything: Iterable[Order | SubmittedPortfolio] = (
            *self.orders.values(),
            *self.stored_portfolios.values(),
        )
        found = [
            one
            for one in everything
            if one.submission_id == submission_id and sequence < one.sequence <= until
        ]
        return sorted(found, key=lambda one: one.sequence)[:limit]

    def find(
        self, rebalance_id: str, page: PageRequest, portfolio_id: str, state: OrderState | None
    ) -> Page[Order]:
        found = [
            one
            for one in self.marked(rebalance_id)
            if portfolio_id in ("", one.portfolio_id) and state in (None, one.state)
        ]
        return Page(tuple(found[: page.limit]))

    def marked(self, rebalance_id: str) -> Sequence[Order]:
        found = self._orders(lambda one: one.rebalance_id == rebalance_id and one.mark > 0)
        return sorted(found, key=lambda one: (one.portfolio_id, one.security_id))

    def in_doubt_since(self) -> datetime | None:
        return min((one.doubted_at for one in self.batches.values() if one.doubted_at), default=None)

    def _orders(self, wanted: Callable[[Order], bool]) -> list[Order]:
        return sorted(filter(wanted, self.orders.values()), key=lambda one: one.order_id)

    def _held(self, submission_id: str, lease: Lease) -> StoredSubmission:
        held = self.submissions[submission_id]
        if held.lease.token != lease.token or held.submission.state is not SubmissionState.RUNNING:
            raise LeaseLost(submission_id)
        return held

    def _claimable(self, run: str, candidates: Candidates) -> dict[str, int]:
        taken = {
            one.portfolio_id: one.submission_id for one in self.portfolios(run, candidates.counts.keys())
        }
        if candidates.named and taken:
            raise already_submitted(taken)
        left = [one for one in candidates.counts if one not in taken]
        missing = self._missing(run, candidates.approvals, left)
        if candidates.named and missing:
            raise approval_missing(missing)
        claimed = {one: candidates.counts[one] for one in left if one not in missing}
        if not claimed:
            raise nothing_to_submit(run, len(taken), len(missing))
        return claimed

    def _approve(self, run: str, approvals: Approvals) -> None:
        missing = self._missing(run, approvals, approvals.portfolio_ids)
        if missing:
            raise NotApproved(missing)
        self.read_reviews.update((run, one) for one in approvals.portfolio_ids)

    def _check_turns(self, run: str, changes: Changes) -> None:
        ids = changes.approvals.portfolio_ids if changes.approvals else ()
        others = {one: self.turns[one] for one in ids if one in self.turns}
        since = changes.alone_since
        found = {
            key: one.rebalance_id
            for key, (one, time) in others.items()
            if since and one.rebalance_id != run and (time >= since or self._is_unsettled(one))
        }
        if found:
            raise TradedByAnother(found)

    def _is_unsettled(self, one: SubmittedPortfolio) -> bool:
        running = self.get(one.submission_id).state is SubmissionState.RUNNING
        return running and one.state in UNSETTLED

    def _note_turns(self, changes: Changes) -> None:
        for one in changes.portfolios:
            turn = self.turns.get(one.portfolio_id)
            if changes.approvals or (turn and turn[0].submission_id == one.submission_id):
                self.turns[one.portfolio_id] = (one, self._clock())

    def _missing(self, run: str, approvals: Approvals, ids: Collection[str]) -> list[str]:
        reviews = {one: self.reviews.get((run, one), Review()) for one in ids}
        rule, starter = approvals.rule, approvals.starter
        return [one for one in ids if rule.state(reviews[one], starter) is not ReviewState.APPROVED]
