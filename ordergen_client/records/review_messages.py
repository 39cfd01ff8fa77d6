"""Reviews and states of orders, out of the messages of a run and its portfolios."""

from globeco.ordergen.v1 import rebalance_pb2 as pb

from ordergen_client.records.enums import Members
from ordergen_client.records.reviews import PortfolioReview, ReviewCounts
from ordergen_client.records.states import PortfolioOrderState, ReviewState

_STATES = Members(pb.ReviewState, "REVIEW_STATE_", ReviewState)
_ORDER_STATES = Members(pb.PortfolioOrderState, "PORTFOLIO_ORDER_STATE_", PortfolioOrderState)


def review_counts(run: pb.Rebalance) -> ReviewCounts | None:
    """How far the review of a run is; None where it goes on, or no portfolio trades."""
    if not run.HasField("review_counts"):
        return None
    counts = run.review_counts
    return ReviewCounts(counts.pending_count, counts.approved_count, counts.rejected_count)


def portfolio_review(portfolio: pb.PortfolioRebalance) -> PortfolioReview | None:
    """Whether the orders of a portfolio may be sent; None where it proposes none, and in streams."""
    if not portfolio.HasField("review"):
        return None
    review = portfolio.review
    return PortfolioReview(_STATES[review.state], tuple(review.approved_by), tuple(review.rejected_by))


def order_state(portfolio: pb.PortfolioRebalance) -> PortfolioOrderState | None:
    """What became of its orders; None where it was not submitted, and in streams."""
    return _ORDER_STATES[portfolio.order_state] if portfolio.order_state else None
