"""Calls of ModelService over the wire: a server on a real database, messages, and what a failure says."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2, model_service_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from google.rpc import error_details_pb2
from google.type import decimal_pb2
from grpc_status import rpc_status

from ordergen_server.bootstrap import serving
from ordergen_server.configuration.settings import Settings
from tests.builders import portfolio_id, security_id
from tests.limits import DATABASE_SECONDS, PATIENCE

pb = model_service_pb2
Detail = TypeVar("Detail")


@contextmanager
def channel_to(mongodb_uri: str, database: str, *, maximum_calls: int = 48) -> Iterator[grpc.Channel]:
    """A server of its own on a database, and a channel to it as any client has it."""
    settings = Settings(
        compute_processes=0,
        host="127.0.0.1",
        port=0,
        health_port=0,
        metrics_port=0,
        message_seconds=PATIENCE,
        mongodb_database=database,
        maximum_calls=maximum_calls,
        mongodb_timeout_seconds=DATABASE_SECONDS,
        maximum_call_seconds=PATIENCE,
        drain_seconds=1,
    )
    with (
        serving(settings, mongodb_uri) as running,
        grpc.insecure_channel(f"127.0.0.1:{running.port}") as channel,
    ):
        yield channel


@contextmanager
def server(mongodb_uri: str, database: str, *, maximum_calls: int = 48) -> Iterator[ModelServiceStub]:
    """A server of its own on a database, and the stub that calls it."""
    with channel_to(mongodb_uri, database, maximum_calls=maximum_calls) as channel:
        yield ModelServiceStub(channel)


def number(text: str) -> decimal_pb2.Decimal:
    return decimal_pb2.Decimal(value=text)


def line(
    security: int | str, target: str = "0.1", low_drift: str = "0.05", high_drift: str = "0.05"
) -> model_pb2.Position:
    """A position; an empty number is one that is not given."""
    return model_pb2.Position(
        security_id=security_id(security) if isinstance(security, int) else security,
        target=number(target) if target else None,
        low_drift=number(low_drift) if low_drift else None,
        high_drift=number(high_drift) if high_drift else None,
    )


def new_portfolios(count: int) -> list[str]:
    """Ids that no other test has."""
    return [uuid.uuid4().hex[:24] for _ in range(count)]


def model(
    name: str | None = None,
    positions: Sequence[model_pb2.Position] | None = None,
    portfolios: Sequence[int | str] = (),
    **rest: str | int,
) -> model_pb2.Model:
    """A model of a name that no other has, with two positions."""
    message = model_pb2.Model(
        name=f"Model {uuid.uuid4().hex}" if name is None else name,
        positions=[line(1), line(2, "0.2")] if positions is None else positions,
        portfolio_ids=[portfolio_id(one) if isinstance(one, int) else one for one in portfolios],
    )
    for key, value in rest.items():
        setattr(message, key, value)
    return message


def create(service: ModelServiceStub, message: model_pb2.Model | None = None) -> model_pb2.Model:
    request = pb.CreateModelRequest(model=message or model())
    return service.CreateModel(request, timeout=PATIENCE)


def get(service: ModelServiceStub, model_id: str) -> model_pb2.Model:
    return service.GetModel(pb.GetModelRequest(model_id=model_id), timeout=PATIENCE)


def lines(message: model_pb2.Model) -> list[tuple[str, str, str, str]]:
    """The positions as texts: security, target, low drift, high drift."""
    return [
        (one.security_id, one.target.value, one.low_drift.value, one.high_drift.value)
        for one in message.positions
    ]


@dataclass(frozen=True)
class Failure:
    """What an error says: its code, and its details taken apart."""

    code: grpc.StatusCode
    reason: str
    domain: str
    metadata: dict[str, str]
    violations: list[tuple[str, str]] = field(default_factory=list)
    resource: tuple[str, str, str] | None = None
    retry_seconds: float | None = None

    @property
    def paths(self) -> list[str]:
        """The fields that break rules."""
        return [path for path, _ in self.violations]


def failure_of(error: grpc.RpcError) -> Failure:
    """Take an error apart; it must have an ErrorInfo, and its status the same code and text."""
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    assert status is not None
    found: dict[type, object] = {}
    for detail in status.details:
        for kind in (
            error_details_pb2.ErrorInfo,
            error_details_pb2.BadRequest,
            error_details_pb2.ResourceInfo,
            error_details_pb2.RetryInfo,
        ):
            if detail.Is(kind.DESCRIPTOR):
                found[kind] = message = kind()
                detail.Unpack(message)
    assert len(found) == len(status.details)
    info = _detail(found, error_details_pb2.ErrorInfo)
    bad = _detail(found, error_details_pb2.BadRequest)
    resource = _detail(found, error_details_pb2.ResourceInfo)
    retry = _detail(found, error_details_pb2.RetryInfo)
    assert info is not None
    return Failure(
        code=error.code(),
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        violations=[(one.field, one.description) for one in bad.field_violations] if bad else [],
        resource=(resource.resource_type, resource.resource_name, resource.owner) if resource else None,
        retry_seconds=retry.retry_delay.ToNanoseconds() / 1e9 if retry else None,
    )


def failure(call: Callable[[], object]) -> Failure:
    """What the call fails with; it must."""
    with pytest.raises(grpc.RpcError) as raised:
        call()
    return failure_of(raised.value)


def attempt(call: Callable[[], Detail]) -> Detail | Failure:
    """What the call answers, or what it fails with."""
    try:
        return call()
    except grpc.RpcError as error:
        return failure_of(error)


def _detail(found: dict[type, object], kind: type[Detail]) -> Detail | None:
    detail = found.get(kind)
    return detail if isinstance(detail, kind) else None


def refused(violations: Sequence[tuple[str, str]]) -> Failure:
    """INVALID_ARGUMENT with these violations and nothing else."""
    return Failure(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", "ordergen.globeco", {}, list(violations)
    )


def no_model(model_id: str) -> Failure:
    """NOT_FOUND for this model."""
    return Failure(
        grpc.StatusCode.NOT_FOUND,
        "NOT_FOUND",
        "ordergen.globeco",
        {"model_id": model_id},
        resource=("Model", model_id, ""),
    )


def outdated(model_id: str, current: int) -> Failure:
    """ABORTED because another writer was first."""
    metadata = {"model_id": model_id, "current_version": str(current)}
    return Failure(grpc.StatusCode.ABORTED, "VERSION_MISMATCH", "ordergen.globeco", metadata)


def taken(kind: str, name: str, owner: str) -> Failure:
    """ALREADY_EXISTS: a name or a portfolio belongs to another model."""
    return Failure(
        grpc.StatusCode.ALREADY_EXISTS,
        "ALREADY_EXISTS",
        "ordergen.globeco",
        {"model_id": owner},
        resource=(kind, name, f"models/{owner}"),
    )
