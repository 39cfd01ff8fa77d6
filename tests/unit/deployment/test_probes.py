"""The server answers the probes of the Deployment as they need it."""

from collections.abc import Iterator
from contextlib import closing

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ordergen_server.api.calls import CallInterceptor
from ordergen_server.api.server import ApiServer, ServerConfig
from ordergen_server.repositories.database import Database
from tests.limits import PATIENCE
from tests.unit.deployment.manifests import Manifest, container

NOBODY_LISTENS = "mongodb://127.0.0.1:1/"


class NoCalls:
    """Servicers of methods that are never called."""

    def __getattr__(self, name: str) -> object:
        return name


@pytest.fixture
def health() -> Iterator[health_pb2_grpc.HealthStub]:
    """Health of a server whose database is down, on the port of the probes."""
    config = ServerConfig(
        host="127.0.0.1", port=0, health_port=0, maximum_calls=2, drain_seconds=1, health_interval_seconds=0.5
    )
    with closing(Database(NOBODY_LISTENS, "none", pool_size=1, timeout_seconds=1)) as database:
        server = ApiServer(
            config,
            models=NoCalls(),  # type: ignore[arg-type] # no method of it is called
            rebalances=NoCalls(),  # type: ignore[arg-type] # likewise
            calls=CallInterceptor(database.time_limit, 1, 2),
            database=database,
        )
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{server.health_port}") as channel:
            yield health_pb2_grpc.HealthStub(channel)
        server.stop()


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
