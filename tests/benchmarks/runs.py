"""Runs of whole models over simulated siblings, beside the floor of fetching and storing alone."""

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles

from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2

from ordergen_server.domain.chunks import CHUNK_PORTFOLIOS
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.stores import Lease, RunOrder
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from ordergen_server.sandbox.services.faults import ServiceName
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import SiblingConfig, SiblingsConfig, open_sources
from tests.benchmarks.report import Section, Table, duration, progress, timed
from tests.e2e.api import Api, message_of
from tests.e2e.processes import ServerProcess, server_process
from tests.stored_chunks import append

SIZES = tuple(int(size) for size in os.environ.get("BENCH_PORTFOLIOS", "1000,10000").split(","))
POSITIONS = 100
WORKERS = 16
WINDOW = CHUNK_PORTFOLIOS
KEPT = 512
SINGLES, CONCURRENT = 100, 100
PATIENCE = 3600.0
#: Those of a server that does not say how many; tests have none.
COMPUTE_PROCESSES = str(min(os.cpu_count() or 1, 8))
MEGABYTE = 1024
GOAL_FLOOR, GOAL_MEMORY_MB, GOAL_GROWTH = 1.3, 400, 1.3

INTRODUCTION = f"""The server is a process of its own with {COMPUTE_PROCESSES} compute processes, on the
embedded database and the simulated siblings, which are two more; all share the machine with what measures.
Models have {POSITIONS} positions. The floor is measured in the same run: the longer of reading every summary
with the same sibling client ({WORKERS} threads) and storing as many results with the same repository
({WINDOW} at once), each alone. Calls outbound are counted by the siblings, which make a portfolio when it is
first asked for and keep it: all are read once before anything is measured."""
SERVICES: tuple[ServiceName, ...] = ("accounting", "pricing", "security", "portfolio")


@dataclass(frozen=True)
class World:
    """A server with siblings, on a database."""

    api: Api
    server: ServerProcess
    siblings: SimulatedSiblings
    uri: str
    name: str

    @property
    def peak_megabytes(self) -> float:
        """The most memory the server has had, resident."""
        status = Path(f"/proc/{self.server.process.pid}/status").read_text(encoding="utf-8")
        line = next(one for one in status.splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / MEGABYTE

    @property
    def calls(self) -> int:
        """Calls that the siblings have had."""
        return sum(count for service in SERVICES for count in self.siblings.calls(service).values())


@contextmanager
def world(portfolios: int) -> Iterator[World]:
    """A world of its own, fresh, whose siblings have made what they answer.

    They make it when it is first asked for, and keep it: what is measured first would pay for all else.
    """
    name = f"bench-{uuid.uuid4().hex}"
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedDatabase(Path(folder)) as embedded,
        SimulatedSiblings(portfolios=portfolios, positions=POSITIONS) as siblings,
        server_process(
            Path(folder),
            siblings,
            ORDERGEN_MONGODB_URI=embedded.uri,
            ORDERGEN_MONGODB_DATABASE=name,
            ORDERGEN_LOG_LEVEL="ERROR",
            ORDERGEN_COMPUTE_PROCESSES=COMPUTE_PROCESSES,
        ) as server,
    ):
        fetching_alone(siblings)
        yield World(server.api, server, siblings, embedded.uri, name)


@dataclass(frozen=True)
class Measured:
    """One run of a model, and its floor; memory in MB."""

    portfolios: int
    seconds: float
    fetch_seconds: float
    store_seconds: float
    calls: int
    peak_megabytes: float
    idle_megabytes: float

    @property
    def floor_seconds(self) -> float:
        """The longer of the two."""
        return max(self.fetch_seconds, self.store_seconds)


def measure(portfolios: int) -> Measured:
    """A run of so many portfolios."""
    progress(f"a run of {portfolios} portfolios")
    with world(portfolios) as one:
        model = one.api.create(message_of(one.siblings.model))
        idle, before = one.peak_megabytes, one.calls
        run = started(one.api, model.model_id)
        ended = wait_for_end(one.api, run.rebalance_id)
        assert sum((ended.rebalanced_count, ended.no_action_count, ended.infeasible_count)) == portfolios
        calls, peak = one.calls - before, one.peak_megabytes
        seconds = (ended.finish_time.ToNanoseconds() - ended.create_time.ToNanoseconds()) / 1e9
        progress(f"{seconds:.1f} s; the floor")
        fetch = fetching_alone(one.siblings)
        return Measured(portfolios, seconds, fetch, storing_alone(one, ended), calls, peak, idle)


def started(api: Api, model_id: str) -> rebalance_pb2.Rebalance:
    request = rebalance_service_pb2.StartRebalanceRequest(model_id=model_id)
    return api.rebalances.StartRebalance(request, timeout=PATIENCE)


def wait_for_end(api: Api, rebalance_id: str) -> rebalance_pb2.Rebalance:
    """The run once it has ended; asking seldom takes nothing from it."""
    while True:
        run = api.run(rebalance_id)
        if run.state != rebalance_pb2.REBALANCE_STATE_RUNNING:
            return run
        time.sleep(0.25)


def fetching_alone(siblings: SimulatedSiblings, processes: int = 1) -> float:
    """Seconds to read every summary with the sibling client of the server, by one interpreter or several."""
    config, ids = siblings_config_of(siblings), siblings.model.portfolio_ids
    if processes == 1:
        return read_all(config, ids, WORKERS)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        list(pool.map(read_all, [config] * processes, [ids[:1]] * processes, [1] * processes))  # they begin
        parts = [ids[start::processes] for start in range(processes)]
        workers = [WORKERS // processes] * processes
        return timed(lambda: list(pool.map(read_all, [config] * processes, parts, workers)))


def siblings_config_of(siblings: SimulatedSiblings) -> SiblingsConfig:
    """As a server has it."""

    def sibling(url: str) -> SiblingConfig:
        return SiblingConfig(url, pool_size=WORKERS)

    return SiblingsConfig(
        portfolio_accounting=replace(sibling(siblings.accounting_url), maximum_body_bytes=8 * 1024 * 1024),
        pricing=sibling(siblings.pricing_url),
        security=sibling(siblings.security_url),
        portfolio=sibling(siblings.portfolio_url),
    )


def read_all(config: SiblingsConfig, portfolio_ids: Sequence[str], workers: int) -> float:
    """Seconds to read these summaries, so many at once."""
    with open_sources(config) as sources, ThreadPoolExecutor(workers) as threads:

        def read(portfolio_id: str) -> None:
            sources.portfolios.holdings(portfolio_id, 60)

        return timed(lambda: list(threads.map(read, portfolio_ids)))


def storing_alone(one: World, ended: rebalance_pb2.Rebalance) -> float:
    """Seconds to store as many results as a run has: those of its first portfolios, again and again."""
    seconds, left = 0.0, ended.portfolio_count
    with closing(Database(one.uri, one.name, pool_size=4, timeout_seconds=60)) as database:
        runs, chunks = Rebalances(database, PageTokens(b"key")), Chunks(database)
        starts = range(1, min(left, KEPT), WINDOW)
        batches = [runs.portfolios_after(ended.rebalance_id, start, WINDOW) for start in starts]
        while left > 0:
            ids = [one.portfolio_id for batch in batches for one in batch]
            lease, again = begin_again(runs, one, ended.rebalance_id, ids)
            for batch in batches:
                results = [replace(result, rebalance_id=again) for result in batch[:left]]
                if results:
                    seconds += timed(lambda: append(chunks, results, lease))  # noqa: B023 - called at once
                left -= len(results)
    return seconds


def begin_again(runs: Rebalances, one: World, like: str, portfolio_ids: Sequence[str]) -> tuple[Lease, str]:
    """A run of a model of its own, with the positions and the market of another, to store results into."""
    now = datetime.now(UTC)
    again = Rebalance(
        rebalance_id=runs.new_id(),
        model_id=runs.new_id(),
        model_name="Again",
        model_version=1,
        state=RebalanceState.RUNNING,
        create_time=now,
        rebalance_date=now.date(),
        portfolio_count=0,
        options=RebalanceOptions(),
    )
    lease = Lease(runs.new_id(), 3600)
    positions = tuple(
        Position(line.security_id, line.target, line.low_drift, line.high_drift)
        for line in one.siblings.model.positions
    )
    runs.begin(RunOrder(again, positions, 3600), portfolio_ids, lease, None, WINDOW)
    market = runs.kept_snapshot(like)
    assert market
    runs.keep_snapshot(again.rebalance_id, market)
    return lease, again.rebalance_id


@dataclass(frozen=True)
class Singles:
    """Calls of RebalancePortfolio; seconds."""

    alone: Sequence[float]
    outbound: Sequence[float]
    together: Sequence[float]
    together_seconds: float


def measure_singles() -> Singles:
    """One portfolio after another, then all at once."""
    progress("single portfolios")
    with world(CONCURRENT) as one:
        model = one.api.create(message_of(one.siblings.model))
        ids = list(model.portfolio_ids)
        one.api.rebalance(ids[0])  # tickers and prices are read with the first
        alone = [timed(lambda: rebalanced(one.api, key)) for key in ids[:SINGLES]]  # noqa: B023 - called at once
        outbound = outbound_seconds(one.siblings)
        with ThreadPoolExecutor(CONCURRENT) as threads:
            start = time.perf_counter()
            together = list(threads.map(lambda key: timed(lambda: rebalanced(one.api, key)), ids))
            whole = time.perf_counter() - start
        return Singles(alone, outbound, together, whole)


def rebalanced(api: Api, portfolio_id: str) -> None:
    request = rebalance_service_pb2.RebalancePortfolioRequest(portfolio_id=portfolio_id)
    try:
        api.rebalances.RebalancePortfolio(request, timeout=PATIENCE)
    except Exception as error:
        if "INFEASIBLE" not in str(error) and "No whole shares" not in str(error):
            raise


def outbound_seconds(siblings: SimulatedSiblings) -> list[float]:
    """What a portfolio's own call takes: its summary, all else being cached."""
    config = SiblingsConfig(
        portfolio_accounting=SiblingConfig(siblings.accounting_url),
        pricing=SiblingConfig(siblings.pricing_url),
        security=SiblingConfig(siblings.security_url),
        portfolio=SiblingConfig(siblings.portfolio_url),
    )
    with open_sources(config) as sources:
        return [
            timed(lambda: sources.portfolios.holdings(key, 60))  # noqa: B023 - called at once
            for key in siblings.model.portfolio_ids
        ]


def p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20)[18]


def run() -> Section:
    """Measure everything of this section."""
    found = [measure(size) for size in SIZES]
    singles = measure_singles()
    return Section(
        "Runs",
        INTRODUCTION,
        [goals(found), sizes(found), singles_table(singles)],
        {
            "runs": [one.__dict__ for one in found],
            "single": {
                "median": median(singles.alone),
                "p95": p95(singles.alone),
                "outbound_median": median(singles.outbound),
                "together_p95": p95(singles.together),
                "together_per_second": CONCURRENT / singles.together_seconds,
            },
        },
    )


def goals(found: Sequence[Measured]) -> Table:
    """What was aimed at, and by how much it was reached or missed."""
    first, last = found[0], found[-1]
    rows = [
        goal(
            f"wall time at {one.portfolios:,}, of the floor", one.seconds / one.floor_seconds, GOAL_FLOOR, "x"
        )
        for one in found
    ]
    rows += [
        goal(f"outbound calls at {one.portfolios:,}", one.calls, one.portfolios + 10, "") for one in found
    ]
    rows += [
        goal(f"peak memory at {last.portfolios:,}", last.peak_megabytes, GOAL_MEMORY_MB, " MB"),
        goal(
            f"peak memory at {last.portfolios:,}, of that at {first.portfolios:,}",
            last.peak_megabytes / first.peak_megabytes,
            GOAL_GROWTH,
            "x",
        ),
    ]
    return Table("Goals of runs", ("what", "goal at most", "measured", "verdict"), rows)


def goal(what: str, measured: float, most: float, unit: str) -> tuple[str, str, str, str]:
    verdict = "reached" if measured <= most else f"missed by {measured / most - 1:.0%}"
    return (
        what,
        f"{most:,}{unit}",
        f"{measured if isinstance(measured, int) else round(measured, 2):,}{unit}",
        verdict,
    )


def sizes(found: Sequence[Measured]) -> Table:
    """Each run."""
    columns = (
        "portfolios",
        "wall time",
        "portfolios/s",
        "fetching alone",
        "storing alone",
        "outbound calls",
        "peak memory",
        "before the run",
    )
    return Table(
        "A run of a model",
        columns,
        [
            (
                f"{one.portfolios:,}",
                duration(one.seconds),
                f"{one.portfolios / one.seconds:,.0f}",
                duration(one.fetch_seconds),
                duration(one.store_seconds),
                f"{one.calls:,}",
                f"{one.peak_megabytes:.0f} MB",
                f"{one.idle_megabytes:.0f} MB",
            )
            for one in found
        ],
    )


def singles_table(singles: Singles) -> Table:
    """Single portfolios."""
    pairs: list[tuple[str, Callable[[Sequence[float]], float]]] = [("median", median), ("95th", p95)]
    rows = [
        (
            name,
            duration(of(singles.alone)),
            duration(of(singles.outbound)),
            duration(of(singles.together)),
        )
        for name, of in pairs
    ]
    rate = CONCURRENT / singles.together_seconds
    return Table(
        "RebalancePortfolio",
        ("percentile", "one after another", "of which outbound", f"{CONCURRENT} at once"),
        rows,
        f"All {CONCURRENT} at once succeeded, {rate:.0f} a second. Outbound is the one call a portfolio "
        "needs while tickers, prices and names are cached.",
    )
