"""Reviewing what a run proposes: people approve or reject it, portfolio by portfolio."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ordergen_server.domain.errors import (
    ApprovalCannotCount,
    NotFound,
    PreconditionFailed,
    Resource,
    Violation,
)
from ordergen_server.domain.orders.ended import check_ended
from ordergen_server.domain.orders.reviews import ApprovalRule, Review, ReviewDecision, ReviewState
from ordergen_server.domain.orders.stores import ProposalStore, ReviewCall, ReviewStore
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.review_tallies import NOT_REVIEWED
from ordergen_server.domain.rebalances.runs import Rebalance
from ordergen_server.domain.requests.violations import broken
from ordergen_server.domain.stores import RebalanceStore
from ordergen_server.domain.subjects import NAME_RULE, X_ACTOR, Subject, current_subject

#: Portfolios that are decided as one step: a transaction must be over soon.
AT_ONCE = 200
#: Ids that are read at once: some databases read all that there are, however few are asked for.
IDS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The review of a portfolio that proposes trades, and what follows from it."""

    review: Review
    state: ReviewState


class Reviewer:
    """The use cases of reviews.

    Args:
        runs: what is stored of runs.
        proposals: which portfolios propose trades.
        reviews: who decided what.
        rule: how many must approve.
        clock: the time now, UTC.
        subject: who decides.
    """

    def __init__(
        self,
        *,
        runs: RebalanceStore,
        proposals: ProposalStore,
        reviews: ReviewStore,
        rule: ApprovalRule,
        clock: Callable[[], datetime],
        subject: Callable[[], Subject] = current_subject,
    ) -> None:
        self._runs = runs
        self._proposals = proposals
        self._reviews = reviews
        self.rule = rule
        self._clock = clock
        self._subject = subject

    def review(
        self, rebalance_id: str, portfolio_ids: Sequence[str], decision: ReviewDecision, comment: str
    ) -> Rebalance:
        """Approve or reject portfolios of a run that has ended; none named are all that are pending.

        They are decided some at a time. Who repeats a call that was cut short changes what is left alone:
        what is decided already stays as it is, and is no second event.

        Raises:
            InvalidArgument: nobody knows who decides.
            NotFound: there is no such run, or a portfolio is none of it.
            PreconditionFailed: it goes on, or a portfolio proposes no trades.
            ApprovalCannotCount: two must approve, and who began the run is none of them.
            AlreadySubmitted: orders of a portfolio that is named were written down to be sent.
        """
        by = self._subject()
        if not by.name:
            raise broken(X_ACTOR, f"{NAME_RULE}: a review needs somebody who decides")
        run = self._runs.get(rebalance_id)
        check_ended(run)
        self._check_counts(run, by, decision, portfolio_ids)
        call = ReviewCall(
            rebalance_id, by, decision, comment, self._clock(), named=bool(portfolio_ids), rule=self.rule
        )
        for some in _portions(portfolio_ids):
            self._check_trading(rebalance_id, some)
            self._reviews.check(call, some)
        event = 0
        for some in _portions(portfolio_ids) if portfolio_ids else self._trading(rebalance_id):
            event = self._reviews.decide(call, some, event)
        return self._runs.get(rebalance_id)

    def reviewed(self, run: Rebalance, results: Collection[PortfolioRebalance]) -> dict[str, Reviewed]:
        """The reviews of results of a run by portfolio, of those that propose trades."""
        ids = [one.portfolio_id for one in results if one.state is PortfolioState.REBALANCED]
        found = self._reviews.of(run.rebalance_id, ids) if run.reviewed != NOT_REVIEWED else {}
        return {one: self._reviewed(found.get(one, Review()), run.actor) for one in ids}

    def unreviewed(self) -> Reviewed:
        """The review of a portfolio of which nobody has decided."""
        return self._reviewed(Review(), "")

    def _reviewed(self, review: Review, starter: str) -> Reviewed:
        return Reviewed(review, self.rule.state(review, starter))

    def _check_counts(
        self, run: Rebalance, by: Subject, decision: ReviewDecision, portfolio_ids: Sequence[str]
    ) -> None:
        """Raise ApprovalCannotCount of an approval that would count for nothing."""
        if decision is ReviewDecision.REJECTED or self.rule.counted(Review((by.name,)), run.actor):
            return
        raise ApprovalCannotCount(
            f"{by.name} began rebalance {run.rebalance_id}: {self.rule.approvals} others must approve it.",
            metadata={
                "rebalance_id": run.rebalance_id,
                **({"portfolio_id": portfolio_ids[0]} if portfolio_ids else {}),
            },
        )

    def _check_trading(self, rebalance_id: str, portfolio_ids: Sequence[str]) -> None:
        """Raise NotFound, or PreconditionFailed, of portfolios of which there is nothing to decide."""
        states = self._proposals.states(rebalance_id, portfolio_ids)
        for one in portfolio_ids:
            if one not in states:
                raise NotFound(
                    f"Rebalance {rebalance_id} has no portfolio {one}: ListPortfolioRebalances names those"
                    " that it has.",
                    metadata={"rebalance_id": rebalance_id, "portfolio_id": one},
                    resource=Resource("PortfolioRebalance", f"{rebalance_id}/{one}"),
                )
        rule = "proposes no trades: there is nothing to decide"
        idle = [one for one in portfolio_ids if states[one] is not PortfolioState.REBALANCED]
        if idle:
            raise PreconditionFailed(
                f"Portfolio {idle[0]} {rule}.",
                metadata={"rebalance_id": rebalance_id, "portfolio_id": idle[0]},
                violations=[Violation(one, rule, "NO_TRADES") for one in idle],
            )

    def _trading(self, rebalance_id: str) -> Iterator[Sequence[str]]:
        """All portfolios that propose trades, some at a time."""
        ids = self._proposals.trading(rebalance_id, "", IDS_AT_ONCE)
        while ids:
            yield from _portions(ids)
            ids = self._proposals.trading(rebalance_id, ids[-1], IDS_AT_ONCE)


def _portions(portfolio_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (portfolio_ids[start : start + AT_ONCE] for start in range(0, len(portfolio_ids), AT_ONCE))
