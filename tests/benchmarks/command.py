"""How long people wait for the command: whole processes, beside one that only begins."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from ordergen_client import Client
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.benchmarks.report import Section, Table, duration, progress
from tests.e2e.api import message_of
from tests.e2e.processes import server_process

PORTFOLIOS, POSITIONS = 1_000, 60
ROUNDS = 9
PATIENCE = 600.0
ORDERGEN = str(Path(sys.executable).with_name("ordergen"))
GOALS = {"--help": 0.3, "models list": 0.6}

INTRODUCTION = f"""Each is a process from start to end, its files read before ({ROUNDS} rounds, the
median); a server is there as a process of its own, with a model of {POSITIONS} positions that {PORTFOLIOS:,}
portfolios follow, and a run of it. The reference is Python that starts and imports gRPC."""


def run() -> Section:
    """Measure everything."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SimulatedSiblings(portfolios=PORTFOLIOS, positions=POSITIONS) as siblings,
        server_process(Path(folder), siblings) as server,
    ):
        model = server.api.create(message_of(siblings.model, portfolios=PORTFOLIOS))
        with Client(channel=server.api.channel, run_timeout_seconds=PATIENCE) as client:
            client.runs.start(model.model_id).wait()
        target = f"--target=127.0.0.1:{server.api.port}"
        seconds = {
            "Python and gRPC": _median([sys.executable, "-c", "import grpc"]),
            "--help": _median([ORDERGEN, "--help"]),
            "models list": _median([ORDERGEN, "models", "list", target]),
            "models show": _median([ORDERGEN, "models", "show", model.model_id, target]),
            "runs list": _median([ORDERGEN, "runs", "list", target]),
            "runs show": _median([ORDERGEN, "runs", "show", "latest", target]),
            "runs orders": _median([ORDERGEN, "runs", "orders", "latest", "--output=csv", target]),
        }
    goals = [
        (
            f"`ordergen {name}` within {goal} s",
            duration(seconds[name]),
            "yes" if seconds[name] < goal else "NO",
        )
        for name, goal in GOALS.items()
    ]
    reference = seconds["Python and gRPC"]
    rows = [(name, duration(value), f"{value / reference:.1f}x") for name, value in seconds.items()]
    tables = [
        Table("Goals of the command", ("goal", "measured", "met"), goals),
        Table("Commands", ("command", "seconds", "of the reference"), rows),
    ]
    return Section("Command", INTRODUCTION, tables, {"seconds": seconds})


def _median(command: list[str]) -> float:
    progress(f"command: {' '.join(command[1:3])}")
    return median(_seconds(command) for _ in range(ROUNDS + 1))


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE)
    return time.perf_counter() - began
