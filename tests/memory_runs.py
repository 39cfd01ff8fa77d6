"""Runs in memory, kept as RebalanceStore promises: leased, fenced."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from threading import RLock

from ordergen_server.domain.chunks import CHUNK_PORTFOLIOS, flows_of
from ordergen_server.domain.errors import (
    InvalidArgument,
    NotFound,
    OrderGenerationError,
    PreconditionFailed,
    RebalanceInProgress,
    VersionMismatch,
)
from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.rebalances import (
    PortfolioRebalance,
    PortfolioState,
    Rebalance,
    RebalanceState,
    View,
    summary_of,
)
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.domain.stores import Lease, LeaseLost, Request, RunOrder
from ordergen_server.domain.subjects import Subject
from ordergen_server.services.members import NO_FLOWS
from tests.builders import NOW


@dataclass
class StoredChunk:
    """A chunk of a run; done once it has results, and those are told once it is published."""

    number: int
    stride: int
    portfolio_ids: tuple[str, ...]
    cash_flows: Mapping[str, Decimal]
    token: str = ""
    begun: bool = False
    beats: int = 0
    why: OrderGenerationError | None = None
    results: Sequence[PortfolioRebalance] | None = None
    stopped: OrderGenerationError | None = None
    published: bool = False


@dataclass
class StoredRun:
    """A run with what its store keeps beside its record."""

    rebalance: Rebalance
    order: RunOrder | None = None
    portfolio_ids: tuple[str, ...] = ()
    lease: Lease | None = None
    until: datetime = NOW
    deadline_time: datetime = NOW
    request: Request | None = None
    cancel_requested: bool = False
    snapshot: MarketSnapshot | None = None
    results: list[PortfolioRebalance] = field(default_factory=list)
    chunks: list[StoredChunk] = field(default_factory=list)
    stopped: OrderGenerationError | None = None


class MemoryRuns:
    """Keeps runs in a dict; `failures` are raised, each once, by the writes that come next.

    Args:
        clock: what leases and deadlines are measured by, as by a database's.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: NOW) -> None:
        self._clock = clock
        self.runs: dict[str, StoredRun] = {}
        self.failures: list[Exception] = []
        self.lock = RLock()
        self._ids = 0

    @property
    def headers(self) -> dict[str, Rebalance]:
        with self.lock:
            return {key: run.rebalance for key, run in self.runs.items()}

    @property
    def results(self) -> list[PortfolioRebalance]:
        with self.lock:
            return [one for run in self.runs.values() for one in run.results]

    def new_id(self) -> str:
        with self.lock:
            self._ids += 1
            return f"{self._ids:024x}"

    def put(self, rebalance: Rebalance, results: Sequence[PortfolioRebalance] = ()) -> None:
        """Replace what is known of a run, and add results, whoever holds it."""
        with self.lock:
            run = self.runs.setdefault(rebalance.rebalance_id, StoredRun(rebalance))
            run.results += results
            counts = Counter(one.state for one in run.results)
            run.rebalance = replace(rebalance, counts=rebalance.counts or dict(counts))

    def begin(
        self,
        order: RunOrder,
        portfolio_ids: Sequence[str],
        lease: Lease,
        request: Request | None,
        chunk_size: int = CHUNK_PORTFOLIOS,
        *,
        cash_flows: Mapping[str, Decimal] = NO_FLOWS,
    ) -> Rebalance:
        with self.lock:
            self.fail_if_told()
            first = self._repeated(request)
            if first:
                return first
            for run in self.runs.values():
                running = run.lease and run.rebalance.state is RebalanceState.RUNNING
                if running and run.rebalance.model_id == order.rebalance.model_id:
                    other = run.rebalance.rebalance_id
                    raise RebalanceInProgress(other, metadata={"rebalance_id": other})
            run = StoredRun(order.rebalance, order, tuple(portfolio_ids), request=request)
            starts = range(0, len(portfolio_ids), chunk_size)
            for place, start in enumerate(starts):
                ids = tuple(portfolio_ids[start : start + chunk_size])
                run.chunks.append(StoredChunk(place, len(starts), ids, flows_of(ids, cash_flows)))
            run.deadline_time = self._clock() + timedelta(seconds=order.seconds_left)
            self.runs[order.rebalance.rebalance_id] = run
            self.lend(run, lease)
            return order.rebalance

    def lend(self, run: StoredRun, lease: Lease) -> None:
        """Lease a run from now on, whoever holds it."""
        run.lease, run.until = lease, self._clock() + timedelta(seconds=lease.seconds)

    def first_of(self, request: Request) -> Rebalance | None:
        return self._repeated(request)

    def save_whole(
        self, rebalance: Rebalance, result: PortfolioRebalance, request: Request | None
    ) -> Rebalance:
        with self.lock:
            self.fail_if_told()
            first = self._repeated(request)
            if first:
                return first
            stored = StoredRun(rebalance, request=request, results=[replace(result, sequence=2)])
            self.runs[rebalance.rebalance_id] = stored
            return rebalance

    def append(self, rebalance_id: str, lease: Lease, results: Sequence[PortfolioRebalance]) -> bool:
        """Add results, in the order of their sequence."""
        with self.lock:
            run = self.held(rebalance_id, lease)
            first = len(run.results) + 2
            run.results += [replace(one, sequence=first + place) for place, one in enumerate(results)]
            counts = dict(run.rebalance.counts)
            for one in results:
                counts[one.state] = counts.get(one.state, 0) + 1
            known = run.rebalance.summary
            run.rebalance = replace(
                run.rebalance, counts=counts, summary=known and known.plus(summary_of(results))
            )
            self.lend(run, lease)
            return run.cancel_requested

    def finish(self, rebalance: Rebalance, lease: Lease) -> Rebalance:
        with self.lock:
            run = self.held(rebalance.rebalance_id, lease)
            run.rebalance = replace(
                run.rebalance,
                state=rebalance.state,
                error=rebalance.error,
                finish_time=rebalance.finish_time,
                version=run.rebalance.version + 1,
            )
            run.lease = None
            return run.rebalance

    def renew(self, rebalance_id: str, lease: Lease) -> bool:
        with self.lock:
            run = self.held(rebalance_id, lease)
            self.lend(run, lease)
            return run.cancel_requested

    def take_over(self, lease: Lease) -> RunOrder | None:
        with self.lock:
            self.fail_if_told()
            for run in self.runs.values():
                if run.order and run.lease and run.until <= self._clock():
                    self.lend(run, lease)
                    left = (run.deadline_time - self._clock()).total_seconds()
                    return replace(run.order, rebalance=run.rebalance, seconds_left=left)
            return None

    def keep_snapshot(self, rebalance_id: str, snapshot: MarketSnapshot) -> None:
        with self.lock:
            run = self.runs[rebalance_id]
            run.snapshot = run.snapshot or snapshot

    def kept_snapshot(self, rebalance_id: str) -> MarketSnapshot | None:
        with self.lock:
            return self.runs[rebalance_id].snapshot

    def request_cancel(self, rebalance_id: str, by: Subject, time: datetime) -> Rebalance:
        del by, time
        with self.lock:
            found = self.get(rebalance_id)
            self.runs[rebalance_id].cancel_requested = found.state is RebalanceState.RUNNING
            return found

    def to_be_cancelled(self) -> list[str]:
        with self.lock:
            running = {key: run for key, run in self.runs.items() if run.lease}
            return [key for key, run in running.items() if run.cancel_requested]

    def delete(self, rebalance_id: str, version: int) -> None:
        with self.lock:
            found = self.get(rebalance_id)
            if found.version != version:
                raise VersionMismatch(rebalance_id)
            if found.state is RebalanceState.RUNNING:
                raise PreconditionFailed(rebalance_id)
            del self.runs[rebalance_id]

    def get(self, rebalance_id: str) -> Rebalance:
        with self.lock:
            if rebalance_id not in self.runs:
                raise NotFound(rebalance_id)
            return self.runs[rebalance_id].rebalance

    def find(self, page: PageRequest, model_id: str, portfolio_ids: Collection[str]) -> Page[Rebalance]:
        del portfolio_ids
        found = [run for run in self.headers.values() if model_id in ("", run.model_id)]
        return Page(tuple(found[page.skip :][: page.limit]), "", len(found))

    def find_portfolios(
        self, rebalance_id: str, page: PageRequest, state: PortfolioState | None
    ) -> Page[PortfolioRebalance]:
        found = [one for one in self._of(rebalance_id) if state in (None, one.state)]
        return Page(tuple(replace(one, positions=()) for one in found[: page.limit]))

    def portfolios_after(
        self, rebalance_id: str, sequence: int, limit: int, view: View = View.FULL
    ) -> tuple[PortfolioRebalance, ...]:
        found = [viewed(one, view) for one in self._of(rebalance_id) if one.sequence > sequence]
        return tuple(sorted(found, key=lambda one: one.sequence)[:limit])

    def get_portfolio(
        self, rebalance_id: str, portfolio_id: str, view: View = View.FULL
    ) -> PortfolioRebalance:
        for one in self._of(rebalance_id):
            if one.portfolio_id == portfolio_id:
                return viewed(one, view)
        raise NotFound(portfolio_id)

    def _of(self, rebalance_id: str) -> list[PortfolioRebalance]:
        with self.lock:
            return list(self.runs[rebalance_id].results) if rebalance_id in self.runs else []

    def held(self, rebalance_id: str, lease: Lease) -> StoredRun:
        self.fail_if_told()
        run = self.runs[rebalance_id]
        if run.lease is None or run.lease.token != lease.token:
            raise LeaseLost(rebalance_id)
        return run

    def _repeated(self, request: Request | None) -> Rebalance | None:
        for run in self.runs.values():
            if request and run.request and run.request.request_id == request.request_id:
                if run.request != request:
                    raise InvalidArgument("request_id")
                return run.rebalance
        return None

    def fail_if_told(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


def viewed(one: PortfolioRebalance, view: View) -> PortfolioRebalance:
    return one if view is View.FULL else replace(one, positions=())
