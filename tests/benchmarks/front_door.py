"""The server while one client does its worst, and while four times as much is asked as it can do."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import grpc
from globeco.ordergen.v1 import model_pb2, model_service_pb2, rebalance_service_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.attacks import (
    CHECK,
    GET_MODEL,
    connections,
    cpu_seconds,
    endless_connections,
    idle_reflections,
    memory_bytes,
    silent_calls,
    unread_watchers,
)
from tests.benchmarks.load import Load
from tests.benchmarks.report import Section, Table, Times, duration, progress
from tests.benchmarks.sending import Callers, callers
from tests.e2e.api import message_of
from tests.e2e.processes import ServerProcess, processes_on, server_process

REBALANCE = "/globeco.ordergen.v1.RebalanceService/RebalancePortfolio"
PORTFOLIOS, POSITIONS = 200, 100
SECONDS = 5.0
OVERLOAD_SECONDS, OVERLOAD, DEADLINE_SECONDS = 30.0, 4, 5.0
SETTINGS = {"ORDERGEN_MESSAGE_SECONDS": "60", "ORDERGEN_HEALTH_INTERVAL_SECONDS": "1"}
PROCESSES, ROUNDS = (1, 2), 3
MEGABYTE = 1024 * 1024

INTRODUCTION = f"""A server as a process of its own on the embedded database, one good client that calls
GetModel and the health of both ports in turns for {SECONDS:g} s, and one client that does its worst
meanwhile; all share the cores. Capacity is what 16 callers of RebalancePortfolio get done one after the
other, in a model of {PORTFOLIOS} portfolios of {POSITIONS} positions. Then {OVERLOAD} times as many calls a
second begin for {OVERLOAD_SECONDS:g} s, each with a deadline of {DEADLINE_SECONDS:g} s, whatever becomes of
those before. Health is asked for 500 times meanwhile, and readiness is watched. For capacity and overload the
server has one core to itself, as it has where callers are on other machines: {OVERLOAD} times as many callers
would take {OVERLOAD} times as much of its own."""


def run() -> Section:
    """Measure everything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        siblings = stack.enter_context(SimulatedSiblings(portfolios=PORTFOLIOS, positions=POSITIONS))
        server = stack.enter_context(server_process(folder, siblings, **SETTINGS))
        model = server.api.create(message_of(siblings.model, portfolios=PORTFOLIOS))
        started, *_ = server.api.rebalance_all(model.model_id)
        attacks = _attacks(server, model, started.started.rebalance_id)
        overload = _overload(server, model)
        processes = _processes(Path(stack.enter_context(tempfile.TemporaryDirectory())), siblings)
    return Section("Front door", INTRODUCTION, [attacks, overload, processes])


def _attacks(server: ServerProcess, model: model_pb2.Model, rebalance_id: str) -> Table:
    port, health_port = server.api.port, server.api.health_port
    large = model_service_pb2.ListModelsRequest(order_by="x" * 3_900_000).SerializeToString()
    attacks: dict[str, AbstractContextManager[object]] = {
        "none": nullcontext(),
        "136 calls without a message": silent_calls(port, GET_MODEL, 136),
        "2,000 calls without a message": silent_calls(port, GET_MODEL, 2000, channels=20),
        "136 health checks without a message": silent_calls(health_port, CHECK, 136),
        "140 idle reflection streams": idle_reflections(port, 140),
        "140 watchers that do not read": unread_watchers(port, rebalance_id, 140),
        "connections without end, 8088": endless_connections(port, "127.0.0.2", 850),
        "connections without end, 8089": endless_connections(health_port, "127.0.0.2", 850),
        "4 callers of ListModels with 3.9 MB": _calling(
            port, "/globeco.ordergen.v1.ModelService/ListModels", large, count=4
        ),
    }
    rows = []
    for name, attack in attacks.items():
        progress(name)
        with attack:
            times = _good_client(server, model.model_id)
        memory = memory_bytes(server.process.pid)
        cells = [cell for one in times for cell in (duration(one.median), duration(one.p99))]
        rows.append((name, *cells, f"{memory / MEGABYTE:.0f} MB"))
    columns = ("attack", "GetModel", "p99", "health, 8088", "p99", "health, 8089", "p99", "memory")
    return Table("Attacks", columns, rows)


def _good_client(server: ServerProcess, model_id: str) -> list[Times]:
    request = model_service_pb2.GetModelRequest(model_id=model_id).SerializeToString()
    seconds: list[list[float]] = [[], [], []]
    with connections(server.api.port, 1) as (main,), connections(server.api.health_port, 1) as (probes,):
        calls: list[tuple[Any, bytes]] = [
            (main.unary_unary(GET_MODEL), request),
            (main.unary_unary(CHECK), b""),
            (probes.unary_unary(CHECK), b""),
        ]
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            for kept, (call, sent) in zip(seconds, calls, strict=True):
                began = time.perf_counter()
                call(sent, timeout=60, wait_for_ready=True)
                kept.append(time.perf_counter() - began)
    return [Times(kept) for kept in seconds]


@contextmanager
def _calling(port: int, method: str, request: bytes, *, count: int) -> Iterator[None]:
    with callers() as process:
        process.begin(Load(port, method, [request.hex()], SECONDS + 1, 60, callers=count))
        yield


def _overload(server: ServerProcess, model: model_pb2.Model) -> Table:
    requests = _rebalances(model)
    with _alone_on_a_core(server), callers() as process, _Probe(server) as probe:
        progress("capacity")
        alone = process.carry_out(Load(server.api.port, REBALANCE, requests, 10, 60, callers=16))
        capacity = alone.codes["OK"] / alone.seconds
        progress(f"overload of {OVERLOAD} x {capacity:.0f}/s")
        probe.begin()
        load = Load(
            server.api.port, REBALANCE, requests, OVERLOAD_SECONDS, DEADLINE_SECONDS, rate=OVERLOAD * capacity
        )
        over = process.carry_out(load)
        probe.end()
        began = time.monotonic()
        after = process.carry_out(Load(server.api.port, REBALANCE, requests, 2, 60, callers=1))
        recovered = after.answered_seconds[0] if after.answered_seconds else time.monotonic() - began
        least = _refusal_of_grpc_alone(process, requests)
    refused = sum(over.codes.get(code, 0) for code in ("RESOURCE_EXHAUSTED", "UNAVAILABLE"))
    goodput = over.codes.get("OK", 0) / OVERLOAD_SECONDS
    late = sum(one > 1 for one in probe.seconds)
    others = {code: count for code, count in over.codes.items() if code != "OK"}
    rows = [
        ("capacity, portfolios a second", f"{capacity:.1f}"),
        ("asked for", f"{OVERLOAD * capacity:.1f}"),
        (
            "goodput, answered within the deadline",
            f"{goodput:.1f} ({goodput / capacity:.0%} of the capacity)",
        ),
        ("not answered", ", ".join(f"{count:,} {code}" for code, count in sorted(others.items()))),
        ("a refusal by gRPC for Python alone takes of a core", duration(least)),
        ("what as many of those would leave of it", f"{1 - least * refused / OVERLOAD_SECONDS:.0%}"),
        ("a refusal takes, median", duration(statistics.median(over.refused_seconds or [0.0]))),
        ("health answers after, p99", duration(Times(probe.seconds).p99)),
        ("health answers after more than a second", f"{late} of {len(probe.seconds)}"),
        ("changes of readiness", f"{probe.changes}"),
        ("the first call afterwards takes", duration(recovered)),
        ("memory", f"{memory_bytes(server.process.pid) / MEGABYTE:.0f} MB"),
    ]
    return Table("Overload", ("what", "measured"), rows)


def _refusal_of_grpc_alone(process: Callers, requests: list[str]) -> float:
    """Seconds of a core that a server takes for each call which it refuses at once."""
    command = [sys.executable, "-m", "tests.benchmarks.refusing"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        load = Load(int(server.stdout.readline()), REBALANCE, requests, SECONDS, 60, callers=16)
        process.carry_out(load)
        before = cpu_seconds(server.pid)
        refused = process.carry_out(load).codes["RESOURCE_EXHAUSTED"]
        taken = cpu_seconds(server.pid) - before
        server.stdin.close()
    return taken / refused


@contextmanager
def _alone_on_a_core(server: ServerProcess) -> Iterator[None]:
    """A block in which the server has a core, and everything else of ours the others."""
    first, *others = sorted(os.sched_getaffinity(0))
    rest = [os.getpid(), *processes_on(server.folder)]
    for pid, cores in ((server.process.pid, {first}), *((one, set(others) or {first}) for one in rest)):
        _move(pid, cores)
    try:
        yield
    finally:
        for pid in (server.process.pid, *rest):
            _move(pid, {first, *others})


def _move(pid: int, cores: set[int]) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(int(thread.name), cores)


def _processes(folder: Path, siblings: SimulatedSiblings) -> Table:
    """What 16 callers get, of one process and of two, in turns."""
    rates: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as stack:
        process = stack.enter_context(callers())
        servers = {
            count: stack.enter_context(
                server_process(folder / str(count), siblings, **SETTINGS, ORDERGEN_PROCESSES=str(count))
            )
            for count in PROCESSES
        }
        models = {
            count: server.api.create(message_of(siblings.model, portfolios=PORTFOLIOS))
            for count, server in servers.items()
        }
        for number in range(ROUNDS):
            progress(f"processes, round {number + 1} of {ROUNDS}")
            for count, server in servers.items():
                for name, (method, requests) in _calls_of(models[count]).items():
                    became = process.carry_out(
                        Load(server.api.port, method, requests, SECONDS, 60, callers=16)
                    )
                    rates.setdefault((name, count), []).append(became.codes["OK"] / became.seconds)
    rows = [
        (name, *(f"{statistics.median(rates[name, count]):,.1f}/s" for count in PROCESSES))
        for name in dict.fromkeys(name for name, _ in rates)
    ]
    return Table("Processes", ("16 callers of", *(f"{count} process(es)" for count in PROCESSES)), rows)


def _calls_of(model: model_pb2.Model) -> dict[str, tuple[str, list[str]]]:
    get = model_service_pb2.GetModelRequest(model_id=model.model_id).SerializeToString().hex()
    return {"GetModel": (GET_MODEL, [get]), "RebalancePortfolio": (REBALANCE, _rebalances(model))}


def _rebalances(model: model_pb2.Model) -> list[str]:
    return [
        rebalance_service_pb2.RebalancePortfolioRequest(portfolio_id=one).SerializeToString().hex()
        for one in model.portfolio_ids
    ]


class _Probe:
    """Asks for health on the port of probes, and watches readiness, from `begin` to `end`."""

    def __init__(self, server: ServerProcess) -> None:
        self._stack = ExitStack()
        self._server = server
        self._over = Event()
        self._threads: list[Thread] = []
        self.seconds: list[float] = []
        self.changes = -1  # the first status is none

    def __enter__(self) -> "_Probe":
        (channel,) = self._stack.enter_context(connections(self._server.api.health_port, 1))
        self._stub: Any = health_pb2_grpc.HealthStub(channel)
        return self

    def begin(self) -> None:
        self._watch = self._stub.Watch(health_pb2.HealthCheckRequest())
        self._threads = [Thread(target=self._ask), Thread(target=self._follow)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        self._watch.cancel()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        pause = OVERLOAD_SECONDS / 500
        while not self._over.wait(pause) and len(self.seconds) < 500:
            began = time.perf_counter()
            self._stub.Check(health_pb2.HealthCheckRequest(), timeout=60)
            self.seconds.append(time.perf_counter() - began)

    def _follow(self) -> None:
        try:
            for _ in self._watch:
                self.changes += 1
        except grpc.RpcError:
            if not self._over.is_set():
                raise

    def __exit__(self, *_: object) -> None:
        self._stack.close()
