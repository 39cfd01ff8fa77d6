"""What was decided and sent of a run, as its page and its workbook tell it: read before the run is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from ordergen_client.records.orders.states import ActionType, OrderState
from ordergen_client.records.orders.values import Action, Order
from ordergen_client.records.reviews import PortfolioReview, ReviewCounts
from ordergen_client.records.states import PortfolioOrderState
from ordergen_client.records.values import PortfolioRebalance, Rebalance

#: How many orders that the order service does not have are told one by one.
LISTED: Final = 100
#: How much of what was decided is read at once.
PAGE: Final = 1_000
_UNDECIDED: Final = {ActionType.STARTED, ActionType.CANCELLED}
_REVIEWS: Final = {"PENDING": "Pending", "APPROVED": "Approved", "REJECTED": "Rejected"}
_STATES: Final = {
    "WAITING": "Wait for their turn",
    "SENDING": "On their way",
    "IN_DOUBT": "In doubt: looked for in the order service",
    "SENT": "Sent",
    "REFUSED": "At least one refused",
    "NOT_SENT": "At least one not sent",
    "STALE": "Not sent: out of date",
}
_ORDERS: Final = {
    "SENDING": "on its way",
    "IN_DOUBT": "in doubt",
    "SENT": "sent",
    "REFUSED": "refused",
    "NOT_SENT": "not sent",
}
ACTIONS: Final = {
    "STARTED": "Started the run",
    "CANCELLED": "Cancelled the run",
    "APPROVED": "Approved",
    "REJECTED": "Rejected",
    "SUBMITTED": "Submitted the orders",
    "SUBMISSION_CANCELLED": "Cancelled the submission",
    "SUBMISSION_FINISHED": "The submission ended",
}


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided and sent of a run; nothing where nobody has done either.

    Attributes:
        actions: who did what, oldest first.
        counts: how far its review is.
        portfolios: reviews, and what became of orders, by portfolio.
        orders: what was submitted, by portfolio and security.
    """

    actions: tuple[Action, ...] = ()
    counts: ReviewCounts | None = None
    portfolios: Mapping[str, tuple[PortfolioReview | None, PortfolioOrderState | None]] = field(
        default_factory=dict
    )
    orders: Mapping[tuple[str, str], Order] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.actions)

    @property
    def states(self) -> dict[str, int]:
        """How many orders are in which state."""
        found = Counter(one.state for one in self.orders.values())
        return {_ORDERS.get(state, state): found[state] for state in [*OrderState] if found[state]}

    def review_told(self, portfolio_id: str) -> str:
        """Whether the orders of a portfolio may be sent, and who says so."""
        review, _state = self.portfolios.get(portfolio_id, (None, None))
        if review is None:
            return ""
        named = [*review.approved_by, *review.rejected_by]
        return _REVIEWS.get(review.state, review.state) + (f" by {', '.join(named)}" if named else "")

    def orders_told(self, portfolio_id: str) -> str:
        """What became of the orders of a portfolio."""
        _review, state = self.portfolios.get(portfolio_id, (None, None))
        return _STATES.get(state, state) if state else ""

    def order_told(self, portfolio_id: str, security_id: str) -> str:
        """What became of one order; empty where it was not submitted."""
        order = self.orders.get((portfolio_id, security_id))
        return told(order) if order else ""

    def left(self) -> list[Order]:
        """Orders that the order service does not have, as far as is known."""
        return [one for one in self.orders.values() if one.state is not OrderState.SENT]


NOTHING: Final = Decided()


def told(order: Order) -> str:
    """What became of an order."""
    state = _ORDERS.get(order.state, order.state)
    if order.external_order_id is not None:
        return f"{state}, order {order.external_order_id}"
    return f"{state}: {order.error.message}" if order.error else state


def decided_of(
    run: Rebalance,
    actions: Iterable[Action],
    portfolios: Iterable[PortfolioRebalance],
    orders: Iterable[Order],
) -> Decided:
    """All of it together; portfolios and orders are read where something was decided alone."""
    found = tuple(actions)
    if not is_decided(found):
        return NOTHING
    return Decided(
        found,
        run.review_counts,
        {one.portfolio_id: (one.review, one.order_state) for one in portfolios},
        {(one.portfolio_id, one.security_id): one for one in orders},
    )


def is_decided(actions: Iterable[Action]) -> bool:
    """Whether anything of a run was approved, rejected or sent."""
    return any(one.type not in _UNDECIDED for one in actions)


def sheet_rows(decided: Decided) -> Iterator[tuple[object, ...]]:
    """Who did what, for a sheet."""
    for one in decided.actions:
        proven = "yes" if one.authenticated else "no"
        yield (
            *(f"{one.event_time:%Y-%m-%d %H:%M:%S}", ACTIONS.get(one.type, one.type), one.actor, proven),
            *(Decimal(one.portfolio_count), one.comment, one.submission_id),
        )
