"""Health follows the database, on both ports; reflection tells what is served."""

from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import MODEL_ID
from tests.e2e.api import Api, failure, message_of, served
from tests.e2e.processes import server_process
from tests.limits import PATIENCE
from tests.waiting import eventually

SERVICES = tuple(
    f"globeco.ordergen.v1.{name}" for name in ("ModelService", "RebalanceService", "ReferenceService")
)
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


def statuses(api: Api) -> set[int]:
    """What both ports say of every service."""
    found = set()
    for port in (api.port, api.health_port):
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined] # set when made
            for service in ("", *SERVICES):
                found.add(int(check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE).status))
    return found


def test_a_server_is_ready_while_its_database_answers(tmp_path: Path, siblings: SimulatedSiblings) -> None:
    """Its database killed, it says so, answers calls with UNAVAILABLE, and is ready again by itself."""
    with server_process(tmp_path, siblings) as server:
        assert statuses(server.api) == {SERVING}
        model = server.api.create(message_of(siblings.model))
        with server.without_database():
            eventually(lambda: statuses(server.api) == {NOT_SERVING})
        eventually(lambda: statuses(server.api) == {SERVING})
        assert server.api.get(model.model_id) == model
        assert server.stop() == 0


def test_reflection_tells_the_services(api: Api) -> None:
    """Enough for grpcurl and buf curl: the services and every type they use."""
    database = ProtoReflectionDescriptorDatabase(api.channel)
    assert set(SERVICES) <= set(database.get_services())
    file = database.FindFileContainingSymbol("globeco.ordergen.v1.RebalanceService")
    assert [service.name for service in file.service] == ["RebalanceService"]
    for name in file.dependency:
        assert database.FindFileByName(name).name == name


def test_the_port_of_health_serves_nothing_else(api: Api) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{api.health_port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/globeco.ordergen.v1.ModelService/GetModel"
        )
        with pytest.raises(grpc.RpcError) as raised:
            call(b"", timeout=PATIENCE)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_without_its_database_every_call_is_unavailable(tmp_path: Path, siblings: SimulatedSiblings) -> None:
    """The server says so, and can still be stopped."""
    embedded = EmbeddedDatabase(tmp_path)
    with embedded, served(embedded.uri, "test", siblings, mongodb_timeout_seconds=4) as api:
        model = api.create(message_of(siblings.model))
        embedded.stop()
        calls = (lambda: api.get(MODEL_ID), lambda: list(api.rebalance_all(model.model_id)))
        for call in calls:
            found = failure(call)
            assert (found.code, found.info.reason) == (
                grpc.StatusCode.UNAVAILABLE,
                "DATABASE_UNAVAILABLE",
            )
            assert found.info.metadata["service"] == "database"
            assert found.detail(error_details_pb2.RetryInfo).retry_delay.ToNanoseconds() > 0
