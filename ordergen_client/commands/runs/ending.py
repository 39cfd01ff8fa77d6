"""How a command that follows a run or a submission ends: told by its exit code, whatever became of it."""

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
    with _left_going(f"Run {rebalance_id}", _back("runs", rebalance_id, server), server):
        yield


@contextmanager
def submitting(request_id: str, rebalance_id: str, server: Server) -> Iterator[None]:
    """A block that submits orders; where its answer is lost, it says how to come to know."""
    again = (
        f"  What there is:   ordergen runs events {rebalance_id}{server.named}\n"
        f"  The same again:  the same command with --request-id {request_id}, which sends nothing twice"
    )
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        raise Interrupted(f"Interrupted, and the orders may be on their way.\n{again}") from None
    except OrderGenerationError as error:
        if not is_of_the_way(error):
            raise
        failed = unreachable(server.target, server.tls, server.timeout_seconds, error)
        raise Unreachable(f"{failed.message}\nThe orders may be on their way.\n{again}") from error


@contextmanager
def sending_on(submission_id: str, server: Server) -> Iterator[None]:
    """A block that follows a submission, as `going_on` has it of runs."""
    with _left_going(f"Submission {submission_id}", _back("submissions", submission_id, server), server):
        yield


@contextmanager
def _left_going(what: str, back: str, server: Server) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        raise Interrupted(f"Interrupted. {what} goes on.\n{back}") from None
    except OrderGenerationError as error:
        if not is_of_the_way(error):
            raise
        failed = unreachable(server.target, server.tls, server.timeout_seconds, error)
        raise Unreachable(f"{failed.message}\n{what} goes on if it does.\n{back}") from error


def _back(noun: str, its_id: str, server: Server) -> str:
    return (
        f"  Come back to it: ordergen {noun} watch {its_id}{server.named}\n"
        f"  Cancel it:       ordergen {noun} cancel {its_id}{server.named}"
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
