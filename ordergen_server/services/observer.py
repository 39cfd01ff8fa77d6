"""What runs and their portfolios tell whoever observes them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Protocol

import optimizer
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState


class Stage(StrEnum):
    """A part of the work on portfolios."""

    MARKET = "market"
    """Tickers and prices of a run."""
    READ = "read"
    """Holdings and name of one portfolio."""
    SOLVE = "solve"
    """One batch: valuation, orders, the story of each line."""
    STORE = "store"
    """The results of a chunk or a part of it, or of a run of one portfolio."""


class SolveMethod(StrEnum):
    """How the orders of a portfolio were found."""

    TOGETHER = "together"
    ALONE = "alone"


#: What can be known of the orders of a portfolio.
SOLVE_STATUSES = tuple(status.name for status in optimizer.Status)


class RunObserver(Protocol):
    """Hears of runs; it must be quick, and raise nothing."""

    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        """A block that is a part of the work."""

    def solved(self, method: SolveMethod, status: str, seconds: float, portfolios: int = 1) -> None:
        """Portfolios were solved in so much time each; `status` is the optimizer's name of what is known."""

    def stored(self, counts: Mapping[PortfolioState, int]) -> None:
        """Results were stored, so many of each state."""

    def run(self, rebalance_id: str, *, taken_over: bool) -> AbstractContextManager[None]:
        """A block in which a run of a model is carried out here; taken over from another server, or begun."""

    def lease_lost(self) -> None:
        """A run that was carried out here has another server now, or has ended."""

    def run_ended(self, state: RebalanceState) -> None:
        """The end of a run was stored."""


class _Unobserved:
    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        del stage
        return nullcontext()

    def solved(self, method: SolveMethod, status: str, seconds: float, portfolios: int = 1) -> None:
        del method, status, seconds, portfolios

    def stored(self, counts: Mapping[PortfolioState, int]) -> None:
        del counts

    def run(self, rebalance_id: str, *, taken_over: bool) -> AbstractContextManager[None]:
        del rebalance_id, taken_over
        return nullcontext()

    def lease_lost(self) -> None:
        """Nothing."""

    def run_ended(self, state: RebalanceState) -> None:
        del state


#: Nobody listens.
UNOBSERVED: RunObserver = _Unobserved()
