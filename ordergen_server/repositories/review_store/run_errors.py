"""What is said of runs that are not there."""

from ordergen_server.domain.errors import NotFound, Resource


def run_not_found(rebalance_id: str) -> NotFound:
    """The error of a run that there is not."""
    return NotFound(
        f"There is no rebalance {rebalance_id}: ListRebalances names those that there are.",
        metadata={"rebalance_id": rebalance_id},
        resource=Resource("Rebalance", rebalance_id),
    )
