"""What the client costs over the bare stubs: calls that block or are awaited, and runs that are followed."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from globeco.ordergen.v1 import model_service_pb2, rebalance_service_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from globeco.ordergen.v1.rebalance_service_pb2_grpc import RebalanceServiceStub

from ordergen_client import AsyncClient, Client
from ordergen_client.connecting.channels import open_async_channel, open_channel
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.benchmarks.report import Section, Table, duration, progress
from tests.e2e.api import message_of
from tests.e2e.processes import server_process

PORTFOLIOS, POSITIONS = 1_000, 100
CALLS, ROUNDS, RUNS = 300, 9, 5
PATIENCE = 600.0
GOAL_SYNC, GOAL_ASYNC, GOAL_STREAM = 0.15, 0.20, 0.85

INTRODUCTION = f"""A server as a process of its own on the embedded database, a model of {POSITIONS}
positions that {PORTFOLIOS:,} portfolios follow, and both callers on a channel as the client opens it. Stub
and client take turns: {ROUNDS} rounds of {CALLS} calls one after the other, and {RUNS} runs each; the ratio
is that of the medians. A run is started and followed to its end in the view FULL. The client answers records,
whose lines are made once somebody looks; a run of which every line is looked at is measured, too."""


@dataclass(frozen=True)
class World:
    """Where the server is, and what is asked of it."""

    target: str
    model_id: str
    rebalance_id: str


def run() -> Section:
    """Measure everything."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SimulatedSiblings(portfolios=PORTFOLIOS, positions=POSITIONS) as siblings,
        server_process(Path(folder), siblings) as server,
    ):
        model = server.api.create(message_of(siblings.model, portfolios=PORTFOLIOS))
        with Client(channel=server.api.channel, run_timeout_seconds=PATIENCE) as client:
            followed = client.runs.start(model.model_id)
            followed.wait()
        world = World(f"127.0.0.1:{server.api.port}", model.model_id, followed.rebalance_id)
        blocking, awaited, streams = _blocking(world), asyncio.run(_awaited(world)), _streams(world)
    goals = [
        _goal("a call that blocks", blocking, GOAL_SYNC),
        _goal("a call that is awaited", awaited, GOAL_ASYNC),
        _stream_goal(streams),
    ]
    tables = [
        Table("Goals of the client", ("goal", "measured", "met"), goals),
        Table(
            "Calls", ("call", "stub", "client", "more"), [_call_row(*one) for one in [*blocking, *awaited]]
        ),
        Table("Runs", ("what is followed", "portfolios a second"), [_rate_row(*one) for one in streams]),
    ]
    seconds = {name: {"stub": stub, "client": client} for name, stub, client in [*blocking, *awaited]}
    return Section("Client", INTRODUCTION, tables, {"seconds": seconds, "portfolios_a_second": dict(streams)})


Times = tuple[str, float, float]
"""A call, and the median seconds of it by the stub and by the client."""


def _blocking(world: World) -> list[Times]:
    with open_channel(world.target, None) as channel, Client(world.target) as client:
        models, runs = ModelServiceStub(channel), RebalanceServiceStub(channel)
        get_model = model_service_pb2.GetModelRequest(model_id=world.model_id)
        get_run = rebalance_service_pb2.GetRebalanceRequest(rebalance_id=world.rebalance_id)
        return [
            _compared(
                "GetModel",
                lambda: models.GetModel(get_model, timeout=PATIENCE),
                lambda: client.models.get(world.model_id),
            ),
            _compared(
                "GetRebalance",
                lambda: runs.GetRebalance(get_run, timeout=PATIENCE),
                lambda: client.runs.get(world.rebalance_id),
            ),
        ]


def _compared(name: str, stub: Callable[[], object], client: Callable[[], object]) -> Times:
    progress(f"client: {name}")
    seconds: tuple[list[float], list[float]] = ([], [])
    for call in (stub, client):
        _repeated(call, CALLS)
    for _ in range(ROUNDS):
        for kept, call in zip(seconds, (stub, client), strict=True):
            kept.append(_repeated(call, CALLS))
    return name, median(seconds[0]), median(seconds[1])


def _repeated(call: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times


async def _awaited(world: World) -> list[Times]:
    async with open_async_channel(world.target, None) as channel, AsyncClient(world.target) as client:
        models: Any = ModelServiceStub(channel)
        runs: Any = RebalanceServiceStub(channel)
        get_model = model_service_pb2.GetModelRequest(model_id=world.model_id)
        get_run = rebalance_service_pb2.GetRebalanceRequest(rebalance_id=world.rebalance_id)
        return [
            await _compared_awaited(
                "GetModel, awaited",
                lambda: models.GetModel(get_model, timeout=PATIENCE),
                lambda: client.models.get(world.model_id),
            ),
            await _compared_awaited(
                "GetRebalance, awaited",
                lambda: runs.GetRebalance(get_run, timeout=PATIENCE),
                lambda: client.runs.get(world.rebalance_id),
            ),
        ]


async def _compared_awaited(
    name: str, stub: Callable[[], Awaitable[object]], client: Callable[[], Awaitable[object]]
) -> Times:
    progress(f"client: {name}")
    seconds: tuple[list[float], list[float]] = ([], [])
    for call in (stub, client):
        await _repeated_awaited(call, CALLS)
    for _ in range(ROUNDS):
        for kept, call in zip(seconds, (stub, client), strict=True):
            kept.append(await _repeated_awaited(call, CALLS))
    return name, median(seconds[0]), median(seconds[1])


async def _repeated_awaited(call: Callable[[], Awaitable[object]], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        await call()
    return (time.perf_counter() - began) / times


Rate = tuple[str, float]
"""What is followed by whom, and how many portfolios come in a second."""


def _streams(world: World) -> list[Rate]:
    with open_channel(world.target, None) as channel, Client(world.target) as client:
        stub: Any = RebalanceServiceStub(channel)
        followers: dict[str, Callable[[], Iterator[object]]] = {
            "a run, by the stub": lambda: _run_by_stub(stub, world),
            "a run, by the client": lambda: iter(client.runs.start(world.model_id)),
            "a run, by the client, every line looked at": lambda: _lines(
                iter(client.runs.start(world.model_id))
            ),
            "an ended run, by the stub": lambda: _watched_by_stub(stub, world.rebalance_id),
            "an ended run, by the client": lambda: iter(client.runs.attach(world.rebalance_id)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in followers}
        for _ in range(RUNS):
            for name, follower in followers.items():
                progress(f"client: {name}")
                seconds[name].append(_followed(follower()))
    return [(name, PORTFOLIOS / median(kept)) for name, kept in seconds.items()]


def _followed(portfolios: Iterator[object]) -> float:
    began = time.perf_counter()
    count = sum(1 for _ in portfolios)
    if count != PORTFOLIOS:
        raise ValueError(f"{count} portfolios of {PORTFOLIOS} came")
    return time.perf_counter() - began


def _run_by_stub(stub: Any, world: World) -> Iterator[object]:  # noqa: ANN401 - a stub
    request = rebalance_service_pb2.StartRebalanceRequest(model_id=world.model_id)
    return _watched_by_stub(stub, stub.StartRebalance(request, timeout=PATIENCE).rebalance_id)


def _watched_by_stub(stub: Any, rebalance_id: str) -> Iterator[object]:  # noqa: ANN401 - a stub
    request = rebalance_service_pb2.WatchRebalanceRequest(rebalance_id=rebalance_id)
    for message in stub.WatchRebalance(request, timeout=PATIENCE):
        if message.HasField("portfolio"):
            yield message.portfolio


def _lines(portfolios: Iterator[Any]) -> Iterator[object]:
    for portfolio in portfolios:
        for _ in portfolio.positions:
            pass
        yield portfolio


def _goal(what: str, times: list[Times], most: float) -> tuple[str, str, str]:
    worst = max(client / stub - 1 for _, stub, client in times)
    return f"{what}: less than {most:.0%} over the stub", f"{worst:.1%}", "yes" if worst < most else "no"


def _stream_goal(streams: list[Rate]) -> tuple[str, str, str]:
    rates = dict(streams)
    share = rates["a run, by the client"] / rates["a run, by the stub"]
    met = "yes" if share >= GOAL_STREAM else "no"
    return f"a run that is followed: {GOAL_STREAM:.0%} of the stub's rate or more", f"{share:.0%}", met


def _call_row(name: str, stub: float, client: float) -> tuple[str, str, str, str]:
    return name, duration(stub), duration(client), f"{client / stub - 1:.1%}"


def _rate_row(name: str, rate: float) -> tuple[str, str]:
    return name, f"{rate:,.0f}"
