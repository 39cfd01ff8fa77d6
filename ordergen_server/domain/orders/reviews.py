"""Reviews: whether the orders of a portfolio may be sent."""

from dataclasses import dataclass
from enum import Enum


class ReviewState(Enum):
    """How far the review of a portfolio that proposes trades is."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Review:
    """Whose latest decision is which, by the names of people; nobody is in both."""

    approved_by: tuple[str, ...] = ()
    rejected_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """How many different people must approve.

    Attributes:
        approvals: 0 to 2; of 2, whoever started the run counts as none.
    """

    approvals: int

    def state(self, review: Review, starter: str) -> ReviewState:
        """The state of a review, of a run that `starter` began; anybody who rejects stops it."""
        if review.rejected_by:
            return ReviewState.REJECTED
        enough = len(self.counted(review, starter)) >= self.approvals
        return ReviewState.APPROVED if enough else ReviewState.PENDING

    def counted(self, review: Review, starter: str) -> frozenset[str]:
        """The approvals that count."""
        without = {starter} if self.approvals > 1 else set()
        return frozenset(review.approved_by) - without
