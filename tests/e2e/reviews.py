"""People who review a run over the real port, and what they see of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from globeco.ordergen.v1 import order_pb2, rebalance_pb2, rebalance_service_pb2

from tests.e2e.api import Api
from tests.limits import PATIENCE

pb = order_pb2
APPROVED, REJECTED = pb.REVIEW_DECISION_APPROVED, pb.REVIEW_DECISION_REJECTED


@dataclass(frozen=True)
class Person:
    """Someone who says their name, at a server that asks for no credentials."""

    api: Api
    name: str

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("x-actor", self.name),) if self.name else ()

    def run(self, model_id: str) -> rebalance_pb2.Rebalance:
        """A run of a model from its beginning to its end."""
        request = rebalance_service_pb2.RebalanceModelRequest(model_id=model_id)
        *_, last = self.api.rebalances.RebalanceModel(request, timeout=PATIENCE, metadata=self.metadata)
        return last.finished

    def review(
        self,
        rebalance_id: str,
        decision: pb.ReviewDecision.ValueType = APPROVED,
        portfolio_ids: Sequence[str] = (),
        comment: str = "",
    ) -> rebalance_pb2.Rebalance:
        request = pb.ReviewRebalanceRequest(
            rebalance_id=rebalance_id, portfolio_ids=portfolio_ids, decision=decision, comment=comment
        )
        return self.api.rebalances.ReviewRebalance(request, timeout=PATIENCE, metadata=self.metadata)


def counts(run: rebalance_pb2.Rebalance) -> tuple[int, int, int]:
    """Pending, approved, rejected."""
    found = run.review_counts
    return found.pending_count, found.approved_count, found.rejected_count


def listed(api: Api, rebalance_id: str) -> dict[str, rebalance_pb2.PortfolioRebalance]:
    """The portfolios of a run that propose trades."""
    request = rebalance_service_pb2.ListPortfolioRebalancesRequest(
        rebalance_id=rebalance_id, state=rebalance_pb2.PORTFOLIO_REBALANCE_STATE_REBALANCED
    )
    page = api.rebalances.ListPortfolioRebalances(request, timeout=PATIENCE)
    return {one.portfolio_id: one for one in page.portfolio_rebalances}


def events(api: Api, rebalance_id: str) -> list[pb.RebalanceEvent]:
    request = pb.ListRebalanceEventsRequest(rebalance_id=rebalance_id)
    return list(api.rebalances.ListRebalanceEvents(request, timeout=PATIENCE).events)
