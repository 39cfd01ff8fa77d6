"""What the contract has of orders, as plain frozen records; names and meanings are its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ordergen_client.errors import OrderGenerationError
from ordergen_client.records.orders.states import ActionType, DifferenceType, OrderState, SubmissionState
from ordergen_client.records.states import Side


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it was written down before it was sent.

    Attributes:
        order_id: here.
        quantity: whole shares, at least 1.
        external_order_id: its id in the order service; None where it is not SENT.
        order_timestamp: the mark that it carries there, UTC; None while it has none.
        attempt_count: how often it was sent; more than once only after the order service did not have it.
        error: why it is REFUSED, IN_DOUBT or NOT_SENT.
    """

    order_id: str
    rebalance_id: str
    submission_id: str
    portfolio_id: str
    security_id: str
    ticker: str
    side: Side
    quantity: int
    state: OrderState
    external_order_id: int | None
    order_timestamp: datetime | None
    attempt_count: int
    error: OrderGenerationError | None = None


@dataclass(frozen=True, slots=True)
class OrderSubmission:
    """Orders of approved portfolios of a run on their way to the order service.

    Attributes:
        portfolio_count: over how many portfolios it is.
        stale_portfolio_count: how many of them were found out of date.
        order_count: over how many orders it is, those of stale portfolios included.
        counts: how many orders are in which state; the others wait for their turn.
        sells_first: buys wait until the sells of their portfolio are FULL.
        actor: who submitted; empty where nobody is known.
        finish_time: None while it goes on.
        error: why it stopped, where it FAILED.
    """

    submission_id: str
    rebalance_id: str
    state: SubmissionState
    portfolio_count: int
    stale_portfolio_count: int
    order_count: int
    counts: Mapping[OrderState, int]
    sells_first: bool
    actor: str
    create_time: datetime
    finish_time: datetime | None
    error: OrderGenerationError | None
    version: int


@dataclass(frozen=True, slots=True)
class StalePortfolio:
    """A portfolio that needs a new run: `error` names each difference from what its run saw."""

    portfolio_id: str
    error: OrderGenerationError


@dataclass(frozen=True, slots=True)
class SubmissionEvent:
    """One step of a submission; exactly one of started, order, stale_portfolio and finished is there."""

    sequence: int
    started: OrderSubmission | None = None
    order: Order | None = None
    stale_portfolio: StalePortfolio | None = None
    finished: OrderSubmission | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """Who did what with a run, and when.

    Attributes:
        actor: empty where nobody is known.
        authenticated: whether the actor is who credentials say, and not who they say they are.
        comment: of a review.
        portfolio_count: over how many portfolios.
        portfolio_ids: which, at most 100 of them.
        submission_id: of what is about a submission.
    """

    type: ActionType
    event_time: datetime
    actor: str
    authenticated: bool
    comment: str
    portfolio_count: int
    portfolio_ids: tuple[str, ...]
    submission_id: str


@dataclass(frozen=True, slots=True)
class OrderBlock:
    """All approved portfolios that trade a security in one direction.

    Attributes:
        quantity: whole shares, over all of them.
        value: at the price of the run, in money, exact.
    """

    security_id: str
    ticker: str
    side: Side
    quantity: int
    value: Decimal
    portfolio_count: int


@dataclass(frozen=True, slots=True)
class FillAllocation:
    """What one portfolio gets of what was filled of a block, in whole shares."""

    portfolio_id: str
    ordered_quantity: int
    allocated_quantity: int


@dataclass(frozen=True, slots=True)
class OrderDifference:
    """An order of which we and the order service say different things.

    Attributes:
        order: as it is here; None of UNKNOWN.
        external_order_ids: the ids in the order service that this is about.
        description: in words, with numbers.
    """

    type: DifferenceType
    order: Order | None
    external_order_ids: tuple[int, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared with the order service, and what differs; at most 1,000 of `difference_count`."""

    compared_count: int
    difference_count: int
    differences: tuple[OrderDifference, ...]
