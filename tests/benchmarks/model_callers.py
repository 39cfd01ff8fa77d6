"""The callers of the models section, in a process of their own: `python -m tests.benchmarks.model_callers`.

Reads one JSON object a line, makes calls of every target from so many threads for so long, answers one JSON
object a line.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import median, quantiles
from threading import Barrier
from typing import Any

import grpc
import pymongo
from bson import ObjectId
from bson.decimal128 import Decimal128
from globeco.ordergen.v1 import model_pb2, model_service_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from google.protobuf import field_mask_pb2
from google.protobuf.message import Message
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from tests.benchmarks.report import timed

pb = model_service_pb2
POSITIONS = 50
MODELS = 100
CALLS = ("GetModel", "ListModels", "UpdateModel", "CreateModel")
Call = Callable[[], object]


@dataclass(frozen=True)
class Order:
    """What to measure: `targets` are of service, echo, database and both; `ids` are the models there are.

    One caller calls all targets in turns, for `seconds` together; several call one target after the other,
    each for `seconds`.
    """

    targets: list[str]
    call: str
    callers: int
    seconds: float
    ids: list[str]
    service: str
    bare: str
    mongodb_uri: str
    database: str


@dataclass(frozen=True)
class Measured:
    """Calls a second over all callers, and the times of one call."""

    rate: float
    median: float
    p95: float


def message(name: str, drift: str = "0.0500") -> model_pb2.Model:
    """A model of fifty positions."""
    result = model_pb2.Model(name=name)
    for number in range(POSITIONS):
        line = result.positions.add(security_id=f"SECURITY{number:016d}")
        line.target.value, line.low_drift.value, line.high_drift.value = "0.015", "0.0100", drift
    return result


def document(name: str) -> dict[str, Any]:
    """The same model as it is stored."""
    low, high, target = Decimal128("0.0100"), Decimal128("0.0500"), Decimal128("0.015")
    return {
        "name": name,
        "positions": [
            {"security_id": f"SECURITY{n:016d}", "target": target, "low_drift": low, "high_drift": high}
            for n in range(POSITIONS)
        ],
        "portfolio_ids": [],
        "version": 1,
        "create_time": _now(),
        "update_time": _now(),
    }


def _now() -> datetime:
    return datetime.now(UTC)


def requests_of(call: str, model_id: str) -> Callable[[int], Message]:
    """What a caller sends for its model: the message of its n-th call, where only the version tells."""
    if call == "GetModel":
        get = pb.GetModelRequest(model_id=model_id)
        return lambda _: get
    if call == "ListModels":
        page = pb.ListModelsRequest(page_size=MODELS)
        return lambda _: page
    if call == "CreateModel":
        return lambda _: pb.CreateModelRequest(model=message(uuid.uuid4().hex))
    mask = field_mask_pb2.FieldMask(paths=["positions"])

    def update(version: int) -> Message:
        given = message("", f"0.06{version % 100:02d}")
        given.model_id, given.version = model_id, version
        return pb.UpdateModelRequest(model=given, update_mask=mask)

    return update


def service_call(order: Order, channel: grpc.Channel, model_id: str) -> Call:
    """One call of the service."""
    stub = ModelServiceStub(channel)
    make = requests_of(order.call, model_id)
    method = getattr(stub, order.call)
    version = stub.GetModel(pb.GetModelRequest(model_id=model_id)).version

    def call() -> None:
        nonlocal version
        answer = method(make(version))
        if order.call == "UpdateModel":
            version = answer.version

    return call


def echo_call(order: Order, target: str, channel: grpc.Channel, model_id: str) -> Call:
    """The same bytes there and back, with nothing done in between but what `target` says."""
    make = requests_of(order.call, model_id)
    method: grpc.UnaryUnaryMultiCallable[Message, Message] = channel.unary_unary(
        f"/{target}/{order.call}",
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=(
            pb.ListModelsResponse.FromString if order.call == "ListModels" else model_pb2.Model.FromString
        ),
    )
    return lambda: method(make(1))


def database_call(name: str, database: Database[dict[str, Any]], model_id: str) -> Call:
    """The operations of the call, as the driver alone does them."""
    models, activity, key = database.models, database.model_activity, ObjectId(model_id)
    if name == "GetModel":
        return lambda: (models.find_one({"_id": key}), activity.find_one({"_id": key}))
    if name == "ListModels":

        def page() -> None:
            found = list(models.find({}).sort("_id", 1).limit(MODELS + 1).hint("_id_"))
            list(activity.find({"_id": {"$in": [one["_id"] for one in found]}}))

        return page
    if name == "CreateModel":
        return lambda: models.insert_one(document(uuid.uuid4().hex))
    positions = document("")["positions"]

    def update() -> None:
        version = next(models.find({"_id": key}).limit(1))["version"]
        change = {"$set": {"positions": positions, "update_time": _now()}, "$inc": {"version": 1}}
        done = models.update_one({"_id": key, "version": version}, change)
        assert done.modified_count == 1
        activity.find_one({"_id": key})

    return update


@contextmanager
def driver(mongodb_uri: str, name: str) -> Iterator[Database[dict[str, Any]]]:
    """The database as durable as the service uses it."""
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, maxPoolSize=64) as client:
        durable = WriteConcern("majority", j=True)
        yield client.get_database(name, write_concern=durable, read_concern=ReadConcern("majority"))


@contextmanager
def calls_of(order: Order, target: str) -> Iterator[list[Call]]:
    """One call for each caller; no two targets have the same first model, whose version they would change."""
    first = order.targets.index(target)
    ids = order.ids[first : first + order.callers]
    if target == "database":
        with driver(order.mongodb_uri, order.database) as database:
            yield [database_call(order.call, database, one) for one in ids]
        return
    address = order.service if target == "service" else order.bare
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        if target == "service":
            yield [service_call(order, channel, one) for one in ids]
        else:
            yield [echo_call(order, target, channel, one) for one in ids]


def measure(order: Order) -> dict[str, Measured]:
    """Let all callers call every target."""
    if order.callers == 1:
        return in_turns(order)
    found = {}
    for target in order.targets:
        with calls_of(order, target) as calls:
            found[target] = at_once(calls, order.seconds)
    return found


def in_turns(order: Order) -> dict[str, Measured]:
    """One caller who calls every target, then again: whatever slows the machine slows them all."""
    times: dict[str, list[float]] = {target: [] for target in order.targets}
    with ExitStack() as stack:
        calls = {target: stack.enter_context(calls_of(order, target))[0] for target in order.targets}
        for call in calls.values():
            call()  # what is made at the first call is not measured
        end = time.perf_counter() + order.seconds
        while time.perf_counter() < end:
            for target, call in calls.items():
                times[target].append(timed(call))
    return {target: measured([each]) for target, each in times.items()}


def at_once(calls: list[Call], seconds: float) -> Measured:
    """All callers of one target."""
    calls[0]()
    barrier = Barrier(len(calls))

    def run(call: Call) -> list[float]:
        barrier.wait(60)
        return repeated(call, seconds)

    with ThreadPoolExecutor(len(calls)) as threads:
        return measured(list(threads.map(run, calls)))


def measured(times: list[list[float]]) -> Measured:
    """What the times of some callers come to."""
    seconds = [one for each in times for one in each]
    rate = sum(len(each) / sum(each) for each in times)
    return Measured(rate, median(seconds), quantiles([*seconds, *seconds], n=20)[18])


def repeated(call: Call, seconds: float) -> list[float]:
    """The times of one call after the other."""
    times: list[float] = []
    now = time.perf_counter()
    end = now + seconds
    while now < end:
        call()
        before, now = now, time.perf_counter()
        times.append(now - before)
    return times


def main() -> None:
    """Serve orders until the input ends."""
    for text in sys.stdin:
        found = {target: asdict(one) for target, one in measure(Order(**json.loads(text))).items()}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
