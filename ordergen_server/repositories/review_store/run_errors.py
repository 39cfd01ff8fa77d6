"""The errors of runs that are not there, or go on."""

from ordergen_server.domain.errors import NotFound, PreconditionFailed, Resource, Violation


def run_not_found(rebalance_id: str) -> NotFound:
    """The error of a run that there is not."""
    return NotFound(
        f"There is no rebalance {rebalance_id}: ListRebalances names those that there are.",
        metadata={"rebalance_id": rebalance_id},
        resource=Resource("Rebalance", rebalance_id),
    )


def still_running(rebalance_id: str) -> PreconditionFailed:
    """The error of a run that has to end first."""
    rule = "must have ended: await its end, or cancel it first"
    return PreconditionFailed(
        f"Rebalance {rebalance_id} {rule}.", violations=[Violation(rebalance_id, rule, "RUNNING")]
    )
