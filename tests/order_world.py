"""A world in which a submission is carried out: proposals, a store, an order service, one clock."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any, Protocol

from ordergen_server.domain.errors import DatabaseUnavailable
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.orders.order_store import Candidates, OrderStore, SubmissionOrder
from ordergen_server.domain.orders.orders import Order, OrderState
from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.orders.submissions import (
    Approvals,
    Changes,
    OrderSubmission,
    SubmissionState,
)
from ordergen_server.domain.rebalances.lines import RebalancePosition, RunSecurity, transactions_of
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.stores import Lease, RebalanceStore
from ordergen_server.services.ordering.delivery import Delivery, Pace
from ordergen_server.services.ordering.leased_submission import LeasedSubmission
from ordergen_server.services.ordering.looks.looking import Looks
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from tests.builders import NOW, RUN_ID, TODAY, rebalance, result, security_id, snapshot
from tests.fakes import FakeMarket, FakePortfolios
from tests.memory_orders import MemoryOrders
from tests.memory_runs import MemoryRuns
from tests.memory_settings import MemorySettings
from tests.order_service_model import Crash, OrderServiceModel

DAY = 24 * 3600.0
LEASE_SECONDS = 15.0
SETTLE = 60.0
HELD, PRICE, CASH = 1000, Decimal(10), Decimal(1_000_000)
NO_DATABASE = DatabaseUnavailable("The database does not answer.", metadata={"service": "database"})


class Inline(Executor):
    """Does at once what it is given."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401 - as Executor has it
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future carries it
            future.set_exception(error)
        return future


class Clock(Protocol):
    """Tells the time, and lets some pass."""

    def __call__(self) -> datetime: ...

    def seconds(self) -> float: ...

    def move(self, seconds: float) -> None: ...


class HookedStore(OrderStore, Protocol):
    """A store whose writes may be made to fail, before they are done or afterwards."""

    before: Callable[[Changes], None]
    after: Callable[[Changes], None]


@dataclass
class Kept:
    """Where a world keeps what it must not lose."""

    clock: Clock
    store: HookedStore
    runs: RebalanceStore
    put: Callable[[Rebalance, Sequence[PortfolioRebalance]], object]
    lease_seconds: float = LEASE_SECONDS
    run_id: str = RUN_ID

    @classmethod
    def in_memory(cls) -> "Kept":
        """In memory, on a clock that stands still."""
        clock = SimulatedClock()
        runs = MemoryRuns(clock)
        return cls(clock, MemoryOrders(clock), runs, runs.put)


@dataclass
class SimulatedClock:
    """Stands still at NOW until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return (self.now - NOW).total_seconds()

    def move(self, seconds: float) -> None:
        self.now += timedelta(milliseconds=ceil(1000 * seconds))


def proposal(number: int, trades: Mapping[int, int]) -> PortfolioRebalance:
    """A result that trades so many shares of securities, with bands as wide as can be."""
    lines = tuple(
        RebalancePosition(
            RunSecurity(security_id(one), f"T{one}", PRICE, Decimal(0), Decimal(0), Decimal(1)),
            Decimal(HELD),
            shares,
            "TRADED_TO_TARGET",
        )
        for one, shares in sorted(trades.items())
    )
    spent = sum((one.trade_quantity for one in lines), 0) * PRICE
    return replace(
        result(number, state=PortfolioState.REBALANCED, sequence=number + 2),
        positions=lines,
        transactions=transactions_of(
            ((security_id(one), shares) for one, shares in sorted(trades.items())), TODAY
        ),
        market_value=CASH + HELD * PRICE * len(lines),
        cash_before=CASH,
        cash_after=CASH - spent,
    )


def held_by(one: PortfolioRebalance) -> Holdings:
    """What a portfolio holds as its run saw it."""
    assert one.cash_before is not None
    quantities = {line.security.security_id: line.original_quantity for line in one.positions}
    return Holdings(one.portfolio_id, one.cash_before, quantities)


class World:
    """A submission of proposals, with everything that it needs, and the server that carries it out.

    Args:
        proposals: what the run proposed.
        sells_first: as the caller asks.
        approvals: how many must approve.
    """

    def __init__(
        self,
        *proposals: PortfolioRebalance,
        sells_first: bool = False,
        approvals: int = 0,
        options: RebalanceOptions | None = None,
        pace: Pace | None = None,
        kept: "Kept | None" = None,
    ) -> None:
        run = replace(
            rebalance(portfolio_count=len(proposals)),
            state=RebalanceState.COMPLETED,
            options=options or RebalanceOptions(),
            actor="starter",
            counts={PortfolioState.REBALANCED: len(proposals)},
        )
        kept = kept or Kept.in_memory()
        self.run_id = kept.run_id
        run = replace(run, rebalance_id=self.run_id)
        proposals = tuple(replace(one, rebalance_id=self.run_id) for one in proposals)
        kept.put(run, proposals)
        self.clock = kept.clock
        self.store = kept.store
        self.service = OrderServiceModel(self.clock)
        self.runs = kept.runs
        self.lease_seconds = kept.lease_seconds
        numbers = {int(line.security.security_id[-16:]) for one in proposals for line in one.positions}
        self.market = FakeMarket(snapshot({one: str(PRICE) for one in numbers}))
        self.holdings: dict[str, Holdings | Exception] = {one.portfolio_id: held_by(one) for one in proposals}
        self.accounting = FakePortfolios(self.holdings)
        work = PortfolioWork(
            market=self.market,
            portfolios=self.accounting,
            workers=Inline(),
            window=50,
        )
        self.settings = MemorySettings()
        self.looks = Looks(self.runs, self.settings, work, DAY)
        self.approvals = Approvals(ApprovalRule(approvals), run.actor)
        self.pace = pace or Pace(settle=SETTLE)
        self.proposals = proposals
        self.sells_first = sells_first
        self.delivery: Delivery | None = None
        self.submission_id = ""
        self._tokens = 0

    def submit(self) -> OrderSubmission:
        """Submit all of it, and hold the submission."""
        counts = {one.portfolio_id: len(one.transactions) for one in self.proposals}
        submission = OrderSubmission(
            self.store.new_id(),
            self.run_id,
            SubmissionState.RUNNING,
            self.clock(),
            0,
            0,
            sells_first=self.sells_first,
        )
        lease = self._lease()
        order = SubmissionOrder(submission)
        stored = self.store.submit(
            order, Candidates(counts, named=True, approvals=self.approvals), lease, None
        )
        self.submission_id = stored.submission_id
        self.delivery = self.carry(LeasedSubmission(replace(order, submission=stored), lease))
        return stored

    def carry(self, held: LeasedSubmission) -> Delivery:
        """A server that carries a submission out."""
        return Delivery(
            held,
            store=self.store,
            service=self.service,
            looks=self.looks,
            approvals=self.approvals,
            pace=self.pace,
            clock=self.clock.seconds,
        )

    def take_over(self) -> None:
        """The server is lost; once its lease has run out another goes on."""
        self.clock.move(self.lease_seconds)
        lease = self._lease()
        order = self.store.take_over(lease)
        self.delivery = self.carry(LeasedSubmission(order, lease)) if order else None

    def step(self) -> float | None:
        """One step; a server that dies, or has no database, is lost, and another goes on."""
        if self.delivery is None:
            return None
        try:
            wait = self.delivery.step()
        except (Crash, DatabaseUnavailable):
            self.take_over()
            return 0.0
        if wait is None:
            self.delivery = None
        return wait

    def run(self, most: int = 5000) -> OrderSubmission:
        """Go on to the end, waiting as long as it takes."""
        for _ in range(most):
            wait = self.step()
            if wait is None:
                return self.submission
            self.clock.move(wait)
        raise AssertionError(f"it does not end: {self.submission}")

    @property
    def submission(self) -> OrderSubmission:
        """As it is stored."""
        return self.store.get(self.submission_id)

    @property
    def orders(self) -> list[Order]:
        """All that were written down."""
        found = self.store.orders_of_portfolios(self.run_id, [one.portfolio_id for one in self.proposals])
        return sorted(found, key=lambda one: (one.portfolio_id, one.security_id))

    @property
    def states(self) -> list[OrderState]:
        """Those of all orders."""
        return [one.state for one in self.orders]

    def fail_write(self, number: int, error: BaseException, *, stored: bool) -> None:
        """The write of that number from now on, from 0, raises; stored, or not."""
        left = [number]

        def fail(_: Changes) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise error

        if stored:
            self.store.after = fail
        else:
            self.store.before = fail

    def _lease(self) -> Lease:
        self._tokens += 1
        return Lease(f"token {self._tokens}", self.lease_seconds)


def portfolios(*counts: int) -> list[PortfolioRebalance]:
    """Proposals of so many orders each: sells of the even securities, buys of the others."""
    return [
        proposal(number, {one: (-1) ** (one + 1) * (one + 1) for one in range(count)})
        for number, count in enumerate(counts)
    ]
