"""Who needs a rebalance: how far portfolios are from their models, read side by side and solved by nobody."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.drifts import DriftState, PortfolioDrift, worst_first
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Model, without_positions
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.stores import ModelStore, SettingsStore
from ordergen_server.services.desk.standing import CashBand, standing
from ordergen_server.services.portfolios.portfolio_work import STOPPING, PortfolioWork, Reading
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.running.permits import Permits
from ordergen_server.services.running.room import Room

#: Portfolios that are read together, where a caller does not say, and at most.
DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE = 500, 1000
#: Models that are read at once; a page of large ones has fewer.
MODELS_AT_ONCE = 50

Drifts = Generator[Sequence[PortfolioDrift], None, None]


@dataclass(frozen=True, slots=True)
class _Checked:
    """A model with what all its portfolios have in common; without positions no securities are needed."""

    model: Model
    securities: Securities | None
    cash_band: CashBand

    def start(self, portfolio_id: str, name: str = "") -> PortfolioDrift:
        """A portfolio of it of which nothing is known yet."""
        time = self.securities.time if self.securities else None
        return PortfolioDrift(
            portfolio_id, name, self.model.model_id, self.model.name, DriftState.FAILED, snapshot_time=time
        )

    def failed(self, portfolio_id: str, error: OrderGenerationError) -> PortfolioDrift:
        """A portfolio of it of which no more is known than why."""
        return replace(self.start(portfolio_id), error=error)


_Page = list[tuple[_Checked, str]]


class DriftChecks:
    """Checks read at the rate of runs, and have room of their own: whose caller does not read delays no run.

    Args:
        models: whose portfolios are checked.
        settings: those of portfolios; whoever is not to be traded today needs no rebalance.
        work: reads them.
        clock: tells today, UTC.
        permits: how many portfolios may be begun.
        maximum_checks: so many at once.
    """

    def __init__(
        self,
        *,
        models: ModelStore,
        settings: SettingsStore,
        work: PortfolioWork,
        permits: Permits,
        clock: Callable[[], datetime],
        maximum_checks: int,
    ) -> None:
        self._models = models
        self._settings = settings
        self._clock = clock
        self._work = work
        self._permits = permits
        self._room = Room(
            maximum_checks, "checks", "Too many drift checks are in progress on this server: try again later."
        )

    def check(self, model_id: str, page_size: int, deadline: Deadline) -> Drifts:
        """How far each portfolio of a model is from it, page by page, each page the worst first.

        An empty batch says that portfolios may not be read yet: ask again.

        Args:
            model_id: the model; empty for all.
            page_size: portfolios of a page; 0 is the default, more than the maximum is the maximum.
            deadline: by when.

        Raises:
            NotFound: there is no such model.
            ResourceExhausted: too many checks on this server.
            Unavailable, DeadlineExceeded: why the check stopped, after what was read.
            Cancelled: nobody wants it any more.
        """
        size = min(page_size or DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE)
        with self._room.held():
            asked = self._asked(model_id, deadline)
            while page := list(islice(asked, size)):
                while not self._permits.take(len(page)):
                    deadline.remaining_seconds("every portfolio had its turn")
                    yield []
                yield from self._told(page, deadline)

    def _asked(self, model_id: str, deadline: Deadline) -> Iterator[tuple[_Checked, str]]:
        """Every portfolio with its model, whose prices are read once its turn comes."""
        for model in [self._models.get(model_id)] if model_id else self._all_models():
            if model.portfolio_ids:
                checked = self._checked(model, deadline)
                yield from ((checked, one) for one in model.portfolio_ids)

    def _all_models(self) -> Iterator[Model]:
        token = ""
        while True:
            page = self._models.find(PageRequest(MODELS_AT_ONCE, token), "", "")
            yield from page.items
            token = page.next_token
            if not token:
                return

    def _checked(self, model: Model, deadline: Deadline) -> _Checked:
        cash_band = CashBand(model.positions)
        if not model.positions:
            return _Checked(model, None, cash_band)
        snapshot = self._work.snapshot_of_run(model.positions, deadline)
        return _Checked(model, Securities(model.positions, snapshot), cash_band)

    def _told(self, page: _Page, deadline: Deadline) -> Drifts:
        """What is known of a page, and then why no more is, if anything stopped it."""
        of = {portfolio_id: one for one, portfolio_id in page}
        drifts = [
            one.failed(key, without_positions(one.model)) for key, one in of.items() if one.securities is None
        ]
        asked = [(one.securities, key) for key, one in of.items() if one.securities is not None]
        stopped: OrderGenerationError | None = None
        with closing(self._work.readings(asked, deadline)) as readings:
            for batch in readings:
                known = (read for read in batch if not isinstance(read.holdings, STOPPING))
                drifts += [_drift(of[read.portfolio_id], read) for read in known]
                errors = (read.holdings for read in batch)
                stopped = next((error for error in errors if isinstance(error, STOPPING)), None)
                if stopped:
                    break
        if drifts:
            yield sorted(self._judged(drifts), key=worst_first)
        if stopped:
            raise stopped

    def _judged(self, drifts: Sequence[PortfolioDrift]) -> Iterator[PortfolioDrift]:
        """Drifts, with the state of those that are not to be traded today."""
        settings = self._settings.applied([one.portfolio_id for one in drifts])
        today = self._clock().date()
        for one in drifts:
            own = settings.get(one.portfolio_id)
            closed = own is not None and own.not_to_be_traded(one.portfolio_id, today) is not None
            yield replace(one, state=DriftState.DO_NOT_TRADE) if closed else one


def _drift(checked: _Checked, read: Reading) -> PortfolioDrift:
    if not isinstance(read.holdings, Holdings):
        return checked.failed(read.portfolio_id, read.holdings)
    read.securities.add(read.quotes)
    start = checked.start(read.portfolio_id, read.name)
    return standing(start, read.holdings, read.securities, checked.cash_band)
