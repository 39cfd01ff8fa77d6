"""How a command that follows a run ends: told by its exit code, whatever became of the run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ordergen_client.commands.shared.failures import (
    NEEDS_A_LOOK,
    Failure,
    Interrupted,
    Unreachable,
    is_of_the_way,
    told,
    unreachable,
)
from ordergen_client.commands.shared.servers import Server
from ordergen_client.errors import OrderGenerationError
from ordergen_client.records.states import PortfolioState, RebalanceState
from ordergen_client.records.values import Rebalance


@contextmanager
def starting(request_id: str, server: Server) -> Iterator[None]:
    """A block that starts a run; an interrupt says that it may have begun, and how to come to it."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        raise Interrupted(
            "Interrupted, and the run may have begun.\n"
            f"  What there is:   ordergen runs list{server.named}\n"
            f"  The same again:  the same command with --request-id {request_id}, which starts no second run"
        ) from None


@contextmanager
def going_on(rebalance_id: str, server: Server) -> Iterator[None]:
    """A block that follows a run; where it is cut off, it says that the run goes on, and how to come back."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        raise Interrupted(
            f"Interrupted. Run {rebalance_id} goes on.\n{_back(rebalance_id, server)}"
        ) from None
    except OrderGenerationError as error:
        if not is_of_the_way(error):
            raise
        failed = unreachable(server.target, server.tls, server.timeout_seconds, error)
        raise Unreachable(
            f"{failed.message}\nRun {rebalance_id} goes on if it does.\n{_back(rebalance_id, server)}"
        ) from error


def _back(rebalance_id: str, server: Server) -> str:
    return (
        f"  Come back to it: ordergen runs watch {rebalance_id}{server.named}\n"
        f"  Cancel it:       ordergen runs cancel {rebalance_id}{server.named}"
    )


def end_as(run: Rebalance | None) -> None:
    """Leave with the exit code that says how a run ended: 1, 3, or not at all."""
    if run is None or run.state is RebalanceState.RUNNING:
        raise Failure("The stream of the run ended before the run did: ordergen runs watch comes back to it.")
    if run.error:
        raise Failure(told(run.error))
    if run.state is RebalanceState.CANCELLED:
        raise Failure("The run was cancelled.")
    counts = run.counts
    if counts.get(PortfolioState.FAILED, 0) + counts.get(PortfolioState.INFEASIBLE, 0):
        sys.exit(NEEDS_A_LOOK)
