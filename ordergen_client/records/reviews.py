"""Whether orders may be sent, as records."""

from dataclasses import dataclass

from ordergen_client.records.states import ReviewState


@dataclass(frozen=True, slots=True)
class PortfolioReview:
    """Whether the orders of a portfolio may be sent, and whose latest decision is which, by their names."""

    state: ReviewState
    approved_by: tuple[str, ...] = ()
    rejected_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """How many of the portfolios of a run that propose trades are in which state of their review."""

    pending: int
    approved: int
    rejected: int
