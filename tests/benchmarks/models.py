"""ModelService beside the two things it is made of: a bare gRPC server and the bare driver."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median

import grpc
from globeco.ordergen.v1 import model_service_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub

from ordergen_server.bootstrap import serving
from ordergen_server.configuration.settings import Settings
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from tests.benchmarks.model_callers import (
    CALLS,
    MODELS,
    POSITIONS,
    Call,
    Measured,
    Order,
    database_call,
    driver,
    message,
)
from tests.benchmarks.report import Section, Table, duration, progress
from tests.benchmarks.sending import Callers, callers

pb = model_service_pb2
CALLERS = (1, 16, 64)
SECONDS = {1: 5.0, 16: 2.0, 64: 4.0}
ROUNDS = 5
TARGETS = ("database", "echo", "both", "service")
DATABASE = "benchmark"
MAXIMUM_OWN_SHARE = 0.15
Round = dict[tuple[str, int], Measured]
"""What one round measured of a call: of each target, by so many callers."""
Results = Mapping[tuple[str, str, int], Measured]

INTRODUCTION = f"""{MODELS} models of {POSITIONS} positions on the embedded database. ListModels answers all
of them on one page, every caller of UpdateModel changes a model of its own. The callers are threads of a
process of their own, the database is another process, and all share the cores. One caller calls the service
and what stands beside it in turns, call by call; 1, 16 and 64 callers take turns too, in {ROUNDS} rounds, and
the numbers are medians of the rounds: what slows the machine for a while slows them all. Beside each call
stand:

- gRPC: a bare server that answers the same bytes;
- driver: pymongo doing the operations that the call needs, with the same durability (GetModel a find,
  ListModels a find, for a whole listing needs no count, UpdateModel a find and an update on the version, each
  with one more find for the times of the last rebalances; CreateModel an insert);
- both: the bare server doing the bare operations, in one process as the service does.

What the service adds ("own") is its median with one caller without that of both in one process, which is
what gRPC and the driver cost where they share an interpreter; "over the sum" is without what each costs
alone, so that it also counts what the two cost each other. Either can be below zero: the driver decodes what
it reads, and the service does not decode again a model that has not changed since it was last read. Reading
one that has costs what UpdateModel shows. Most of a write here is the embedded database's checking of the
rules of a model. The service has 16 connections to it for all callers, the bare driver 64: more of them let
64 callers read a fifth fewer models a second. Those who write take turns at them in the order they came; the
driver alone lets whoever comes next before those who wait."""


def run() -> Section:
    """Measure everything."""
    results: dict[tuple[str, str, int], Measured] = {}
    ratios: dict[str, float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        embedded = stack.enter_context(EmbeddedDatabase(folder))
        service = stack.enter_context(_service(embedded))
        ids, answers = _prepare(service)
        bare = stack.enter_context(_bare(answers, ids, embedded.uri))
        process = stack.enter_context(callers("tests.benchmarks.model_callers"))

        def one_round(call: str) -> Round:
            found: Round = {}
            for count in CALLERS:
                targets = [one for one in TARGETS if one != "both" or count == 1]
                order = Order(
                    targets, call, count, SECONDS[count], ids, service, bare, embedded.uri, DATABASE
                )
                found.update({(target, count): one for target, one in _measure(process, order).items()})
            return found

        for call in CALLS:
            rounds = [one_round(call) for _ in range(ROUNDS)]
            results.update({(call, *key): _middle([one[key] for one in rounds]) for key in rounds[0]})
            ratios[call] = median(one["service", 64].rate / one["service", 16].rate for one in rounds)
            progress(f"{call}: {results[call, 'service', 1].rate:,.0f}/s by one caller")
    numbers = {"/".join(map(str, key)): asdict(value) for key, value in results.items()}
    tables = [_goals(results, ratios), _table(results)]
    return Section("ModelService", INTRODUCTION, tables, {**numbers, "rate of 64 / of 16": ratios})


@contextmanager
def _service(embedded: EmbeddedDatabase) -> Iterator[str]:
    settings = Settings(
        host="127.0.0.1", port=0, health_port=0, metrics_port=0, mongodb_database=DATABASE, drain_seconds=1
    )
    with serving(settings, embedded.uri) as server:
        yield f"127.0.0.1:{server.port}"


def _prepare(service: str) -> tuple[list[str], dict[str, bytes]]:
    """Create the models; what each call answers, as bytes."""
    with grpc.insecure_channel(service) as channel:
        stub = ModelServiceStub(channel)
        made = [
            stub.CreateModel(pb.CreateModelRequest(model=message(f"Model {number}")))
            for number in range(MODELS)
        ]
        listed = stub.ListModels(pb.ListModelsRequest(page_size=MODELS))
    answers = dict.fromkeys(CALLS, made[0].SerializeToString())
    answers["ListModels"] = listed.SerializeToString()
    return [one.model_id for one in made], answers


@contextmanager
def _bare(answers: Mapping[str, bytes], ids: Sequence[str], mongodb_uri: str) -> Iterator[str]:
    """A gRPC server that answers bytes: at once, or after what the driver has to do."""
    server = grpc.server(ThreadPoolExecutor(Settings.model_fields["maximum_calls"].default))
    with driver(mongodb_uri, DATABASE) as database:
        for service in ("echo", "both"):
            handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}
            for name, answer in answers.items():
                work = database_call(name, database, ids[-1]) if service == "both" else None
                handlers[name] = grpc.unary_unary_rpc_method_handler(partial(_answer, answer, work))
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()


def _answer(answer: bytes, work: Call | None, request: bytes, context: grpc.ServicerContext) -> bytes:
    del request, context
    if work:
        work()
    return answer


def _measure(process: Callers, order: Order) -> dict[str, Measured]:
    process.begin(order)
    return {target: Measured(**one) for target, one in process.end().items()}


def _middle(rounds: Sequence[Measured]) -> Measured:
    """The median of each number over the rounds."""
    numbers = zip(*((one.rate, one.median, one.p95) for one in rounds), strict=True)
    return Measured(*map(median, numbers))


def _goals(results: Results, ratios: Mapping[str, float]) -> Table:
    rows = []
    for call in CALLS:
        whole, echo, database, both = (
            results[call, target, 1].median for target in ("service", "echo", "database", "both")
        )
        own, over_sum = whole - both, whole - echo - database
        rows.append(
            (
                call,
                *(cell for part in (own, over_sum) for cell in (duration(part), f"{part / whole:.0%}")),
                "met" if own < MAXIMUM_OWN_SHARE * whole else "missed",
                f"{ratios[call]:.2f}",
                "met" if ratios[call] >= 1 else "missed",
            )
        )
    below = f"own below {MAXIMUM_OWN_SHARE:.0%}"
    ratio = "rate of 64 callers / of 16"
    columns = ("call", "own", "of a call", "over the sum", "of a call", below, ratio, "not lower")
    return Table("Goals", columns, rows)


def _table(results: Results) -> Table:
    rows = []
    for call in CALLS:
        for count in CALLERS:
            cells = [call, str(count)]
            for target in ("service", "echo", "database", "both"):
                one = results.get((call, target, count))
                if one is None:
                    continue
                cells += [f"{one.rate:,.0f}/s", duration(one.median), duration(one.p95)]
            rows.append(cells + [""] * (14 - len(cells)))
    columns = ["call", "callers"]
    for name in ("service", "gRPC", "driver", "both"):
        columns += [name, "median", "p95"]
    return Table("Calls", columns, rows)
