"""What logs, metrics, traces and tokens cost GetModel: servers that differ in one of them, asked in turns."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from globeco.ordergen.v1 import model_pb2, model_service_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.attacks import GET_MODEL
from tests.benchmarks.load import Load
from tests.benchmarks.report import Section, Table, duration, progress
from tests.benchmarks.sending import callers
from tests.benchmarks.telemetry import costs
from tests.doors import published
from tests.e2e.api import message_of
from tests.e2e.processes import ServerProcess, server_process
from tests.e2e.test_collector import collecting
from tests.issuers import AUDIENCE, ISSUER, Issuer

ROUNDS, SECONDS = 20, 1.0
CALLERS = (1, 16)
BARE, ALL = "metrics", "all of them"
#: Calls a second of each round, by what is noted and the number of callers.
Rates = Mapping[tuple[str, int], Sequence[float]]
INTRODUCTION = f"""GetModel of a model of 100 positions, on servers that are processes of their own, each on
an embedded database of its own, and differ in what they note of a call. They are asked in turns, by 1 and by
16 callers, for {SECONDS:g} s in each of {ROUNDS} rounds, every other round in reverse; rates and differences
are medians of the rounds, and a difference is from the first server in the same round. Metrics cannot be
switched off, so that the first server counts calls, too: what they cost by themselves is measured below, in
time on the processor. The second server is like the first: its difference is the measurement's own."""
#: What all of it may take of the rate.
MOST = 0.10


def run() -> Section:
    """Measure everything."""
    rates: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        siblings = stack.enter_context(SimulatedSiblings(portfolios=1, positions=100))
        servers = {
            name: (stack.enter_context(_served(folder / str(number), siblings, variables)), token)
            for number, (name, (variables, token)) in enumerate(_kinds(folder, stack).items())
        }
        process = stack.enter_context(callers())
        for number in range(ROUNDS):
            progress(f"round {number + 1} of {ROUNDS}")
            for count in CALLERS:
                for name in list(servers)[:: -1 if number % 2 else 1]:
                    (server, model), token = servers[name]
                    raw = model_service_pb2.GetModelRequest(model_id=model.model_id).SerializeToString().hex()
                    port = server.api.port
                    load = Load(port, GET_MODEL, [raw], SECONDS, 60, callers=count, token=token)
                    became = process.carry_out(load)
                    rates.setdefault((name, count), []).append(became.codes["OK"] / became.seconds)
    return Section(
        "What is noted of a call, and its cost", INTRODUCTION, [_goals(rates), _table(rates), _parts()]
    )


def _kinds(folder: Path, stack: ExitStack) -> dict[str, tuple[Mapping[str, str], str]]:
    """Variables of each server, and the token that its callers send."""
    issuer = Issuer()
    endpoint, _ = stack.enter_context(collecting())
    tokens = {
        "ORDERGEN_TOKEN_KEYS": published(issuer, folder),
        "ORDERGEN_TOKEN_ISSUER": ISSUER,
        "ORDERGEN_TOKEN_AUDIENCE": AUDIENCE,
    }
    traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    quiet = {"ORDERGEN_LOG_LEVEL": "ERROR"}
    token = issuer.token(scope="ordergen:read ordergen:models")
    return {
        BARE: (quiet, ""),
        "metrics, again": (quiet, ""),
        "metrics and log lines": ({}, ""),
        "metrics and tokens": (quiet | tokens, token),
        "metrics and traces": (quiet | traces, ""),
        "metrics, log lines, tokens": (tokens, token),
        ALL: (tokens | traces, token),
    }


@contextmanager
def _served(
    folder: Path, siblings: SimulatedSiblings, variables: Mapping[str, str]
) -> Iterator[tuple[ServerProcess, model_pb2.Model]]:
    folder.mkdir()
    with (
        (folder / "log").open("w") as log,
        server_process(folder / "data", siblings, log, **variables) as server,
    ):
        metadata = _authorization(variables)
        request = model_service_pb2.CreateModelRequest(model=message_of(siblings.model, portfolios=1))
        yield server, server.api.models.CreateModel(request, metadata=metadata, timeout=60)


def _authorization(variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if "ORDERGEN_TOKEN_KEYS" not in variables:
        return ()
    return (("authorization", f"Bearer {Issuer().token(scope='ordergen:models')}"),)


def _difference(rates: Rates, name: str, count: int) -> float:
    """Of its rate from that of the first server in the same round."""
    return median(rate / bare - 1 for rate, bare in zip(rates[name, count], rates[BARE, count], strict=True))


def _goals(rates: Rates) -> Table:
    rows = []
    for count in CALLERS:
        less = -_difference(rates, ALL, count)
        verdict = "met" if less <= MOST else "missed"
        rows.append([f"all of them, {count} caller(s)", f"{MOST:.0%}", f"{less:.1%}", verdict])
    return Table("Goals", ("less of the rate", "at most", "measured", "verdict"), rows)


def _table(rates: Rates) -> Table:
    rows = []
    for name in dict.fromkeys(name for name, _ in rates):
        cells = [name]
        for count in CALLERS:
            rate = median(rates[name, count])
            cells += [f"{rate:,.0f}/s", f"{_difference(rates, name, count):+.1%}"]
        rows.append(cells)
    return Table("GetModel", ("noted", "1 caller", "against metrics", "16 callers", "against metrics"), rows)


def _parts() -> Table:
    rows = [(name, duration(microseconds / 1e6)) for name, microseconds in costs().items()]
    return Table("Parts", ("what", "takes"), rows)
