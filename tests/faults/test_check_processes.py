"""Checks of drift by compute processes, which are killed, or hang, or a run wants: each portfolio once."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import active_children
from threading import Lock

import pytest
from globeco.ordergen.v1 import drift_pb2
from globeco.ordergen.v1.rebalance_service_pb2 import CheckDriftRequest

from ordergen_server.compute.choice import PIECE
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.services.desk import lending
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.portfolios.readings import Asked, Readings
from ordergen_server.services.running import coordination
from tests.databases import temporary_database
from tests.e2e.api import Api, message_of, served
from tests.e2e.metrics import Scrape
from tests.e2e.runs import check_told, start, watched
from tests.limits import PATIENCE
from tests.waiting import eventually

PORTFOLIOS, PROCESSES = 160, 2
#: Each portfolio takes so long where a check is to be met in the middle.
SLOW_SECONDS = 0.2


@dataclass
class ReadHere:
    """Portfolios that the server has read itself, not its processes."""

    ids: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def noting(self, readings: Callable[..., Readings]) -> Callable[..., Readings]:
        def noted(work: PortfolioWork, asked: Iterable[Asked], deadline: Deadline) -> Readings:
            known = list(asked)
            with self.lock:
                self.ids += [portfolio_id for _, portfolio_id in known]
            return readings(work, known, deadline)

        return noted


@dataclass
class World:
    """A server with compute processes that have nothing to do."""

    api: Api
    siblings: SimulatedSiblings
    here: ReadHere
    model_id: str
    threads: ThreadPoolExecutor
    checks: int = 0

    def check(self) -> list[drift_pb2.PortfolioDrift]:
        self.checks += 1
        request = CheckDriftRequest(model_id=self.model_id)
        return list(self.api.rebalances.CheckDrift(request, timeout=PATIENCE))

    def begin(self) -> "Future[list[drift_pb2.PortfolioDrift]]":
        """A check that both processes are in the middle of; what they read is slow from now on."""
        self.siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=SLOW_SECONDS)])
        before = self.reads
        under_way = self.threads.submit(self.check)
        eventually(lambda: self.reads > before + PROCESSES)
        return under_way

    def let_go(self) -> None:
        """Nothing is slow any more."""
        self.siblings.set_faults("accounting", [])

    @property
    def reads(self) -> int:
        return self.siblings.calls("accounting").get("summary", 0)

    def by_processes_alone(self) -> list[drift_pb2.PortfolioDrift]:
        """A check of which the server reads nothing, once its processes have begun."""
        found = list[drift_pb2.PortfolioDrift]()

        def alone() -> bool:
            self.here.ids.clear()
            found[:] = self.check()
            return not self.here.ids

        eventually(alone)
        return found


@pytest.fixture(scope="module")
def running(mongodb_uri: str) -> Iterator[World]:
    """Its processes end with it."""
    before, here = set(active_children()), ReadHere()
    with (
        temporary_database(mongodb_uri) as database,
        SimulatedSiblings(portfolios=PORTFOLIOS, positions=4, securities=20) as siblings,
        pytest.MonkeyPatch.context() as patch,
        ThreadPoolExecutor(2) as threads,
        served(mongodb_uri, database, siblings, compute_processes=PROCESSES, lease_seconds=2.5) as api,
    ):
        patch.setattr(PortfolioWork, "readings", here.noting(PortfolioWork.readings))
        yield World(api, siblings, here, api.create(message_of(siblings.model)).model_id, threads)
        siblings.clear()
    assert set(active_children()) <= before


@pytest.fixture
def one(running: World) -> World:
    """The server, whose processes have begun and have nothing to do."""
    running.let_go()
    running.by_processes_alone()
    return running


def known(told: list[drift_pb2.PortfolioDrift]) -> list[str]:
    assert not any(one.state == drift_pb2.DRIFT_STATE_FAILED for one in told)
    return sorted(one.portfolio_id for one in told)


def pids() -> list[int]:
    return [child.pid for child in active_children() if child.pid]


def test_processes_tell_what_the_server_itself_does(one: World, mongodb_uri: str) -> None:
    """Every field of every portfolio, in the same order; and what they read is counted in its metrics."""
    told = one.by_processes_alone()
    read = Scrape(one.api.metrics_port).total("ordergen_stage_seconds_count", stage="read")
    assert read >= PORTFOLIOS
    with temporary_database(mongodb_uri) as other, served(mongodb_uri, other, one.siblings) as alone:
        model_id = alone.create(message_of(one.siblings.model)).model_id
        before = one.reads
        request = CheckDriftRequest(model_id=model_id)
        by_itself = list(alone.rebalances.CheckDrift(request, timeout=PATIENCE))
        assert one.reads == before + PORTFOLIOS
    assert len(one.here.ids) == PORTFOLIOS
    for drift in [*told, *by_itself]:
        drift.ClearField("snapshot_time")
        drift.ClearField("model_id")
    assert told == by_itself
    assert len({drift.drift.value for drift in told}) > PORTFOLIOS / 2


def test_killed_processes_lose_nothing_and_others_take_their_place(one: World) -> None:
    under_way, killed = one.begin(), pids()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    one.let_go()
    assert known(under_way.result(PATIENCE)) == sorted(one.siblings.model.portfolio_ids)
    assert one.here.ids
    assert known(one.by_processes_alone()) == sorted(one.siblings.model.portfolio_ids)
    assert set(pids()).isdisjoint(killed)


def test_a_process_that_hangs_is_ended_and_its_portfolios_are_read_by_the_server(
    one: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, hung = one.begin(), pids()[0]
    os.kill(hung, signal.SIGSTOP)
    monkeypatch.setattr(lending, "SILENT_SECONDS", 1.0)
    one.let_go()
    assert known(under_way.result(PATIENCE)) == sorted(one.siblings.model.portfolio_ids)
    assert one.here.ids
    eventually(lambda: hung not in pids())


def test_a_run_waits_for_no_piece_of_a_process_that_hangs(
    one: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the process that keeps its chunk waiting; the check loses nothing by that."""
    monkeypatch.setattr(coordination, "BEGIN_SECONDS", 1.0)
    under_way, hung = one.begin(), pids()
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)
    one.let_go()
    run = start(one.api, one.model_id)
    check_told(watched(one.api, run.rebalance_id), list(one.siblings.model.portfolio_ids))
    monkeypatch.setattr(lending, "SILENT_SECONDS", 0.0)
    assert known(under_way.result(PATIENCE)) == sorted(one.siblings.model.portfolio_ids)
    eventually(lambda: set(hung).isdisjoint(pids()))


def test_a_run_and_a_check_that_want_the_same_processes_lose_nothing(one: World) -> None:
    under_way = one.begin()
    run = start(one.api, one.model_id)
    one.let_go()
    assert known(under_way.result(PATIENCE)) == sorted(one.siblings.model.portfolio_ids)
    check_told(watched(one.api, run.rebalance_id), list(one.siblings.model.portfolio_ids))


def test_who_leaves_has_no_more_read_than_processes_have(one: World) -> None:
    one.siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=SLOW_SECONDS)])
    before, one.checks = one.reads, 0
    call = one.api.rebalances.CheckDrift(CheckDriftRequest(model_id=one.model_id), timeout=PATIENCE)
    eventually(lambda: one.reads > before)
    call.cancel()
    one.let_go()
    assert known(one.by_processes_alone()) == sorted(one.siblings.model.portfolio_ids)
    assert one.reads - before - one.checks * PORTFOLIOS <= PROCESSES * PIECE
