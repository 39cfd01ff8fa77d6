"""Calls of any kind with anything in them: whatever comes, it is answered or refused for what it is."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ordergen_server.api.calls import SERVICES
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.attacks import connections, memory_bytes
from tests.e2e.api import message_of
from tests.e2e.processes import ServerProcess, server_process
from tests.limits import PATIENCE, sized
from tests.waiting import eventually

CALLS = sized(1_000, 20_000)
CALLERS = 8
SEED = 20_261_129
#: What a random number, text or flag is drawn from; ids that are there come in beside.
NUMBERS = [0, 1, -1, 7, 100, 1000, 2**31 - 1, -(2**31), 2**53, 2**63 - 1, -(2**63)]
TEXTS = [
    "",
    "0",
    "1",
    "-1",
    "0.1",
    "1e99",
    "1e-41",
    "NaN",
    "ä\u202e\0",
    "x" * 1024,
    "f" * 24,
    "version",
    "name asc",
]
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Target:
    """A server, and ids that it knows."""

    server: ServerProcess
    known: Sequence[str]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("fuzzed")
    with (
        SimulatedSiblings(portfolios=4, positions=10) as siblings,
        server_process(folder, siblings) as server,
    ):
        model = server.api.create(message_of(siblings.model, portfolios=4))
        started, *_ = server.api.rebalance_all(model.model_id)
        securities = [one.security_id for one in model.positions]
        yield Target(
            server, [model.model_id, started.started.rebalance_id, *model.portfolio_ids, *securities]
        )


def drawn(field: FieldDescriptor, draw: random.Random, known: Sequence[str], depth: int) -> object:
    """A value of a field, of the right type and no more."""
    if field.message_type:
        return message(field.message_type, draw, known, depth + 1)
    if field.type == FieldDescriptor.TYPE_STRING:
        return draw.choice([*TEXTS, *known, *known])
    if field.type == FieldDescriptor.TYPE_BOOL:
        return draw.random() < 0.5
    if field.type == FieldDescriptor.TYPE_ENUM:
        return draw.randrange(-1, 8)
    low, high = (
        (-(2**31), 2**31 - 1) if field.cpp_type == FieldDescriptor.CPPTYPE_INT32 else (-(2**63), 2**63 - 1)
    )
    return max(low, min(high, draw.choice(NUMBERS)))


def message(descriptor: Any, draw: random.Random, known: Sequence[str], depth: int = 0) -> Message:  # noqa: ANN401 - typed by its own package alone
    """A message that protobuf takes, with some of its fields."""
    made = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if depth > 4 or draw.random() < 0.3:
            continue
        if field.is_repeated:
            values = [drawn(field, draw, known, depth) for _ in range(draw.randrange(4))]
            if field.message_type:
                for value in values:
                    getattr(made, field.name).add().CopyFrom(value)
            else:
                getattr(made, field.name).extend(values)
        elif field.message_type:
            getattr(made, field.name).CopyFrom(drawn(field, draw, known, depth))
        else:
            setattr(made, field.name, drawn(field, draw, known, depth))
    return made


def request(method: MethodDescriptor, draw: random.Random, known: Sequence[str]) -> bytes:
    """A valid message, one with bytes changed, one cut short, or bytes of no meaning."""
    raw = bytearray(message(method.input_type, draw, known).SerializeToString())
    kind = draw.randrange(5)
    if kind == 0:
        return draw.randbytes(draw.randrange(200))
    if kind == 1:
        for _ in range(draw.randrange(1, 4)):
            raw[draw.randrange(len(raw) + 1) : draw.randrange(len(raw) + 1)] = draw.randbytes(
                draw.randrange(5)
            )
    if kind == 2:
        del raw[draw.randrange(len(raw) + 1) :]
    return bytes(raw)


def called(channel: grpc.Channel, method: MethodDescriptor, raw: bytes) -> grpc.StatusCode:
    """How a call ends; a stream is read to its end."""
    name = f"/{method.containing_service.full_name}/{method.name}"
    makers: dict[bool, Any] = {True: channel.unary_stream, False: channel.unary_unary}
    call = makers[method.server_streaming](name)
    try:
        answer = call(raw, timeout=PATIENCE)
        if method.server_streaming:
            for _ in answer:
                pass
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_whatever_comes_is_answered_or_refused_for_what_it_is(target: Target) -> None:
    methods = [method for service in SERVICES for method in service.methods]
    before = memory_bytes(target.server.process.pid)

    def caller(number: int, channel: grpc.Channel) -> Counter[tuple[str, grpc.StatusCode]]:
        draw, seen = random.Random(SEED + number), Counter[tuple[str, grpc.StatusCode]]()  # noqa: S311 - no secret
        for count in range(CALLS // CALLERS):
            method = methods[(count + number) % len(methods)]
            seen[method.name, called(channel, method, request(method, draw, target.known))] += 1
        return seen

    with connections(target.server.api.port, CALLERS) as channels, ThreadPoolExecutor(CALLERS) as pool:
        seen = sum(pool.map(caller, range(CALLERS), channels), Counter[tuple[str, grpc.StatusCode]]())
    wrong = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE}
    assert {one: count for one, count in seen.items() if one[1] in wrong} == {}
    assert seen.total() == CALLS // CALLERS * CALLERS
    assert {name for name, _ in seen} == {method.name for method in methods}
    assert {code for _, code in seen} >= {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    assert target.server.api.models is not None
    eventually(lambda: memory_bytes(target.server.process.pid) < before + 100 * MEGABYTE)
    assert target.server.stop() == 0
