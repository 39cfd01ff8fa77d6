"""A run as a whole, and what is told of it as it goes on."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum

from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.rebalances.options import RebalanceOptions, Unpriced
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.summaries import RebalanceSummary


class RebalanceState(Enum):
    """How far a run is."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Rebalance:
    """A run: its model as it was then, how far it is, and how many portfolios ended in which state.

    A run that another service carried out may lack what that one did not keep: its `model_version` is then 0,
    its `options` are None, and portfolios that `counts` has not are some of which nothing is known but that
    they failed.

    Attributes:
        actor: who began it; empty of runs stored before it was known, and where nobody is.
        partial: it is over some of the model's portfolios alone, those that were asked for.
        draft: it has positions in place of the model's own, and is stored nowhere.
        summary: the sums over its portfolios so far, of those that `counts` has; None where it is not known:
            of runs stored before it was, and of those of another service.
        not_traded: so many of those that were skipped are not to be traded by their settings.
    """

    rebalance_id: str
    model_id: str
    model_name: str
    model_version: int
    state: RebalanceState
    create_time: datetime
    rebalance_date: date
    portfolio_count: int
    options: RebalanceOptions | None
    finish_time: datetime | None = None
    counts: dict[PortfolioState, int] = field(default_factory=dict)
    error: OrderGenerationError | None = None
    version: int = 1
    actor: str = ""
    partial: bool = False
    draft: bool = False
    summary: RebalanceSummary | None = None
    not_traded: int = 0

    @property
    def oldest_price_date(self) -> date | None:
        """The day of which its prices must be at least; None where any will do."""
        days = self.options.maximum_price_age_days if self.options else None
        return None if days is None else self.rebalance_date - timedelta(days=days)

    @property
    def freezes(self) -> bool:
        """Whether securities without a usable price stay as they are."""
        return self.options is not None and self.options.unpriced is Unpriced.FREEZE


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run has begun."""

    rebalance: Rebalance


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run has ended."""

    rebalance: Rebalance


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One step of a run; sequences count from 1 without gaps."""

    sequence: int
    event: RunStarted | PortfolioRebalance | RunFinished
