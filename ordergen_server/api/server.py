"""The gRPC servers: the API with reflection and health, and health alone on a port of its own."""

import logging
import math
import time
from dataclasses import dataclass
from threading import Event, Thread

import grpc
from grpc_health.v1 import health_pb2

from ordergen_server.api import health, reflection
from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.calls import SERVICES, Calls
from ordergen_server.api.event_loop import EventLoop
from ordergen_server.api.health import Health
from ordergen_server.api.routes import Routes
from ordergen_server.api.security import Gatekeeper, TlsFiles, server_credentials
from ordergen_server.api.security.guard import guarded
from ordergen_server.domain.errors import Unavailable
from ordergen_server.domain.stores import Database

MODEL_SERVICE, REBALANCE_SERVICE = (service.full_name for service in SERVICES)
#: Serves while the process does, whatever the database does: what a liveness probe asks for.
LIVENESS = "liveness"
MAXIMUM_REQUEST_BYTES = 4 * 1024 * 1024
#: Connections at once: with those to the database and to siblings fewer than the 1,024 files of a process.
API_CONNECTIONS, HEALTH_CONNECTIONS = 800, 100
#: Intervals between looks at the database: after so many without one that succeeds a server is not ready.
UNREADY_INTERVALS = 5
_CHANNEL_OPTIONS = [
    ("grpc.so_reuseport", 0),  # two servers must not share a port unnoticed
    ("grpc.max_receive_message_length", MAXIMUM_REQUEST_BYTES),
    # A connection ends after this, so that clients look up the servers anew and reach new ones.
    ("grpc.max_connection_age_ms", 300_000),
    # What one client may hold: streams of a connection, connections of a port, and none that says nothing.
    ("grpc.max_concurrent_streams", 128),
    ("grpc.max_connection_idle_ms", 120_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    # Clients may ping a quiet stream every 10 s; one that is gone without a word is noticed within 80.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where to listen, and how long things may take; port 0 takes a free port."""

    host: str
    port: int
    health_port: int
    drain_seconds: float
    health_interval_seconds: float
    message_seconds: float
    health_host: str = ""  # empty is the host of the API
    tls: TlsFiles | None = None


class ApiServer:
    """Serves the contract until stopped; ready while the database does what calls need.

    Args:
        config: where and how.
        loop: runs the servers.
        calls: the methods of the contract.
        database: what readiness looks at.
        gatekeeper: lets calls of the API in; the health port is open to everybody.

    Raises:
        OSError: a port is in use, the host is none of this machine, or a file of TLS cannot be read.
        ValueError: the files of TLS cannot be used.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        loop: EventLoop,
        calls: Calls,
        database: Database,
        gatekeeper: Gatekeeper,
    ) -> None:
        self._config = config
        self._loop = loop
        self._calls = calls
        self._database = database
        self._gatekeeper = gatekeeper
        self._stopping = Event()
        self._seen_well = -math.inf  # on the monotonic clock
        self._watcher = Thread(target=self._watch_database, name="readiness", daemon=True)
        loop.run(self._open())

    async def _open(self) -> None:
        self._health = Health(self._config.message_seconds)
        names = (MODEL_SERVICE, REBALANCE_SERVICE, health.SERVICE, reflection.SERVICE)
        unary, streams, inbox = self._calls.unary, self._calls.streams, self._calls.inbox
        reflected = reflection.streams(names, self._config.message_seconds)
        self._api = _made(
            Routes(
                guarded(self._gatekeeper, {**unary, **self._health.unary(inbox)}),
                guarded(self._gatekeeper, {**streams, **self._health.streams(inbox), **reflected}),
            ),
            API_CONNECTIONS,
        )
        own_inbox = Inbox()
        self._probe = _made(
            Routes(self._health.unary(own_inbox), self._health.streams(own_inbox)), HEALTH_CONNECTIONS
        )
        self._health.set([LIVENESS], health_pb2.HealthCheckResponse.SERVING)
        self._set_ready(ready=False)
        tls, host = self._config.tls, self._config.host
        credentials = server_credentials(tls) if tls else None
        self.port = _listen(self._api, host, self._config.port, credentials)
        self.health_port = _listen(self._probe, self._config.health_host or host, self._config.health_port)

    def start(self) -> None:
        """Answer calls from now on."""
        self._loop.run(self._probe.start())
        self._loop.run(self._api.start())
        self._look_at_database()
        self._watcher.start()

    def stop(self) -> None:
        """Take no new calls, let those in flight end, then stop."""
        self._stopping.set()
        self._loop.loop.call_soon_threadsafe(self._health.end)
        self._loop.run(self._api.stop(self._config.drain_seconds))
        self._loop.run(self._calls.all_ended())
        self._calls.shutdown()  # a call that was cut off still writes down the end of its run
        self._loop.run(self._probe.stop(0))
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
                self._loop.loop.call_soon_threadsafe(lambda: self._set_ready(ready=False))
        else:
            self._seen_well = time.monotonic()
            self._loop.loop.call_soon_threadsafe(lambda: self._set_ready(ready=True))

    def _set_ready(self, *, ready: bool) -> None:
        response = health_pb2.HealthCheckResponse
        status = response.SERVING if ready else response.NOT_SERVING
        self._health.set(("", MODEL_SERVICE, REBALANCE_SERVICE), status)


def _made(routes: Routes, connections: int) -> grpc.aio.Server:
    options = [*_CHANNEL_OPTIONS, ("grpc.max_allowed_incoming_connections", connections)]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((routes,))
    return server


def _listen(
    server: grpc.aio.Server, host: str, port: int, credentials: grpc.ServerCredentials | None = None
) -> int:
    try:
        if credentials:
            return server.add_secure_port(f"{host}:{port}", credentials)
        return server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:
        raise OSError(f"cannot listen on port {port} of {host}: it is in use, or no such address") from None
