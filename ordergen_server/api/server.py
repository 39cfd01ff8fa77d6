"""The gRPC servers: the API with reflection and health, and health alone on a port of its own."""

import logging
import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread

from grpc_health.v1 import health_pb2

from ordergen_server.addresses import unbracketed, with_port
from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.calls import SERVICES, Calls
from ordergen_server.api.security import Gatekeeper, TlsFiles, server_credentials
from ordergen_server.api.security.guard import guarded
from ordergen_server.api.telemetry.calls import CallTelemetry
from ordergen_server.api.wire import health, reflection
from ordergen_server.api.wire.event_loop import EventLoop
from ordergen_server.api.wire.health import Health
from ordergen_server.api.wire.ports import (
    API_CONNECTIONS,
    HEALTH_CONNECTIONS,
    HEALTH_PEER_CONNECTIONS,
    Port,
)
from ordergen_server.api.wire.routes import Routes
from ordergen_server.domain.errors import Unavailable
from ordergen_server.domain.stores import Database

DIAGNOSTICS_SERVICE = "globeco.ordergen.v1.DiagnosticsService"
#: Serve while the database does what calls need: what a readiness probe asks for.
READINESS = ("", *(one.full_name for one in SERVICES if one.full_name != DIAGNOSTICS_SERVICE))
#: Serves while the process does, whatever the database does: what a liveness probe asks for.
LIVENESS = "liveness"
#: What serves while the process does: also the service that tells what is wrong with the database.
ALIVE = (LIVENESS, DIAGNOSTICS_SERVICE)
#: Intervals between looks at the database: after so many without one that succeeds a server is not ready.
UNREADY_INTERVALS = 5
#: Where one listens on all addresses, this machine's own is near.
_NEAR = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nobody listens by it
LISTENS_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where to listen, and how long things may take; port 0 takes a free port.

    Attributes:
        health_port: None where another process answers for this one's health: then several share the port.
        peer_connections: of one address to the API; 0 is as many as the port takes.
    """

    host: str
    port: int
    health_port: int | None
    drain_seconds: float
    health_interval_seconds: float
    message_seconds: float
    health_host: str = ""  # empty is the host of the API
    tls: TlsFiles | None = None
    peer_connections: int = 0


class ApiServer:
    """Serves the contract until stopped; ready while the database does what calls need.

    Args:
        config: where and how.
        loop: runs the servers.
        calls: the methods of the contract.
        database: what readiness looks at.
        gatekeeper: lets calls of the API in; the health port is open to everybody.
        telemetry: notes every call of the contract, and those that nobody serves.

    Attributes:
        ready: whether the database does what calls need.

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
        telemetry: CallTelemetry | None = None,
    ) -> None:
        self._config = config
        self._loop = loop
        self._calls = calls
        self._database = database
        self._gatekeeper = gatekeeper
        self._telemetry = telemetry
        self._stopping = Event()
        self.ready = False
        self._seen_well = -math.inf  # on the monotonic clock
        self._watcher = Thread(target=self._watch, name="readiness", daemon=True)
        loop.run(self._open())

    async def _open(self) -> None:
        host, tls = self._config.host, self._config.tls
        self._health = Health(self._config.message_seconds)
        self._api = Port(
            self._routes(),
            with_port(host, self._config.port),
            connections=API_CONNECTIONS,
            peer_connections=self._config.peer_connections,
            ended=self._ended("api"),
            shared=self._config.health_port is None,
            credentials=server_credentials(tls) if tls else None,
        )
        self._ports = [self._api]
        if self._config.health_port is not None:
            probes = Routes(self._health.methods(Inbox()))
            address = with_port(self._config.health_host or host, self._config.health_port)
            self._ports.append(
                Port(
                    probes,
                    address,
                    connections=HEALTH_CONNECTIONS,
                    peer_connections=HEALTH_PEER_CONNECTIONS,
                    ended=self._ended("health"),
                )
            )
        self.port, self.health_port = self._api.number, self._ports[-1].number
        self._health.set(ALIVE, health_pb2.HealthCheckResponse.SERVING)
        self._set_ready(ready=False)

    def _routes(self) -> Routes:
        names = (*(one.full_name for one in SERVICES), health.SERVICE, reflection.SERVICE)
        others = self._health.methods(self._calls.inbox) | reflection.methods(
            names, self._calls.inbox, self._config.message_seconds
        )
        return Routes(
            guarded(self._gatekeeper, self._calls.methods),
            telemetry=self._telemetry,
            unnoted=guarded(self._gatekeeper, others),
        )

    def _ended(self, port: str) -> Callable[[int], object]:
        """Counts the connections to a port that were ended because their peer had too many."""
        return self._telemetry.metrics.connections_ended(port).inc if self._telemetry else int

    def start(self) -> None:
        """Answer calls from now on."""
        for port in reversed(self._ports):
            self._loop.run(port.start())
        self._look_at_database()
        self._watcher.start()

    def stop(self) -> None:
        """Take no new calls, let those in flight end, then stop."""
        self._stopping.set()
        self._loop.loop.call_soon_threadsafe(self._health.end)
        self._loop.run(self._api.stop(self._config.drain_seconds))
        self._loop.run(self._calls.all_ended())
        self._calls.shutdown()  # a call that was cut off still writes down the end of its run
        for probes in self._ports[1:]:
            self._loop.run(probes.stop(0))
        self._watcher.join()

    def _watch(self) -> None:
        while not self._stopping.wait(self._config.health_interval_seconds):
            self._look_at_database()
            if not (self._listens() or self._stopping.is_set()):  # set before a port closes
                _log.critical("nobody listens on port %d any more: this process is not alive", self.port)
                self._loop.loop.call_soon_threadsafe(self._health.end)
                return

    def _listens(self) -> bool:
        """Whether the port of the API is open: gRPC may end it on its own, and lets the process live."""
        host = unbracketed(self._config.host)
        try:
            socket.create_connection((_NEAR.get(host, host), self.port), LISTENS_SECONDS).close()
        except ConnectionRefusedError:
            return False
        except OSError as error:  # late, or out of files: nobody can tell
            _log.warning("the port of the API could not be looked at: %s", error.strerror)
        return True

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
        self.ready = ready
        response = health_pb2.HealthCheckResponse
        status = response.SERVING if ready else response.NOT_SERVING
        self._health.set(READINESS, status)
