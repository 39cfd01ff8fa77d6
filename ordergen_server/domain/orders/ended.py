"""What is done with a run only once it has ended."""

from ordergen_server.domain.errors import PreconditionFailed, Violation
from ordergen_server.domain.rebalances import Rebalance, RebalanceState


def still_running(rebalance_id: str) -> PreconditionFailed:
    """The error of a run that has to end first."""
    rule = "must have ended: await its end, or cancel it first"
    return PreconditionFailed(
        f"Rebalance {rebalance_id} {rule}.",
        metadata={"rebalance_id": rebalance_id},
        violations=[Violation(rebalance_id, rule, "RUNNING")],
    )


def check_ended(run: Rebalance) -> None:
    """Raise PreconditionFailed of a run that goes on."""
    if run.state is RebalanceState.RUNNING:
        raise still_running(run.rebalance_id)
