"""What several variants would do: on one snapshot, one reading of each portfolio, and stored nowhere."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import islice

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.comparisons import (
    ComparedPortfolio,
    ComparedVariant,
    Comparison,
    Variant,
    point_name,
)
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.models import Model, without_positions
from ordergen_server.domain.open_orders import LOOKING
from ordergen_server.domain.rebalances.options import RebalanceOptions, Strategy
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.stores import ModelStore, SettingsStore
from ordergen_server.services.configured import NOT_CONFIGURED, Configured
from ordergen_server.services.desk.comparison_rows import row
from ordergen_server.services.desk.frontier import frontier
from ordergen_server.services.portfolios.portfolio_work import (
    STOPPING,
    PortfolioWork,
    Task,
    not_to_be_traded,
)
from ordergen_server.services.portfolios.readings import Reading
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.running.permits import Permits
from ordergen_server.services.running.room import Room

#: Portfolios whose reading may begin together.
PAGE_SIZE = 250

Told = Generator[Sequence[ComparedPortfolio | ComparedVariant], None, None]


class Comparisons:
    """Comparisons read at the rate of runs, and have room of their own: who does not read delays no run.

    Args:
        models: whose portfolios are compared.
        settings: those of portfolios, which hold whatever the options are; read with each page of them.
        work: reads and solves.
        permits: how many portfolios may be begun.
        maximum_comparisons: so many at once.
        clock: the time now, UTC.
        configured: what holds where options say nothing.
    """

    def __init__(
        self,
        *,
        models: ModelStore,
        settings: SettingsStore,
        work: PortfolioWork,
        permits: Permits,
        maximum_comparisons: int,
        clock: Callable[[], datetime],
        configured: Configured = NOT_CONFIGURED,
    ) -> None:
        self._models = models
        self._settings = settings
        self._work = work
        self._permits = permits
        self._clock = clock
        self._configured = configured
        self._room = Room(
            maximum_comparisons,
            "comparisons",
            "Too many comparisons are in progress on this server: try again later.",
        )

    def compare(self, asked: Comparison, deadline: Deadline) -> Told:
        """What each variant would do for each portfolio, as they are read and solved; then for all together.

        An empty batch says that portfolios may not be read yet: ask again.

        Raises:
            NotFound: there is no such model, or the portfolio belongs to none.
            ModelWithoutPositions: a variant has none.
            PreconditionFailed: a variant is to look at open orders, and the server has no order service.
            ResourceExhausted: too many comparisons on this server.
            Unavailable, DeadlineExceeded: why the comparison stopped, after what was computed.
            Cancelled: nobody wants it any more.
        """
        with self._room.held():
            model, ids = self._compared(asked)
            tried = [_tried(model, variant) for variant in asked.variants]
            options = [
                self._configured.in_full(one.options, f"variants[{index}].options")
                for index, one in enumerate(asked.variants)
            ]
            sums: dict[str, ComparedVariant] = {
                name: ComparedVariant(name) for name in _names(asked.variants, asked.frontier_points)
            }
            if ids:
                variants = _Variants(self._work, asked, self._tasks(tried, options, len(ids), deadline))
                for rows in self._rows(variants, ids, deadline):
                    for one in rows:
                        sums[one.variant] = sums[one.variant].plus(one)
                    yield rows
            yield list(sums.values())

    def _compared(self, asked: Comparison) -> tuple[Model, Sequence[str]]:
        if asked.portfolio_id:
            return self._models.of_portfolio(asked.portfolio_id), [asked.portfolio_id]
        model = self._models.get(asked.model_id)
        return model, model.portfolio_ids

    def _tasks(
        self,
        tried: Sequence[Model],
        options: Sequence[RebalanceOptions],
        portfolio_count: int,
        deadline: Deadline,
    ) -> list[Task]:
        """What is to be done for each variant; all see one market, which is read once."""
        needed = {one.security_id: one for model in tried for one in model.positions}
        looks = next((one.open_orders for one in options if one.open_orders in LOOKING), None)
        snapshot = self._work.snapshot_of_run(list(needed.values()), deadline, looks)
        time = self._clock()
        started = [
            Rebalance(
                rebalance_id="",
                model_id=model.model_id,
                model_name=model.name,
                model_version=model.version,
                state=RebalanceState.RUNNING,
                create_time=time,
                rebalance_date=time.date(),
                portfolio_count=portfolio_count,
                options=own,
            )
            for model, own in zip(tried, options, strict=True)
        ]
        seen = [
            (model.positions, one.oldest_price_date, one.freezes)
            for model, one in zip(tried, started, strict=True)
        ]
        securities = {
            key: Securities(key[0], snapshot, key[1], freezes=key[2]) for key in dict.fromkeys(seen)
        }
        return [Task(one, securities[key], deadline) for one, key in zip(started, seen, strict=True)]

    def _rows(
        self, variants: "_Variants", ids: Sequence[str], deadline: Deadline
    ) -> Iterator[list[ComparedPortfolio]]:
        """The rows of portfolios page by page; an empty one while the next page may not be read yet."""
        left = iter(ids)
        while page := list(islice(left, PAGE_SIZE)):
            while not self._permits.take(len(page)):
                deadline.remaining_seconds("every portfolio had its turn")
                yield []
            yield from self._page(variants, page, deadline)

    def _page(
        self, variants: "_Variants", page: Sequence[str], deadline: Deadline
    ) -> Iterator[list[ComparedPortfolio]]:
        own = variants.of_page(self._settings.applied(page))
        closed, left = own.closed(page)
        if closed:
            yield closed
        asked = ((own.securities, one) for one in left)
        with closing(self._work.readings(asked, deadline)) as readings:
            for reads in readings:
                known = [read for read in reads if not isinstance(read.holdings, STOPPING)]
                rows, stopped = own.solved(known)
                if rows:
                    yield rows
                errors = (read.holdings for read in reads if isinstance(read.holdings, STOPPING))
                stopped = stopped or next(errors, None)
                if stopped:
                    raise stopped


class _Variants:
    """The variants of one comparison, solved for portfolios that have been read."""

    def __init__(self, work: PortfolioWork, asked: Comparison, tasks: Sequence[Task]) -> None:
        self._work = work
        self._asked = asked
        self._names = [one.name for one in asked.variants]
        self._tasks = tasks
        self._points = asked.frontier_points
        self._points_of = _names((), asked.frontier_points)

    @property
    def securities(self) -> Securities:
        """Those of the first variant; what is read for it is quoted for all."""
        return self._tasks[0].securities

    def of_page(self, settings: Mapping[str, AppliedSettings]) -> "_Variants":
        """The same for portfolios with such settings."""
        return _Variants(self._work, self._asked, [replace(one, settings=settings) for one in self._tasks])

    def closed(self, portfolio_ids: Sequence[str]) -> tuple[list[ComparedPortfolio], list[str]]:
        """The rows of those that are not to be traded, of whom nothing is read; and all others."""
        task, names = self._tasks[0], [*self._names, *self._points_of]
        tried = {
            one: not_to_be_traded(task.rebalance, one, task.settings, task.cash_flows)
            for one in portfolio_ids
        }
        rows = [row(result, name) for result in tried.values() if result for name in names]
        return rows, [one for one, result in tried.items() if result is None]

    def solved(self, reads: Sequence[Reading]) -> tuple[list[ComparedPortfolio], OrderGenerationError | None]:
        """The rows of portfolios, each whole; and what stopped the rest, if anything did."""
        if not reads:
            return [], None
        found = [self._results(task, reads) for task in self._tasks]
        ends = [self._end(one, found[0], reads) for one in _ENDS] if self._points else []
        rows: list[ComparedPortfolio] = []
        for read in reads:
            results = [one[read.portfolio_id] for one in found]
            at_ends = [one[read.portfolio_id] for one in ends]
            stopped = next((one.error for one in results + at_ends if isinstance(one.error, STOPPING)), None)
            if stopped:
                return rows, stopped
            rows += map(row, results, self._names)
            if self._points:
                try:
                    rows += self._frontier(read, *at_ends)
                except STOPPING as error:
                    return rows[: -len(results)], error
        return rows, None

    def _end(
        self, strategy: Strategy, of_first: dict[str, PortfolioRebalance], reads: Sequence[Reading]
    ) -> dict[str, PortfolioRebalance]:
        """An end of the frontier of each portfolio: the first variant itself, where it has that strategy."""
        options = self._tasks[0].rebalance.options
        if options and options.strategy is strategy:
            return of_first
        return self._results(self._first(strategy), reads)

    def _frontier(
        self, read: Reading, at_band: PortfolioRebalance, at_target: PortfolioRebalance
    ) -> list[ComparedPortfolio]:
        """The rows of the points for one portfolio. Raises Unavailable, DeadlineExceeded."""

        def limited(weight: Decimal) -> PortfolioRebalance:
            task = self._first(Strategy.TO_TARGET, weight)
            found = self._results(task, [read])[read.portfolio_id]
            if isinstance(found.error, STOPPING):
                raise found.error
            return found

        points = frontier(at_band, at_target, self._points, limited)
        return [
            row(point.result, name, proven=point.proven)
            for point, name in zip(points, self._points_of, strict=True)
        ]

    def _first(self, strategy: Strategy, turnover_weight: Decimal | None = None) -> Task:
        """The first variant with another strategy, and with another limit of turnover where one is given."""
        first = self._tasks[0]
        changed = replace(first.rebalance.options or RebalanceOptions(), strategy=strategy)
        if turnover_weight is not None:
            changed = replace(changed, maximum_turnover_weight=turnover_weight)
        return replace(first, rebalance=replace(first.rebalance, options=changed))

    def _results(self, task: Task, reads: Sequence[Reading]) -> dict[str, PortfolioRebalance]:
        return {one.portfolio_id: one for one in self._work.solved(task, reads)}


_ENDS = (Strategy.TO_BAND, Strategy.TO_TARGET)


def _names(variants: Iterable[Variant], points: int) -> list[str]:
    return [*(one.name for one in variants), *(point_name(place + 1) for place in range(points))]


def _tried(model: Model, variant: Variant) -> Model:
    """The model with the positions of a variant. Raises ModelWithoutPositions."""
    tried = model.with_positions(variant.positions) if variant.positions else model
    if not tried.positions:
        raise without_positions(tried, draft=bool(variant.positions))
    return tried
