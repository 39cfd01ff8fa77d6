"""The server answers the probes of the Deployment as they need it."""

from collections.abc import Iterator
from contextlib import closing

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ordergen_server.repositories.mongodb.database import Database
from tests.limits import PATIENCE
from tests.unit.api.serving import api_server
from tests.unit.deployment.manifests import Manifest, container

NOBODY_LISTENS = "mongodb://127.0.0.1:1/"


@pytest.fixture
def health() -> Iterator[health_pb2_grpc.HealthStub]:
    """Health of a server whose database is down, on the port of the probes."""
    with (
        closing(Database(NOBODY_LISTENS, "none", pool_size=1, timeout_seconds=1)) as database,
        api_server(database, {}, interval_seconds=0.5) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.health_port}") as channel,
    ):
        yield health_pb2_grpc.HealthStub(channel)


@pytest.mark.parametrize(
    ("probe", "expected"),
    [("startupProbe", "SERVING"), ("livenessProbe", "SERVING"), ("readinessProbe", "NOT_SERVING")],
)
def test_without_its_database_a_server_is_alive_and_not_ready(
    health: health_pb2_grpc.HealthStub, probe: str, expected: str
) -> None:
    grpc_probe: Manifest = container("Deployment")[probe]["grpc"]
    request = health_pb2.HealthCheckRequest(service=grpc_probe.get("service", ""))
    status = health.Check(request, timeout=PATIENCE).status  # type: ignore[attr-defined]  # its stubs leave methods out
    assert health_pb2.HealthCheckResponse.ServingStatus.Name(status) == expected
