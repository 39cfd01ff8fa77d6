"""Compute processes that are killed or hang, and the server that they belong to: each portfolio once."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.metrics import Scrape
from tests.e2e.processes import parent_of
from tests.faults.killing import KILLED_AT, PORTFOLIOS, World, check, world_of
from tests.waiting import eventually

PROCESSES = 2
COMPUTING = {"ORDERGEN_COMPUTE_PROCESSES": str(PROCESSES)}


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=4, securities=20) as running:
        yield running


def compute_processes(server: int) -> list[int]:
    """The pids of a server's compute processes."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):  # it ended meanwhile
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            if b"spawn_main" in command and parent_of(int(entry.name)) == server:
                found.append(int(entry.name))
    return found


def working(world: World) -> list[int]:
    """The compute processes of the first server, once all are there."""
    pid = world.servers[0].process.pid
    return eventually(lambda: found if len(found := compute_processes(pid)) == PROCESSES else [])


def test_compute_processes_killed_again_and_again_lose_nothing_of_a_run(
    siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    """What they did is counted in the metrics of their server."""
    with world_of(siblings, tmp_path, 1, **COMPUTING) as world:
        run, portfolio_ids = world.begin()
        for enough in KILLED_AT:
            world.wait_until_done(run, portfolio_ids, enough)
            killed = working(world)
            for one in killed:
                os.kill(one, signal.SIGKILL)
            eventually(lambda: set(working(world)).isdisjoint(killed))  # noqa: B023 - called at once
        check(world, world.servers[0].api, run, portfolio_ids)
        metrics = Scrape(world.servers[0].api.metrics_port)
        assert metrics.total("ordergen_stage_seconds_count", stage="solve") > 0
        assert metrics.total("ordergen_sibling_attempts_total", service="portfolio-accounting") > 0


def test_a_compute_process_that_hangs_is_ended_and_its_chunk_is_done_by_another(
    siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    with world_of(siblings, tmp_path, 1, **COMPUTING) as world:
        run, portfolio_ids = world.begin()
        world.wait_until_done(run, portfolio_ids, KILLED_AT[0])
        hung = working(world)[0]
        os.kill(hung, signal.SIGSTOP)
        eventually(lambda: not Path(f"/proc/{hung}").exists())
        check(world, world.servers[0].api, run, portfolio_ids)


def test_compute_processes_end_with_their_server_and_another_goes_on(
    siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    with world_of(siblings, tmp_path, 1, **COMPUTING) as world:
        run, portfolio_ids = world.begin()
        world.wait_until_done(run, portfolio_ids, KILLED_AT[0])
        killed, holder = working(world), world.holder()
        world.replace(0)
        world.wait_for_another_holder(holder)
        eventually(lambda: not any(Path(f"/proc/{one}").exists() for one in killed))
        check(world, world.servers[0].api, run, portfolio_ids)
        left = working(world)
        assert world.servers[0].stop() == 0
        assert not any(Path(f"/proc/{one}").exists() for one in left)


def test_a_part_of_a_model_is_carried_on_as_the_part_that_it_is(
    siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    """First a compute process is killed, then the server: nobody who was left out is ever worked on.

    Money comes to every third portfolio: whoever works on it knows of that, though no process is left that
    heard of it from a caller.
    """

    def money(portfolio_ids: list[str]) -> dict[str, str]:
        return dict.fromkeys(portfolio_ids[::3], "20000.50")

    with world_of(siblings, tmp_path, 1, **COMPUTING) as world:
        run, portfolio_ids = world.begin(leave_out=PORTFOLIOS // 4, cash_flows=money)
        world.wait_until_done(run, portfolio_ids, KILLED_AT[0])
        os.kill(working(world)[0], signal.SIGKILL)
        world.wait_until_done(run, portfolio_ids, KILLED_AT[1])
        holder = world.holder()
        world.replace(0)
        world.wait_for_another_holder(holder)
        check(world, world.servers[0].api, run, portfolio_ids, money(portfolio_ids))
        ended = world.servers[0].api.run(run)
    assert (ended.partial, ended.portfolio_count) == (True, PORTFOLIOS - PORTFOLIOS // 4)


def test_a_database_killed_while_they_work_loses_nothing_of_a_run(
    siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    with world_of(siblings, tmp_path, 1, **COMPUTING) as world:
        run, portfolio_ids = world.begin()
        for enough in KILLED_AT:
            world.wait_until_done(run, portfolio_ids, enough)
            world.kill_database()
        check(world, world.servers[0].api, run, portfolio_ids)
