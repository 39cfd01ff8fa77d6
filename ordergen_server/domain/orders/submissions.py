"""Submissions: the orders of approved portfolios of a run on their way to the order service."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.orders.orders import Order, OrderState
from ordergen_server.domain.orders.reviews import ApprovalRule


class SubmissionState(Enum):
    """How far a submission is."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class PortfolioOrderState(Enum):
    """What became of the orders of a portfolio together; in the order in which one says more than others."""

    IN_DOUBT = "IN_DOUBT"
    SENDING = "SENDING"
    WAITING = "WAITING"
    STALE = "STALE"
    REFUSED = "REFUSED"
    NOT_SENT = "NOT_SENT"
    SENT = "SENT"


#: Something may become of its orders still.
UNSETTLED = frozenset(
    {PortfolioOrderState.IN_DOUBT, PortfolioOrderState.SENDING, PortfolioOrderState.WAITING}
)


class Left(Enum):
    """Which orders of a portfolio are not written down yet."""

    ALL = "ALL"
    BUYS = "BUYS"
    NOTHING = "NOTHING"


@dataclass(frozen=True, slots=True)
class OrderSubmission:
    """A submission as it stands.

    Attributes:
        counts: orders by state; those that are in none wait for their turn.
        actor: who submitted, as credentials say where it is `authenticated`; empty where nobody is known.
        sequence: of its last change; its beginning is 1.
        cut_short: orders were not sent because a caller cancelled.
    """

    submission_id: str
    rebalance_id: str
    state: SubmissionState
    create_time: datetime
    portfolio_count: int
    order_count: int
    sells_first: bool = False
    actor: str = ""
    authenticated: bool = False
    counts: dict[OrderState, int] = field(default_factory=dict)
    stale_portfolio_count: int = 0
    finish_time: datetime | None = None
    error: OrderGenerationError | None = None
    version: int = 1
    sequence: int = 1
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class SubmittedPortfolio:
    """A portfolio of a submission.

    Attributes:
        place: in the submission, from 0.
        order_count: how many orders it has in all.
        left: which of them are not written down.
        stale: why its proposal was found out of date.
        sequence: of the message that tells that; 0 where none does.
    """

    submission_id: str
    rebalance_id: str
    portfolio_id: str
    place: int
    order_count: int
    left: Left = Left.ALL
    state: PortfolioOrderState = PortfolioOrderState.WAITING
    stale: OrderGenerationError | None = None
    sequence: int = 0

    def standing(self, states: Collection[OrderState]) -> "SubmittedPortfolio":
        """The same with what its orders, in these states, make of it."""
        return replace(self, state=_state(self, states))


def _state(portfolio: SubmittedPortfolio, states: Collection[OrderState]) -> PortfolioOrderState:
    found = {PortfolioOrderState[one.name] for one in states}
    if portfolio.left is not Left.NOTHING:
        found.add(PortfolioOrderState.WAITING)
    if portfolio.stale:
        found.add(PortfolioOrderState.STALE)
    return next((one for one in PortfolioOrderState if one in found), PortfolioOrderState.NOT_SENT)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of a batch in the order service, after all of it was read.

    Attributes:
        time: by the clock of the database, UTC.
        seen: the same text for the same orders.
    """

    time: datetime
    seen: str


@dataclass(frozen=True, slots=True)
class OrderBatch:
    """Orders that are sent together, under one mark.

    Attributes:
        mark: the microsecond that no other batch has or will have.
        attempting: an attempt was written down, and what became of it was not.
        sending: how many of its orders are SENDING.
        in_doubt: how many are IN_DOUBT.
        awaited: buys wait until its sells are FULL.
        sighting: the first of two that must agree before anything is sent again.
        doubted_at: since when there is doubt, by the clock of the database; sending again what was missing
            does not end it.
    """

    batch_id: str
    submission_id: str
    rebalance_id: str
    mark: int
    attempting: bool = False
    sending: int = 0
    in_doubt: int = 0
    awaited: bool = False
    sighting: Sighting | None = None
    doubted_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether something is to be done for it."""
        return self.attempting or self.awaited or bool(self.sending or self.in_doubt)

    def standing(self, orders: Iterable[Order]) -> "OrderBatch":
        """The same with the numbers of its orders, all of them."""
        states = [one.state for one in orders]
        sending, in_doubt = states.count(OrderState.SENDING), states.count(OrderState.IN_DOUBT)
        return replace(
            self,
            sending=sending,
            in_doubt=in_doubt,
            sighting=self.sighting if in_doubt else None,
            doubted_at=self.doubted_at if in_doubt or sending else None,
        )


@dataclass(frozen=True, slots=True)
class Approvals:
    """What must be approved at the moment of a change, and how that is decided.

    Attributes:
        starter: who began the run.
        portfolio_ids: those whose review must let their orders be sent.
    """

    rule: ApprovalRule
    starter: str
    portfolio_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What whoever holds a submission writes down as one step.

    Attributes:
        orders: each as it is to be, after the state that it was in; None of one that is new.
        portfolios: as they are to be; one that is stale for the first time has sequence 0.
        batches: as they are to be.
        new_batches: which of those are new.
        approvals: nothing is written where one of these is not approved.
        alone_since: nor where another run trades one of them, or has since then; None: that is no matter.
        cut_short: orders are not sent because a caller cancelled.
        end: the submission ends like this.
        error: why it FAILED.
        finish_time: when.
    """

    orders: tuple[tuple[OrderState | None, Order], ...] = ()
    portfolios: tuple[SubmittedPortfolio, ...] = ()
    batches: tuple[OrderBatch, ...] = ()
    new_batches: tuple[OrderBatch, ...] = ()
    approvals: Approvals | None = None
    alone_since: datetime | None = None
    cut_short: bool = False
    end: SubmissionState | None = None
    error: OrderGenerationError | None = None
    finish_time: datetime | None = None


def counted(
    submission: OrderSubmission, changes: Changes
) -> tuple[OrderSubmission, tuple[Order, ...], tuple[SubmittedPortfolio, ...]]:
    """A submission after changes, which count it on; and what changed, with the sequences of its messages."""
    counts = dict(submission.counts)
    sequence, orders, portfolios = submission.sequence, [], []
    for before, order in changes.orders:
        if before:
            counts[before] -= 1
        counts[order.state] = counts.get(order.state, 0) + 1
        sequence += 1
        orders.append(replace(order, sequence=sequence))
    stale = 0
    for portfolio in changes.portfolios:
        told = portfolio
        if portfolio.stale and not portfolio.sequence:
            sequence, stale = sequence + 1, stale + 1
            told = replace(portfolio, sequence=sequence)
        portfolios.append(told)
    after = replace(
        submission,
        counts=counts,
        stale_portfolio_count=submission.stale_portfolio_count + stale,
        sequence=sequence + bool(changes.end),
        version=submission.version + 1,
        cut_short=submission.cut_short or changes.cut_short,
        state=changes.end or submission.state,
        error=changes.error,
        finish_time=changes.finish_time,
    )
    return after, tuple(orders), tuple(portfolios)


def end_of(submission: OrderSubmission) -> SubmissionState:
    """How a submission ends of which nothing is left to do."""
    if submission.cut_short:
        return SubmissionState.CANCELLED
    whole = submission.counts.get(OrderState.SENT, 0) == submission.order_count
    well = whole and not submission.stale_portfolio_count
    return SubmissionState.COMPLETED if well else SubmissionState.COMPLETED_WITH_ERRORS


def by_portfolio(orders: Iterable[Order]) -> Mapping[str, list[Order]]:
    """Orders by the ids of their portfolios."""
    found: dict[str, list[Order]] = {}
    for one in orders:
        found.setdefault(one.portfolio_id, []).append(one)
    return found
