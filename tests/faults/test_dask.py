"""A Dask cluster as an operator starts it, of which anything is killed or hangs: each portfolio once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.metrics import Scrape
from tests.e2e.processes import environment
from tests.faults.killing import KILLED_AT, PORTFOLIOS, SETTINGS, World, check, world_of
from tests.limits import PATIENCE
from tests.ports import free_port
from tests.waiting import eventually

#: A worker that the scheduler has not heard of for so long is none any more.
TTL = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "5s"}


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=4, securities=20) as running:
        yield running


@dataclass
class Cluster:
    """A scheduler and workers, each a process."""

    world: World
    port: int
    stack: ExitStack
    processes: "list[subprocess.Popen[str]]" = field(default_factory=list)

    @property
    def scheduler(self) -> "subprocess.Popen[str]":
        return self.processes[0]

    @property
    def workers(self) -> "list[subprocess.Popen[str]]":
        return self.processes[1:]

    def start_scheduler(self) -> None:
        command = ["-m", "distributed.cli.dask_scheduler", "--host=127.0.0.1", f"--port={self.port}"]
        self.processes.insert(0, self._started([*command, "--no-dashboard"], TTL))

    def start_worker(self) -> None:
        changed = {
            **SETTINGS,
            "ORDERGEN_MONGODB_URI": self.world.embedded.uri,
            "ORDERGEN_DASK_SCHEDULER": f"tcp://127.0.0.1:{self.port}",
        }
        variables = environment(self.world.folder, self.world.siblings, **changed)
        command = ["-m", "ordergen_server.worker", "--host=127.0.0.1"]
        self.processes.append(self._started(command, dict(variables)))

    def _started(self, command: list[str], variables: dict[str, str]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.stack.callback(process.wait, PATIENCE)
        self.stack.callback(process.kill)
        return process

    def kill(self, place: int) -> None:
        """SIGKILL a process."""
        killed = self.processes.pop(place)
        killed.kill()
        killed.wait(PATIENCE)


@contextmanager
def clustered(siblings: SimulatedSiblings, folder: Path, servers: int) -> Iterator[Cluster]:
    """Servers with a cluster of a scheduler and two workers."""
    port = free_port()
    address = {"ORDERGEN_DASK_SCHEDULER": f"tcp://127.0.0.1:{port}"}
    with world_of(siblings, folder, servers, **address) as world, ExitStack() as stack:
        stack.callback(world.close)  # before the cluster, which its server would look for
        cluster = Cluster(world, port, stack)
        cluster.start_scheduler()
        cluster.start_worker()
        cluster.start_worker()
        yield cluster


def test_workers_and_servers_killed_and_hanging_lose_nothing_and_do_nothing_twice(
    siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    with clustered(siblings, tmp_path, servers=2) as cluster:
        world = cluster.world
        run, portfolio_ids = world.begin()
        world.wait_until_done(run, portfolio_ids, KILLED_AT[0])
        cluster.kill(1)
        cluster.start_worker()
        killed = world.holder()
        for server in range(2):  # either may hold the run: its workers go on while another takes it over
            world.replace(server)
        world.wait_for_another_holder(killed)
        hanging = cluster.workers[0]
        hanging.send_signal(signal.SIGSTOP)
        try:
            world.wait_until_done(run, portfolio_ids, KILLED_AT[1])
            world.siblings.clear()
            eventually(lambda: world.holder() == "")  # it ends without the one that hangs
        finally:
            hanging.send_signal(signal.SIGCONT)
        check(world, world.servers[0].api, run, portfolio_ids)
        metrics = [Scrape(one.api.metrics_port) for one in world.servers]
        assert sum(one.total("ordergen_stage_seconds_count", stage="solve") for one in metrics) > 0


def test_a_scheduler_that_is_killed_loses_nothing(siblings: SimulatedSiblings, tmp_path: Path) -> None:
    """Workers end with it; the run waits for another, and for theirs."""
    with clustered(siblings, tmp_path, servers=1) as cluster:
        world = cluster.world
        run, portfolio_ids = world.begin()
        world.wait_until_done(run, portfolio_ids, KILLED_AT[0])
        cluster.kill(0)
        for worker in cluster.processes:
            worker.wait(PATIENCE)
        cluster.processes.clear()
        cluster.start_scheduler()
        cluster.start_worker()
        check(world, world.servers[0].api, run, portfolio_ids)
        cluster.workers[0].terminate()
        assert cluster.workers[0].wait(PATIENCE) == 0
