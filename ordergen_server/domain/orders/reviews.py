"""Reviews: whether the orders of a portfolio may be sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ordergen_server.domain.review_tallies import ReviewTally

#: Of all names in a review together, in UTF-8: so that a page of 1,000 portfolios stays a message that every
#: client takes. A name has 255 at most, so it is three people or more.
MAXIMUM_NAME_BYTES = 900


class ReviewState(Enum):
    """How far the review of a portfolio that proposes trades is."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class ReviewDecision(Enum):
    """What somebody decides of a portfolio."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Review:
    """Whose latest decision is which, by the names of people; nobody is in both."""

    approved_by: tuple[str, ...] = ()
    rejected_by: tuple[str, ...] = ()

    def decided(self, person: str, decision: ReviewDecision) -> "Review":
        """The same with the latest decision of a person, names in their order."""
        approved, rejected = set(self.approved_by) - {person}, set(self.rejected_by) - {person}
        (approved if decision is ReviewDecision.APPROVED else rejected).add(person)
        return Review(tuple(sorted(approved)), tuple(sorted(rejected)))

    @property
    def name_bytes(self) -> int:
        """What its names take, in UTF-8."""
        return sum(len(name.encode()) for name in (*self.approved_by, *self.rejected_by))


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """How many of the portfolios that propose trades are in which state of their review."""

    pending: int
    approved: int
    rejected: int


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

    def counts(self, tally: ReviewTally, trading: int) -> ReviewCounts:
        """How many portfolios are in which state, of `trading` that propose trades."""
        enough = (trading - tally.rejected, tally.approved_once, tally.approved_twice)
        approved = enough[self.approvals]
        return ReviewCounts(trading - tally.rejected - approved, approved, tally.rejected)


def tally_of(reviews: Iterable[Review], starter: str) -> ReviewTally:
    """What reviews say, of portfolios of a run that `starter` began."""
    rejected = once = twice = 0
    for review in reviews:
        rejected += bool(review.rejected_by)
        once += _would_do(1, review, starter)
        twice += _would_do(2, review, starter)
    return ReviewTally(rejected, once, twice)


def _would_do(approvals: int, review: Review, starter: str) -> bool:
    return ApprovalRule(approvals).state(review, starter) is ReviewState.APPROVED
