"""Who needs a rebalance: how far portfolios are from their models, read side by side and solved by nobody."""

import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import islice

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.drifts import PortfolioDrift, worst_first
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.models import Model
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.stores import ModelStore, SettingsStore
from ordergen_server.services.desk.drift_pages import Page
from ordergen_server.services.desk.judging import NOBODY, Checked, IdleWorkers, Judge
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.running.permits import Permits
from ordergen_server.services.running.room import Room

#: Portfolios that are read together, where a caller does not say, and at most.
DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE = 500, 1000
#: Models that are read at once; a page of large ones has fewer.
MODELS_AT_ONCE = 50

Drifts = Generator[Sequence[PortfolioDrift], None, None]


class DriftChecks:
    """Checks read at the rate of runs, and have room of their own: whose caller does not read delays no run.

    Args:
        models: whose portfolios are checked.
        settings: those of portfolios; whoever is not to be traded today needs no rebalance.
        work: reads them.
        clock: tells today, UTC.
        permits: how many portfolios may be begun.
        maximum_checks: so many at once.
        idle: processes that read and judge while they have nothing else to do.
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
        idle: IdleWorkers = NOBODY,
    ) -> None:
        self._models = models
        self._settings = settings
        self._clock = clock
        self._work = work
        self._permits = permits
        self._idle = idle
        self._room = Room(
            maximum_checks, "checks", "Too many drift checks are in progress on this server: try again later."
        )

    def check(self, model_id: str, page_size: int, deadline: Deadline) -> Drifts:
        """How far each portfolio of a model is from it, page by page, each page the worst first.

        While a page is taken, the first portfolios of the next one are read: a piece by each idle process, or
        here as many as are read at once; all others once it is asked for. An empty batch says that portfolios
        may not be read yet: ask again.

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
        with self._room.held(), ExitStack() as begun:
            asked = self._asked(model_id, deadline)
            page, stopped = self._next(asked, size, deadline, begun)
            while page:
                while not page.is_begun():
                    deadline.remaining_seconds("every portfolio had its turn")
                    yield []
                with begun.pop_all():
                    drifts, stopped = page.known()
                page = None
                if not stopped:
                    page, stopped = self._next(asked, size, deadline, begun)
                if page:
                    page.is_begun()  # or is once permits have come and it is asked for
                if drifts:
                    yield sorted(drifts, key=worst_first)
            if stopped:
                raise stopped

    def _next(
        self, asked: Iterator[tuple[Judge, str]], size: int, deadline: Deadline, begun: ExitStack
    ) -> tuple[Page | None, OrderGenerationError | None]:
        """The next page, closed with `begun`; or why there is none, which is to be told in its place."""
        try:
            found = list(islice(asked, size))
            closed = self._closed([portfolio_id for _, portfolio_id in found]) if found else frozenset[str]()
        except OrderGenerationError as error:
            return None, error
        if not found:
            return None, None
        page = Page(found, closed, self._permits.take, work=self._work, idle=self._idle, deadline=deadline)
        begun.callback(page.close)
        return page, None

    def _asked(self, model_id: str, deadline: Deadline) -> Iterator[tuple[Judge, str]]:
        """Every portfolio with its model, whose prices are read once its turn comes."""
        for model in [self._models.get(model_id)] if model_id else self._all_models():
            if model.portfolio_ids:
                judge = Judge(self._checked(model, deadline))
                yield from ((judge, one) for one in model.portfolio_ids)

    def _all_models(self) -> Iterator[Model]:
        token = ""
        while True:
            page = self._models.find(PageRequest(MODELS_AT_ONCE, token), "", "")
            yield from page.items
            token = page.next_token
            if not token:
                return

    def _checked(self, model: Model, deadline: Deadline) -> Checked:
        market = self._work.snapshot_of_run(model.positions, deadline) if model.positions else None
        alone = replace(model, content=replace(model.content, portfolio_ids=()))
        return Checked(uuid.uuid4().hex, alone, len(model.portfolio_ids), market)

    def _closed(self, portfolio_ids: Sequence[str]) -> frozenset[str]:
        """Those that are not to be traded today."""
        settings, today = self._settings.applied(portfolio_ids), self._clock().date()
        return frozenset(one for one, own in settings.items() if own.not_to_be_traded(one, today))
