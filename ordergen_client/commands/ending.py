"""How a command that follows a run ends: told by its exit code, whatever became of the run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ordergen_client.commands.failures import NEEDS_A_LOOK, Failure, InterruptedRun, told
from ordergen_client.commands.options import Server
from ordergen_client.records.states import PortfolioState, RebalanceState
from ordergen_client.records.values import Rebalance


@contextmanager
def going_on(rebalance_id: str, server: Server) -> Iterator[None]:
    """A block that follows a run; an interrupt says that the run goes on, and how to come back to it."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        raise InterruptedRun(rebalance_id, server.named) from None


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
