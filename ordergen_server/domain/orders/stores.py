"""What reviews, blocks and fills need of a database; the repositories keep these promises.

Every method raises DatabaseUnavailable and DeadlineExceeded as those of `domain.stores` do.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ordergen_server.domain.orders.events import RebalanceEvent
from ordergen_server.domain.orders.reviews import ApprovalRule, Review, ReviewDecision
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.domain.subjects import Subject


class ProposalStore(Protocol):
    """Knows which portfolios of a run propose trades."""

    def trading(self, rebalance_id: str, after: str, limit: int) -> Sequence[str]:
        """Those with ids above `after`, in the order of their ids, at most so many."""

    def states(self, rebalance_id: str, portfolio_ids: Collection[str]) -> Mapping[str, PortfolioState]:
        """What became of portfolios; those that the run is not over have none."""


@dataclass(frozen=True, slots=True)
class ReviewCall:
    """One call that decides of portfolios of a run.

    Attributes:
        by: who decides.
        named: the caller names the portfolios; otherwise those are meant that are pending.
        rule: what pending is.
    """

    rebalance_id: str
    by: Subject
    decision: ReviewDecision
    comment: str
    time: datetime
    named: bool
    rule: ApprovalRule


class ReviewStore(Protocol):
    """Keeps whose latest decision is which, of portfolios that propose trades."""

    def check(self, call: ReviewCall, portfolio_ids: Sequence[str]) -> None:
        """Raise what `decide` would raise, as things stand: before anything of a call is done."""

    def decide(self, call: ReviewCall, portfolio_ids: Sequence[str], event: int = 0) -> int:
        """Note a decision of portfolios, and the event with it, as one step.

        What decides nothing new changes nothing, and is no event. A portfolio whose orders were written down
        to be sent is passed over, unless it was named.

        Args:
            call: what is decided.
            portfolio_ids: not very many: they are changed as one step.
            event: the number of the event of the same call, where there is one: it tells of these, too.

        Returns:
            The number of the event; 0 where nothing was decided yet.

        Raises:
            NotFound: there is no such run.
            PreconditionFailed: it goes on.
            AlreadySubmitted: orders of a portfolio that was named were written down to be sent.
        """

    def of(self, rebalance_id: str, portfolio_ids: Collection[str]) -> Mapping[str, Review]:
        """The reviews of portfolios; those that nobody has decided of have none.

        Args:
            rebalance_id: the run.
            portfolio_ids: of a page: it is as fast to read all from the first to the last as it is for these.
        """


class EventStore(Protocol):
    """Keeps what was done with runs."""

    def find(self, rebalance_id: str, page: PageRequest) -> Page[RebalanceEvent]:
        """Read a page of events, oldest first; also of a run that was deleted.

        Raises:
            NotFound: there is no such run, and was none.
            InvalidArgument: the token is another list's.
        """
