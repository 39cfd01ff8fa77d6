"""How portfolios of a model stand once they are read: judged here, or by a process that has nothing to do."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.drifts import DriftState, PortfolioDrift
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.market import Holdings, MarketSnapshot
from ordergen_server.domain.models import Model, without_positions
from ordergen_server.domain.origin import Origin, working_for
from ordergen_server.services.desk.standing import CashBand, standing
from ordergen_server.services.portfolios.portfolio_work import STOPPING, PortfolioWork
from ordergen_server.services.portfolios.readings import Reading
from ordergen_server.services.portfolios.securities import Securities


@dataclass(frozen=True, slots=True)
class Checked:
    """A model as a check of drift finds it.

    Attributes:
        look_id: of this look at it; no other has the same.
        model: without its portfolios, which may be very many.
        portfolio_count: how many it has.
        market: at whose prices its portfolios are valued; None where it has no positions.
    """

    look_id: str
    model: Model
    portfolio_count: int
    market: MarketSnapshot | None

    def __reduce__(self) -> tuple[type["Checked"], tuple[object, ...]]:
        """As it is sent: of a plain mapping, for the one that all share shows another, and cannot be."""
        market = self.market and replace(self.market, quotes=dict(self.market.quotes))
        return Checked, (self.look_id, self.model, self.portfolio_count, market)


@dataclass(frozen=True, slots=True)
class Judged:
    """How portfolios stand, and why no more of them are known, if anything stopped that."""

    drifts: Sequence[PortfolioDrift]
    stopped: OrderGenerationError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DriftTask:
    """Some portfolios of a model, to be read and judged by another process of this machine.

    Attributes:
        look_id: of the model.
        expires_at: by when, on the monotonic clock, which all processes of a machine share.
        origin: of the call that asks.
    """

    look_id: str
    portfolio_ids: Sequence[str]
    expires_at: float
    origin: Origin


class IdleWorkers(Protocol):
    """Those of other processes that have nothing to do."""

    @property
    def piece(self) -> int:
        """Portfolios of a task at most: a run that begins waits for no more."""

    def judge(self, task: DriftTask, checked: Checked) -> Future[Judged] | None:
        """Have portfolios of a model read and judged; None where nobody is idle.

        The future may raise WorkerLost: then nobody knows how they stand.
        """

    def give_up(self, task: DriftTask) -> None:
        """A task that was taken shows no life any more: end whoever has it."""


class _Nobody:
    piece = sys.maxsize  # nothing is cut for them

    def judge(self, task: DriftTask, checked: Checked) -> None:
        del task, checked

    def give_up(self, task: DriftTask) -> None:
        del task


#: Where there are no other processes.
NOBODY: IdleWorkers = _Nobody()


class Judge:
    """Says how portfolios of a model stand. Not for several threads at once.

    Attributes:
        checked: the model.
        securities: of it, with prices; None where it has no positions: then nothing need be read.
    """

    def __init__(self, checked: Checked) -> None:
        positions = checked.model.positions
        self.checked = checked
        self.securities = Securities(positions, checked.market) if checked.market else None
        self._cash_band = CashBand(positions)

    def unread(self, portfolio_id: str) -> PortfolioDrift:
        """How a portfolio of a model without positions stands."""
        return self._failed(portfolio_id, without_positions(self.checked.model))

    def drift(self, read: Reading) -> PortfolioDrift:
        """How a portfolio that was read stands, or why that is not known."""
        if not isinstance(read.holdings, Holdings):
            return self._failed(read.portfolio_id, read.holdings)
        read.securities.add(read.quotes)
        start = self._start(read.portfolio_id, read.name)
        return standing(start, read.holdings, read.securities, self._cash_band)

    def read(self, work: PortfolioWork, task: DriftTask) -> Judged:
        """Read portfolios of its model, which has positions, and judge them."""
        asked = [(self.securities, one) for one in task.portfolio_ids if self.securities]
        drifts = list[PortfolioDrift]()
        with working_for(task.origin), closing(work.readings(asked, Deadline(task.expires_at))) as readings:
            for batch in readings:
                known = judged(batch, lambda _: self)
                drifts += known.drifts
                if known.stopped:
                    return Judged(drifts, known.stopped)
        return Judged(drifts)

    def _start(self, portfolio_id: str, name: str = "") -> PortfolioDrift:
        model, time = self.checked.model, self.securities.time if self.securities else None
        return PortfolioDrift(
            portfolio_id, name, model.model_id, model.name, DriftState.FAILED, snapshot_time=time
        )

    def _failed(self, portfolio_id: str, error: OrderGenerationError) -> PortfolioDrift:
        return replace(self._start(portfolio_id), error=error)


def judged(batch: Sequence[Reading], judge_of: Callable[[str], Judge]) -> Judged:
    """What has been read, each portfolio by its judge; without those whose error stops all others."""
    known = [one for one in batch if not isinstance(one.holdings, STOPPING)]
    drifts = [judge_of(one.portfolio_id).drift(one) for one in known]
    return Judged(drifts, next((one.holdings for one in batch if isinstance(one.holdings, STOPPING)), None))
