"""The work on portfolios: reading holdings, many at once, and rebalancing what has been read."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    DataProblem,
    DeadlineExceeded,
    OrderGenerationError,
    SiblingUnavailable,
    Unavailable,
)
from ordergen_server.domain.market import Holdings, MarketSnapshot, MarketSource, PortfolioSource, Quote
from ordergen_server.domain.models import Position
from ordergen_server.domain.open_orders import LOOKING, OpenOrders, OpenOrderSource, OrdersByPortfolio
from ordergen_server.domain.origin import carried
from ordergen_server.domain.rebalances import (
    PortfolioRebalance,
    PortfolioState,
    Rebalance,
    RebalanceOptions,
)
from ordergen_server.services.observer import UNOBSERVED, RunObserver, Stage
from ordergen_server.services.open_orders import with_open_orders
from ordergen_server.services.portfolio import rebalance_portfolios
from ordergen_server.services.securities import Securities

#: Errors that say that going on with other portfolios would fail the same way.
STOPPING = (Unavailable, DeadlineExceeded)

#: How long to wait for something to come.
LOOK_SECONDS = 0.2

Batches = Generator[list[PortfolioRebalance], None, None]


@dataclass(frozen=True, slots=True)
class Task:
    """What all portfolios of a run have in common.

    Attributes:
        cash_flows: of those that have one, by portfolio id.
    """

    rebalance: Rebalance
    securities: Securities
    deadline: Deadline
    cash_flows: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a portfolio, or why it could not be; `quotes` has those that `securities` lacked."""

    portfolio_id: str
    securities: Securities
    name: str
    holdings: Holdings | OrderGenerationError
    quotes: Mapping[str, Quote | DataProblem]


class PortfolioWork:
    """Reads up to `window` portfolios at once on `workers`, and rebalances them as they come.

    What workers do they do for what the thread works for that gave it to them.
    """

    def __init__(
        self,
        *,
        market: MarketSource,
        portfolios: PortfolioSource,
        workers: Executor,
        window: int,
        observer: RunObserver = UNOBSERVED,
        orders: OpenOrderSource | None = None,
    ) -> None:
        self._observer = observer
        self._market = market
        self._orders = orders
        self._portfolios = portfolios
        self._workers = workers
        self._window = window

    def snapshot(
        self, positions: Sequence[Position], deadline: Deadline, open_orders: OpenOrders | None = None
    ) -> MarketSnapshot:
        """Tickers and prices now, and what orders are open, where that is to be looked at.

        Raises SiblingUnavailable, DeadlineExceeded, Cancelled.
        """
        needed = [position.security_id for position in positions]
        with self._observer.stage(Stage.MARKET):
            read = self._market.snapshot(deadline.remaining_seconds("reading prices"), needed)
            if open_orders in LOOKING:
                read = replace(read, open_orders=self._open_orders(deadline))
        # To the millisecond, as it is stored: what is told at once and what is read later are the same.
        return replace(read, time=read.time.replace(microsecond=read.time.microsecond // 1000 * 1000))

    def _open_orders(self, deadline: Deadline) -> OrdersByPortfolio:
        if self._orders is None:
            raise SiblingUnavailable(
                "This server has no order service, and the run looks at open orders: set ORDERGEN_ORDER_URL.",
                metadata={"service": "order"},
            )
        return self._orders.recent_open_orders(deadline.remaining_seconds("reading open orders"))

    def snapshot_of_run(
        self, positions: Sequence[Position], deadline: Deadline, open_orders: OpenOrders | None = None
    ) -> MarketSnapshot:
        """As `snapshot`, read by a worker: a run that is stopped does not wait for a slow sibling."""
        reading = self._workers.submit(carried(self.snapshot), positions, deadline, open_orders)
        while not wait([reading], LOOK_SECONDS).done:
            deadline.raise_if_stopped()
        return reading.result()

    def one(self, task: Task, portfolio_id: str) -> PortfolioRebalance:
        """What becomes of one portfolio, worked on in this thread."""
        return self._solved(task, [self._read(task.securities, portfolio_id, task.deadline)])[0]

    def results(self, task: Task, portfolio_ids: Iterable[str]) -> Batches:
        """What becomes of each portfolio, in batches as they are read. Raises as `readings` does."""
        asked = ((task.securities, one) for one in portfolio_ids)
        with closing(self.readings(asked, task.deadline)) as readings:
            for batch in readings:
                results = self._solved(task, batch)
                task.deadline.raise_if_stopped()
                yield results

    def readings(
        self, asked: Iterable[tuple[Securities, str]], deadline: Deadline
    ) -> Generator[list[Reading], None, None]:
        """What is read of portfolios, each with the securities of its model, in batches as they come.

        Where nothing has come for a moment it answers an empty batch, so that its reader can look around.
        Work that is stopped is let go of: what is being read is read to its end, and thrown away.

        Raises:
            Cancelled: the work is stopped; what has been read and not answered was not done.
        """
        waiting = iter(asked)
        busy = {self._submit(*one, deadline) for one in islice(waiting, self._window)}
        try:
            while busy:
                done, busy = wait(busy, LOOK_SECONDS, FIRST_COMPLETED)
                deadline.raise_if_stopped()
                busy |= {self._submit(*one, deadline) for one in islice(waiting, len(done))}
                yield [future.result() for future in done]
        finally:
            for future in busy:
                future.cancel()

    def _submit(self, securities: Securities, portfolio_id: str, deadline: Deadline) -> "Future[Reading]":
        return self._workers.submit(carried(self._read), securities, portfolio_id, deadline)

    def _solved(self, task: Task, reads: Sequence[Reading]) -> list[PortfolioRebalance]:
        """What becomes of portfolios that have been read."""
        if not reads:
            return []
        with self._observer.stage(Stage.SOLVE):
            return _results(task, reads, self._observer)

    def _read(self, securities: Securities, portfolio_id: str, deadline: Deadline) -> Reading:
        with self._observer.stage(Stage.READ):
            return self._read_all(securities, portfolio_id, deadline)

    def _read_all(self, securities: Securities, portfolio_id: str, deadline: Deadline) -> Reading:
        try:
            seconds = deadline.remaining_seconds("reading holdings")
            holdings = self._portfolios.holdings(portfolio_id, seconds)
            quotes = self._quotes(securities.snapshot, holdings, deadline)
            name = self._portfolios.name(portfolio_id, deadline.remaining_seconds("reading the name"))
        except (DataProblem, *STOPPING) as error:
            return Reading(portfolio_id, securities, "", error, {})
        return Reading(portfolio_id, securities, name, holdings, quotes)

    def _quotes(
        self, snapshot: MarketSnapshot, holdings: Holdings, deadline: Deadline
    ) -> Mapping[str, Quote | DataProblem]:
        """The quotes of what a portfolio holds that the market of the run does not have."""
        if snapshot.prices is None:
            return {}
        ordered = [one.security_id for one in (snapshot.open_orders or {}).get(holdings.portfolio_id, ())]
        needed = [one for one, held in holdings.quantities.items() if held] + ordered
        lacking = [one for one in dict.fromkeys(needed) if one not in snapshot.quotes]
        if not lacking:
            return {}
        return self._market.quotes(snapshot, lacking, deadline.remaining_seconds("reading securities"))


def _results(task: Task, reads: Sequence[Reading], observer: RunObserver) -> list[PortfolioRebalance]:
    for read in reads:
        task.securities.add(read.quotes)
    options = task.rebalance.options or RebalanceOptions()  # a run that is carried out has some
    known = [(read, _holdings(task, read, options)) for read in reads]
    failed = [_failed(task, read, error) for read, error in known if not isinstance(error, Holdings)]
    found = [(_start(task, read), holdings) for read, holdings in known if isinstance(holdings, Holdings)]
    return failed + rebalance_portfolios(found, task.securities, options, task.deadline, observer)


def _holdings(task: Task, read: Reading, options: RebalanceOptions) -> Holdings | OrderGenerationError:
    """What a portfolio is rebalanced with, its open orders included where they count."""
    if not isinstance(read.holdings, Holdings):
        return read.holdings
    return with_open_orders(read.holdings, task.securities, options.open_orders)


def _start(task: Task, read: Reading) -> PortfolioRebalance:
    start = untried(task.rebalance, read.portfolio_id, task.cash_flows)
    return replace(start, portfolio_name=read.name, snapshot_time=task.securities.time)


def _failed(task: Task, read: Reading, error: OrderGenerationError) -> PortfolioRebalance:
    return replace(_start(task, read), state=PortfolioState.FAILED, error=error)


def untried(rebalance: Rebalance, portfolio_id: str, cash_flows: Mapping[str, Decimal]) -> PortfolioRebalance:
    """The result of a portfolio that was not tried, with its cash flow if it has one."""
    return PortfolioRebalance(
        rebalance_id=rebalance.rebalance_id,
        portfolio_id=portfolio_id,
        portfolio_name="",
        state=PortfolioState.SKIPPED,
        snapshot_time=None,
        trade_date=rebalance.rebalance_date,
        cash_flow=cash_flows.get(portfolio_id),
    )
