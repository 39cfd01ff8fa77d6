"""The REST front beside the gRPC API that it stands before."""

import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from globeco.ordergen.v1 import model_service_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.attacks import GET_MODEL
from tests.benchmarks.load import Load
from tests.benchmarks.model_callers import POSITIONS, message
from tests.benchmarks.report import Section, Table, Times, duration, progress, timed
from tests.benchmarks.rest_callers import RestBecame, RestLoad
from tests.benchmarks.sending import Callers, callers
from tests.e2e.api import message_of
from tests.e2e.processes import ServerProcess, server_process
from tests.fronts import Front, front_process

CALLERS, SECONDS, ROUNDS = 16, 3.0, 7
PORTFOLIOS, LINES, RUNS = 100, 60, 20
MINIMUM_SHARE, MAXIMUM_SECONDS = 0.5, 15.0
SETTINGS = {"ORDERGEN_LOG_LEVEL": "WARNING"}
QUIET = {"ORDERGEN_REST_LOG_LEVEL": "WARNING"}

INTRODUCTION = f"""A server, a front and their callers, each a process of its own, share the cores. {CALLERS}
callers ask for a model of {POSITIONS} positions, one answer after the other, over gRPC and through the front
in turns, {SECONDS:g} s each in {ROUNDS} rounds; the share is that of each round. Then a model of {LINES}
positions that {PORTFOLIOS} portfolios follow is rebalanced by POST {RUNS} times, and each run is read: a
portal waits {MAXIMUM_SECONDS:g} s for either."""


@dataclass(frozen=True)
class Round:
    """What one round measured of a way: answers a second, and the times of one."""

    rate: float
    times: Times


def run() -> Section:
    """Measure everything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        siblings = stack.enter_context(SimulatedSiblings(portfolios=PORTFOLIOS, positions=LINES))
        server = stack.enter_context(server_process(folder, siblings, **SETTINGS))
        front = stack.enter_context(front_process(f"127.0.0.1:{server.api.port}", **QUIET))
        model_id = server.api.create(message("Model")).model_id
        rounds = _rounds(server, front, model_id)
        followed = server.api.create(message_of(siblings.model)).model_id
        rebalances, reads = _rebalances(front, followed)
    share = statistics.median(rest.rate / bare.rate for bare, rest in rounds)
    tables = [_goals(share, rebalances), _calls(rounds), _runs(rebalances, reads)]
    numbers: dict[str, object] = {
        "share": share,
        "grpc rate": statistics.median(bare.rate for bare, _ in rounds),
        "rest rate": statistics.median(rest.rate for _, rest in rounds),
        "rebalance median": rebalances.median,
        "rebalance maximum": max(rebalances.seconds),
    }
    return Section("REST front", INTRODUCTION, tables, numbers)


def _rounds(server: ServerProcess, front: Front, model_id: str) -> list[tuple[Round, Round]]:
    """Of every round what gRPC does, and what the front does."""
    found = []
    with callers() as bare, callers("tests.benchmarks.rest_callers") as rest:
        for number in range(ROUNDS + 1):
            one = _over_grpc(bare, server, model_id), _over_rest(rest, front, model_id)
            progress(f"gRPC {one[0].rate:,.0f}/s, REST {one[1].rate:,.0f}/s")
            if number:  # what is made at the first call is not measured
                found.append(one)
    return found


def _over_grpc(process: Callers, server: ServerProcess, model_id: str) -> Round:
    request = model_service_pb2.GetModelRequest(model_id=model_id).SerializeToString().hex()
    became = process.carry_out(Load(server.api.port, GET_MODEL, [request], SECONDS, 60, callers=CALLERS))
    return Round(became.codes["OK"] / became.seconds, Times(became.answered_seconds))


def _over_rest(process: Callers, front: Front, model_id: str) -> Round:
    process.begin(RestLoad(front.port, f"/api/v1/model/{model_id}", CALLERS, SECONDS))
    became = RestBecame(**process.end())
    return Round(len(became.answered_seconds) / became.seconds, Times(became.answered_seconds))


def _rebalances(front: Front, model_id: str) -> tuple[Times, Times]:
    """How long rebalances take, and reading each as a whole."""
    rebalances, reads = [], []
    for _ in range(RUNS):
        ids: list[str] = []

        def rebalance(ids: list[str] = ids) -> None:
            answer = front.ask("POST", f"/api/v1/model/{model_id}/rebalance")
            (orders,) = answer.json
            assert orders["portfolios_done"] == PORTFOLIOS
            ids.append(orders["rebalance_id"])

        rebalances.append(timed(rebalance))
        reads.append(timed(lambda ids=ids: front.ask("GET", f"/api/v1/rebalance/{ids[0]}")))  # type: ignore[misc] # of this round
    progress(f"rebalances take {duration(Times(rebalances).median)}")
    return Times(rebalances), Times(reads)


def _goals(share: float, rebalances: Times) -> Table:
    longest = max(rebalances.seconds)
    rows = [
        (
            "GetModel, share of gRPC's rate",
            f"{MINIMUM_SHARE:.2f}",
            f"{share:.2f}",
            _verdict(share >= MINIMUM_SHARE),
        ),
        (
            f"rebalance of {PORTFOLIOS} portfolios, longest",
            duration(MAXIMUM_SECONDS),
            duration(longest),
            _verdict(longest < MAXIMUM_SECONDS),
        ),
    ]
    return Table("Goals", ("what", "goal", "measured", "verdict"), rows)


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


def _calls(rounds: Sequence[tuple[Round, Round]]) -> Table:
    rows = []
    for name, ways in zip(("gRPC", "REST"), zip(*rounds, strict=True), strict=True):
        times = [one.times for one in ways]
        rows.append(
            (
                name,
                f"{statistics.median(one.rate for one in ways):,.0f}/s",
                duration(statistics.median(one.median for one in times)),
                duration(statistics.median(one.p99 for one in times)),
            )
        )
    return Table("GetModel", ("way", f"{CALLERS} callers", "median", "p99"), rows)


def _runs(rebalances: Times, reads: Times) -> Table:
    rows = [
        (name, duration(times.median), duration(max(times.seconds)))
        for name, times in (("POST .../rebalance", rebalances), ("GET .../rebalance/{id}", reads))
    ]
    return Table(f"A model of {PORTFOLIOS} portfolios", ("request", "median", "longest"), rows)
