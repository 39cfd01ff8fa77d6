"""What the use cases need of a database for submissions; the repositories keep these promises.

The methods raise as those of RebalanceStore do. Only who holds the lease of a submission changes it: every
change names the lease's token, and is refused with LeaseLost where another is stored by then.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ordergen_server.domain.orders.orders import Order, OrderState
from ordergen_server.domain.orders.submissions import (
    Approvals,
    Changes,
    Left,
    OrderBatch,
    OrderSubmission,
    PortfolioOrderState,
    SubmittedPortfolio,
)
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.domain.stores import BegunBy, Lease, Request
from ordergen_server.domain.subjects import Subject


class MarkTaken(Exception):
    """Another batch has this mark: take another."""


class NotApproved(Exception):
    """Portfolios whose orders may not be sent any more, and so nothing was written."""

    def __init__(self, portfolio_ids: Sequence[str]) -> None:
        super().__init__(*portfolio_ids)
        self.portfolio_ids = tuple(portfolio_ids)


class TradedByAnother(Exception):
    """Portfolios that another run trades, or has traded since, by that run; so nothing was written."""

    def __init__(self, runs: Mapping[str, str]) -> None:
        super().__init__(*runs)
        self.runs = dict(runs)


@dataclass(frozen=True, slots=True)
class SubmissionOrder:
    """What a submission needs besides its record, for whoever carries it out.

    Attributes:
        begun_by: the call that began it.
    """

    submission: OrderSubmission
    begun_by: BegunBy = field(default_factory=BegunBy)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The portfolios of a new submission: how many orders each has, in the order in which they are sent.

    Attributes:
        named: the caller named them, so each of them must be taken; otherwise as many as may be.
        approvals: how it is decided whether they may be sent.
    """

    counts: Mapping[str, int]
    named: bool
    approvals: Approvals


class OrderStore(Protocol):
    """Keeps submissions, their portfolios and orders, and the batches that these are sent in."""

    def new_id(self) -> str:
        """An id that nothing else has."""

    def now(self) -> datetime:
        """The time of the database, UTC, to the millisecond: one clock for all servers."""

    def submit(
        self,
        order: SubmissionOrder,
        candidates: Candidates,
        lease: Lease,
        request: Request | None,
    ) -> OrderSubmission:
        """Store a new submission of portfolios that are approved and were not submitted, as one step.

        Where the same request has begun one before, answer that. The portfolios and orders of what is stored
        are counted here, for which may be taken is known here alone.

        Raises:
            AlreadySubmitted: a named portfolio was.
            ApprovalMissing: a named portfolio is not approved.
            PreconditionFailed: there is nothing to submit, or the run goes on.
            NotFound: the run is not there any more.
            Aborted: another submission takes the same portfolios at this moment.
            InvalidArgument: the request id was used for another call.
        """

    def first_of(self, request: Request) -> OrderSubmission | None:
        """The submission that the same request has begun.

        Raises:
            InvalidArgument: it was another call's.
        """

    def get(self, submission_id: str) -> OrderSubmission:
        """Read a submission. Raises NotFound."""

    def renew(self, submission_id: str, lease: Lease) -> bool:
        """Hold a submission for longer; is it to be cancelled? Raises LeaseLost."""

    def take_over(self, lease: Lease) -> SubmissionOrder | None:
        """Take a submission whose lease has run out, if there is one."""

    def leave(self, lease: Lease) -> None:
        """We hold a submission no longer, whatever became of it."""

    def request_cancel(self, submission_id: str, by: Subject, time: datetime) -> OrderSubmission:
        """Ask whoever carries out a submission to cancel it; who asks first is an event. Raises NotFound."""

    def to_be_cancelled(self) -> Collection[str]:
        """Submissions that go on, whoever holds them, and are to be cancelled."""

    def write(self, submission_id: str, lease: Lease, changes: Changes) -> OrderSubmission:
        """Write changes of a submission that we hold, as one step; its end is an event.

        Where approvals are asked for, the reviews of their portfolios are read, and marked as read, in the
        same step: a review that comes at this moment is either seen, or comes after it.

        Raises:
            LeaseLost: another server has it, or it has ended.
            MarkTaken: the mark of a new batch is another's.
            NotApproved: a portfolio is not approved.
            TradedByAnother: another run trades a portfolio, or has since `alone_since`.
        """

    def is_cancelled(self, submission_id: str, lease: Lease) -> bool:
        """Whether a submission that we hold is to be cancelled. Raises LeaseLost."""

    def open_batches(self, submission_id: str) -> Sequence[OrderBatch]:
        """Batches for which something is to be done, by their marks."""

    def orders_of_batch(self, batch_id: str) -> Sequence[Order]:
        """All orders of a batch, in the order in which they are sent."""

    def orders_of_portfolios(self, rebalance_id: str, portfolio_ids: Collection[str]) -> Sequence[Order]:
        """All orders of portfolios that were written down."""

    def portfolios(self, rebalance_id: str, portfolio_ids: Collection[str]) -> Sequence[SubmittedPortfolio]:
        """Those of these portfolios that were submitted."""

    def portfolios_left(
        self, submission_id: str, left: Left, limit: int, after: int = -1
    ) -> Sequence[SubmittedPortfolio]:
        """The first portfolios after a place of which so much is not written down."""

    def portfolio_states(
        self, rebalance_id: str, portfolio_ids: Collection[str]
    ) -> Mapping[str, PortfolioOrderState]:
        """What became of the orders of portfolios; nothing of those that were not submitted.

        Args:
            rebalance_id: the run.
            portfolio_ids: of a page: it is as fast to read all from the first to the last as it is for these.
        """

    def changed_after(
        self, submission_id: str, sequence: int, until: int, limit: int
    ) -> Sequence[Order | SubmittedPortfolio]:
        """Orders and stale portfolios by their last change, after a sequence and up to another."""

    def find(
        self, rebalance_id: str, page: PageRequest, portfolio_id: str, state: OrderState | None
    ) -> Page[Order]:
        """Read a page of a run's orders, by portfolio and security. Raises NotFound, InvalidArgument."""

    def marked(self, rebalance_id: str) -> Sequence[Order]:
        """All orders of a run that were written down to be sent, by portfolio and security."""

    def in_doubt_since(self) -> datetime | None:
        """Since when the order that is in doubt longest is, of all submissions; None where none is."""
