"""A server of several processes is one server: one port, one health, one end."""

import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import grpc
import pytest
from globeco.ordergen.v1 import rebalance_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.attacks import connections
from tests.e2e.api import Api, connected, message_of
from tests.e2e.processes import ServerProcess, parent_of, processes_on, server_process
from tests.e2e.programs import ran
from tests.limits import PATIENCE
from tests.waiting import eventually

PROCESSES = 2
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=8, positions=20) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, siblings: SimulatedSiblings) -> Iterator[ServerProcess]:
    folder = tmp_path / "data folder"
    with server_process(
        folder, siblings, ORDERGEN_PROCESSES=str(PROCESSES), ORDERGEN_LEASE_SECONDS="2"
    ) as one:
        yield one
    siblings.clear()


def servers_of(server: ServerProcess) -> list[int]:
    """The pids of the processes that serve."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and parent_of(int(entry.name)) == server.process.pid:
                command = (entry / "cmdline").read_bytes()
                found += [int(entry.name)] if b"spawn_main" in command else []
        except OSError:
            continue  # it ended meanwhile
    return sorted(found)


def health(api: Api, service: str = "") -> int:
    with connections(api.health_port, 1) as (channel,):
        check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined] # set when made
        return int(check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE).status)


def test_all_serve_one_port_and_end_together(server: ServerProcess, siblings: SimulatedSiblings) -> None:
    model = server.api.create(message_of(siblings.model, portfolios=4))
    for _ in range(10):  # connections of their own, which the kernel spreads
        with connected(server.api.port, server.api.health_port) as api:
            assert api.get(model.model_id) == model
    assert len(servers_of(server)) == PROCESSES
    eventually(lambda: [health(server.api, name) for name in ("", "liveness")] == [SERVING] * 2)
    pids = servers_of(server)
    assert server.stop() == 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert processes_on(server.folder) == []


def test_one_that_dies_is_replaced_and_its_run_finished(
    server: ServerProcess, siblings: SimulatedSiblings
) -> None:
    """Readiness says so meanwhile; the other goes on serving, and takes the run over."""
    model = server.api.create(message_of(siblings.model, portfolios=8))
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.3)])
    told = server.api.rebalance_all(model.model_id)
    rebalance_id = next(told).started.rebalance_id
    before = servers_of(server)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(servers_of(server)) == PROCESSES and not set(servers_of(server)) & set(before))
    eventually(lambda: health(server.api) == SERVING)
    with connected(server.api.port, server.api.health_port) as api:
        eventually(lambda: api.run(rebalance_id).state != rebalance_pb2.REBALANCE_STATE_RUNNING)
        assert api.run(rebalance_id).state == rebalance_pb2.REBALANCE_STATE_COMPLETED
    assert server.stop() == 0


def test_those_whose_parent_is_killed_end_too(server: ServerProcess) -> None:
    pids = servers_of(server)
    server.process.kill()
    server.process.wait(PATIENCE)
    eventually(lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()])
    eventually(lambda: not processes_on(server.folder))


@pytest.mark.parametrize("processes", [1, 2])
def test_its_port_is_its_own(server: ServerProcess, processes: int, tmp_path: Path) -> None:
    taken = ran(
        "ordergen_server",
        ORDERGEN_HOST="127.0.0.1",
        ORDERGEN_PORT=str(server.api.port),
        ORDERGEN_PROCESSES=str(processes),
        ORDERGEN_DATA_FOLDER=str(tmp_path / "another"),
    )
    assert (taken.returncode, "in use" in taken.stderr) == (1, True)


def test_a_server_whose_processes_cannot_serve_says_why_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One that is told to end while it ends saves its coverage twice, and coverage.py prints a traceback.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    refused = ran(
        "ordergen_server",
        ORDERGEN_HOST="127.0.0.1",
        ORDERGEN_PORT="0",
        ORDERGEN_PROCESSES=str(PROCESSES),
        ORDERGEN_PRICING_URL="ftp://pricing",
        ORDERGEN_DATA_FOLDER=str(tmp_path),
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("this process cannot serve: pricing: its base URL begins with none of") > 0
    assert refused.stderr.splitlines()[-1] == (
        "ordergen_server: a process of the server does not begin: its log says why"
    )
    assert "Traceback" not in refused.stderr


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("processes", [1, 2])
def test_an_ipv6_address_is_as_good_as_any(
    tmp_path: Path, siblings: SimulatedSiblings, processes: int
) -> None:
    settings = {"ORDERGEN_HOST": "::1", "ORDERGEN_PROCESSES": str(processes)}
    with (
        server_process(tmp_path, siblings, **settings) as server,
        grpc.insecure_channel(f"[::1]:{server.api.port}") as channel,
        grpc.insecure_channel(f"[::1]:{server.api.health_port}") as probes,
    ):
        for one in (channel, probes):
            check = health_pb2_grpc.HealthStub(one).Check  # type: ignore[attr-defined] # set when made
            request = health_pb2.HealthCheckRequest()
            answer = partial(check, request, timeout=PATIENCE)
            eventually(lambda answer=answer: answer().status == SERVING)  # type: ignore[misc] # of this turn
        assert server.stop() == 0
