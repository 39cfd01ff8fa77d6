"""The work on portfolios: reading holdings, many at once, and rebalancing what has been read."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.explanations import Explanation
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings
from ordergen_server.domain.errors import (
    DataProblem,
    DeadlineExceeded,
    OrderGenerationError,
    SiblingUnavailable,
    Unavailable,
)
from ordergen_server.domain.market import Holdings, MarketSnapshot, MarketSource, PortfolioSource, Quoted
from ordergen_server.domain.models import Position
from ordergen_server.domain.open_orders import LOOKING, OpenOrders, OpenOrderSource, OrdersByPortfolio
from ordergen_server.domain.origin import carried
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance
from ordergen_server.services.observer import UNOBSERVED, RunObserver, Stage
from ordergen_server.services.portfolios.explaining import NO_RULES, explain
from ordergen_server.services.portfolios.open_orders import with_open_orders
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.readings import LOOK_SECONDS, Asked, Reading, Readings
from ordergen_server.services.portfolios.securities import Securities

#: Errors that say that going on with other portfolios would fail the same way.
STOPPING = (Unavailable, DeadlineExceeded)

Batches = Generator[list[PortfolioRebalance], None, None]
#: Takes what the rules of its options do to a portfolio.
Explained = Callable[[Explanation], object]


@dataclass(frozen=True, slots=True)
class Task:
    """What all portfolios of a run have in common.

    Attributes:
        cash_flows: of those that have one, by portfolio id.
        settings: of those that have some, by portfolio id, as the run began.
    """

    rebalance: Rebalance
    securities: Securities
    deadline: Deadline
    cash_flows: Mapping[str, Decimal] = field(default_factory=dict)
    settings: Mapping[str, AppliedSettings] = field(default_factory=dict)


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

    def one(self, task: Task, portfolio_id: str, explained: Explained | None = None) -> PortfolioRebalance:
        """What becomes of one portfolio, worked on in this thread; `explained` takes what its rules do."""
        if closed := not_to_be_traded(task.rebalance, portfolio_id, task.settings, task.cash_flows):
            return closed
        read = self._read(task.securities, portfolio_id, task.deadline)
        [result] = self.solved(task, [read])
        if explained:
            holdings = _holdings(task, read)
            if isinstance(holdings, Holdings):
                with self._observer.stage(Stage.SOLVE):
                    explained(_explanation(task, read, holdings, result))
        return result

    def results(self, task: Task, portfolio_ids: Iterable[str]) -> Batches:
        """What becomes of each portfolio, in batches as they are read. Raises as `readings` does.

        Those that are not to be traded come first; nothing is read of them.
        """
        ids = list(portfolio_ids)
        tried = ((one, not_to_be_traded(task.rebalance, one, task.settings, task.cash_flows)) for one in ids)
        closed = {one: result for one, result in tried if result}
        if closed:
            yield list(closed.values())
        asked = ((task.securities, one) for one in ids if one not in closed)
        with closing(self.readings(asked, task.deadline)) as readings:
            for batch in readings:
                results = self.solved(task, batch)
                task.deadline.raise_if_stopped()
                yield results

    def readings(self, asked: Iterable[Asked], deadline: Deadline) -> Readings:
        """Have portfolios read, up to `window` at once."""
        read = carried(self._read)
        return Readings(asked, lambda one: self._workers.submit(read, *one, deadline), self._window, deadline)

    def solved(self, task: Task, reads: Sequence[Reading]) -> list[PortfolioRebalance]:
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
    ) -> Mapping[str, Quoted]:
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
    known = [(read, _holdings(task, read)) for read in reads]
    failed = [_failed(task, read, error) for read, error in known if not isinstance(error, Holdings)]
    found = [(_start(task, read), holdings) for read, holdings in known if isinstance(holdings, Holdings)]
    done = rebalance_portfolios(
        found, task.securities, options, task.deadline, observer, settings=task.settings
    )
    return failed + done


def _explanation(task: Task, read: Reading, holdings: Holdings, result: PortfolioRebalance) -> Explanation:
    own = task.settings.get(read.portfolio_id)
    return explain(
        _start(task, read),
        holdings,
        task.securities,
        task.rebalance.options or RebalanceOptions(),
        result=result,
        deadline=task.deadline,
        content=own.content if own else NO_RULES,
    )


def _holdings(task: Task, read: Reading) -> Holdings | OrderGenerationError:
    """What a portfolio is rebalanced with, its open orders included where they count."""
    if not isinstance(read.holdings, Holdings):
        return read.holdings
    return with_open_orders(read.holdings, task.securities, task.rebalance.open_orders)


def _start(task: Task, read: Reading) -> PortfolioRebalance:
    start = untried(task.rebalance, read.portfolio_id, task.cash_flows)
    own = task.settings.get(read.portfolio_id)
    return replace(
        start,
        portfolio_name=read.name,
        snapshot_time=task.securities.time,
        settings_version=own.version if own else 0,
    )


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


def not_to_be_traded(
    rebalance: Rebalance,
    portfolio_id: str,
    settings: Mapping[str, AppliedSettings],
    cash_flows: Mapping[str, Decimal],
) -> PortfolioRebalance | None:
    """The result of a portfolio that its settings keep from being traded; None of all others."""
    own = settings.get(portfolio_id)
    why = own.not_to_be_traded(portfolio_id, rebalance.rebalance_date) if own else None
    if own is None or why is None:
        return None
    return replace(untried(rebalance, portfolio_id, cash_flows), error=why, settings_version=own.version)
