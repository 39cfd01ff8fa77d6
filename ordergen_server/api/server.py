"""The gRPC servers: the API with reflection and health, and health alone on a port that is never busy."""

import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, Thread

import grpc
from globeco.ordergen.v1 import model_service_pb2_grpc, rebalance_service_pb2_grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ordergen_server.api.calls import SERVICES, CallInterceptor
from ordergen_server.api.gate import GateInterceptor
from ordergen_server.api.model_servicer import ModelServicer
from ordergen_server.api.rebalance_servicer import RebalanceServicer
from ordergen_server.api.security import TlsFiles, server_credentials
from ordergen_server.domain.errors import Unavailable
from ordergen_server.domain.stores import Database

MODEL_SERVICE, REBALANCE_SERVICE = (service.full_name for service in SERVICES)
#: Serves while the process does, whatever the database does: what a liveness probe asks for.
LIVENESS = "liveness"
HEALTH_WORKERS = 4
#: Threads beyond those that work: they answer health checks, and refuse calls that are too many.
REFUSING_WORKERS = 8
#: A connection ends after this, so that clients look up the servers anew and reach new ones.
CONNECTION_AGE_MS = 300_000
MAXIMUM_REQUEST_BYTES = 4 * 1024 * 1024
#: Intervals between looks at the database: after so many without one that succeeds a server is not ready.
UNREADY_INTERVALS = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where to listen and how much to do at once; port 0 takes a free port."""

    host: str
    port: int
    health_port: int
    maximum_calls: int
    drain_seconds: float
    health_interval_seconds: float
    health_host: str = ""  # empty is the host of the API
    tls: TlsFiles | None = None


class ApiServer:
    """Serves the contract until stopped; ready while the database does what calls need.

    Raises:
        OSError: a port is in use, or the host is none of this machine.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        models: ModelServicer,
        rebalances: RebalanceServicer,
        calls: CallInterceptor,
        database: Database,
        gate: GateInterceptor | None = None,
    ) -> None:
        self._config = config
        self._database = database
        self._health = health.HealthServicer()
        self._stopping = Event()
        self._seen_well = -math.inf  # on the monotonic clock
        self._watcher = Thread(target=self._watch_database, name="readiness", daemon=True)
        self._calls = ThreadPoolExecutor(config.maximum_calls + REFUSING_WORKERS, thread_name_prefix="call")
        self._api = self._make_server(self._calls, [gate, calls] if gate else [calls])
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(models, self._api)
        rebalance_service_pb2_grpc.add_RebalanceServiceServicer_to_server(rebalances, self._api)
        names = (MODEL_SERVICE, REBALANCE_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._api)
        # With the workers of the API busy a probe on its port would time out and the pod be killed.
        self._probe = self._make_server(ThreadPoolExecutor(HEALTH_WORKERS, thread_name_prefix="health"), [])
        for server in (self._api, self._probe):
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        self._health.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
        self._set_ready(ready=False)
        credentials = server_credentials(config.tls) if config.tls else None
        self.port = _listen(self._api, config.host, config.port, credentials)
        self.health_port = _listen(self._probe, config.health_host or config.host, config.health_port)

    def start(self) -> None:
        """Answer calls from now on."""
        self._probe.start()
        self._api.start()
        self._look_at_database()
        self._watcher.start()

    def stop(self) -> None:
        """Take no new calls, let those in flight end, then stop."""
        self._stopping.set()
        self._health.enter_graceful_shutdown()
        self._api.stop(self._config.drain_seconds).wait()
        self._calls.shutdown()  # a call that was cut off still writes down the end of its run
        self._probe.stop(0).wait()
        self._watcher.join()

    def _watch_database(self) -> None:
        while not self._stopping.wait(self._config.health_interval_seconds):
            self._look_at_database()

    def _look_at_database(self) -> None:
        """Ready with a look that succeeds; not ready once none has for a while, for load makes some late."""
        patience = UNREADY_INTERVALS * self._config.health_interval_seconds
        try:
            self._database.look(patience)
        except Exception as error:  # noqa: BLE001 - without this thread readiness would stay as it is for ever
            if not isinstance(error, Unavailable):
                _log.exception("looking at the database met an internal error")
            if time.monotonic() - self._seen_well >= patience:
                self._set_ready(ready=False)
        else:
            self._seen_well = time.monotonic()
            self._set_ready(ready=True)

    def _set_ready(self, *, ready: bool) -> None:
        response = health_pb2.HealthCheckResponse
        status = response.SERVING if ready else response.NOT_SERVING
        for name in ("", MODEL_SERVICE, REBALANCE_SERVICE):
            self._health.set(name, status)

    @staticmethod
    def _make_server(workers: ThreadPoolExecutor, interceptors: list[grpc.ServerInterceptor]) -> grpc.Server:
        return grpc.server(
            workers,
            interceptors=interceptors,
            options=[
                ("grpc.so_reuseport", 0),  # two servers must not share a port unnoticed
                ("grpc.max_connection_age_ms", CONNECTION_AGE_MS),
                ("grpc.max_receive_message_length", MAXIMUM_REQUEST_BYTES),
            ],
        )


def _listen(
    server: grpc.Server, host: str, port: int, credentials: grpc.ServerCredentials | None = None
) -> int:
    try:
        if credentials:
            return server.add_secure_port(f"{host}:{port}", credentials)
        return server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:
        raise OSError(f"cannot listen on port {port} of {host}: it is in use, or no such address") from None
