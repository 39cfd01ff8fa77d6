"""One server of several processes, which share its port: the kernel spreads connections (SO_REUSEPORT).

Each is spawned, never forked, for gRPC does not survive a fork. This process starts and ends them, starts one
again that died, and answers for the health of all: ready while each is, alive while each is heard of.
"""

import logging
import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Event, Thread

from grpc_health.v1 import health_pb2

from ordergen_server.addresses import family_of, unbracketed, with_port
from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.server import ALIVE, READINESS
from ordergen_server.api.wire.event_loop import EventLoop
from ordergen_server.api.wire.health import Health
from ordergen_server.api.wire.ports import HEALTH_CONNECTIONS, HEALTH_PEER_CONNECTIONS, Port
from ordergen_server.api.wire.routes import Routes
from ordergen_server.bootstrap import Serving, server_process, serving
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.stop_signals import Stop, stop_signals

#: A process that begins imports what a new server does, and looks at the database.
START_SECONDS = 600.0
#: One that was not heard of for so long hangs.
SILENT_SECONDS = 30.0
#: Before one that died is started again.
RESTART_SECONDS = 1.0
#: For what a process does after its drain: it lets go of its runs.
END_SECONDS = 30.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Child:
    process: SpawnProcess
    heard: Connection
    heard_at: float = field(default_factory=time.monotonic)
    ready: bool = False
    metrics_port: int = 0

    def listen(self) -> bool:
        """Take in what it has said of itself; False where it has ended."""
        try:
            while self.heard.poll():
                self.ready, self.metrics_port = self.heard.recv()
                self.heard_at = time.monotonic()
        except EOFError:
            self.ready = False
            return False
        return True

    @property
    def silent(self) -> bool:
        return time.monotonic() - self.heard_at > SILENT_SECONDS


class ServerProcesses:
    """As many servers as the settings say, on one port.

    Attributes:
        port: of the API.
        health_port: answers for all of them.
        metrics_port: of the first process; others have the next ones.
    """

    def __init__(self, settings: Settings, mongodb_uri: str, loop: EventLoop) -> None:
        self._reserved = _reserve(settings.api_host, settings.port)
        self.port: int = self._reserved.getsockname()[1]
        self._settings = settings.model_copy(update={"port": self.port})
        self._mongodb_uri = mongodb_uri
        self._loop = loop
        self._stopping = Event()
        self._children: list[_Child] = []
        self.metrics_port = settings.metrics_port
        self._tender = Thread(target=self._tend, name="processes")
        loop.run(self._open_health())

    def start(self) -> None:
        """Answer calls from now on. Raises OSError where a process does not begin."""
        self._children = [self._spawn(index) for index in range(self._settings.processes)]
        until = time.monotonic() + START_SECONDS
        for child in self._children:
            if not (child.heard.poll(max(0, until - time.monotonic())) and child.listen()):
                raise OSError("a process of the server does not begin: its log says why")
        self.metrics_port = self._children[0].metrics_port
        self._loop.run(self._health_port.start())
        self._tell()
        self._tender.start()

    def stop(self) -> None:
        """Let every process end its calls, and wait for that."""
        self._stopping.set()
        self._loop.loop.call_soon_threadsafe(self._health.end)
        if self._tender.is_alive():
            self._tender.join()
        for child in self._children:
            child.process.terminate()
        until = time.monotonic() + self._settings.drain_seconds + END_SECONDS
        for child in self._children:
            child.process.join(max(0, until - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
        self._loop.run(self._health_port.stop(0))
        self._reserved.close()

    async def _open_health(self) -> None:
        self._health = Health(self._settings.message_seconds)
        self._health.set((*READINESS, *ALIVE), health_pb2.HealthCheckResponse.NOT_SERVING)
        self._health_port = Port(
            Routes(self._health.methods(Inbox())),
            with_port(self._settings.health_host, self._settings.health_port),
            connections=HEALTH_CONNECTIONS,
            peer_connections=HEALTH_PEER_CONNECTIONS,
        )
        self.health_port = self._health_port.number

    def _spawn(self, index: int) -> _Child:
        context = multiprocessing.get_context("spawn")
        heard, says = context.Pipe(duplex=False)
        process = context.Process(
            target=_serve, args=(self._settings_of(index), self._mongodb_uri, says), name="ordergen-server"
        )
        process.start()
        says.close()  # the process has its own end, and ours would hide that it died
        return _Child(process, heard)

    def _settings_of(self, index: int) -> Settings:
        """Each process has its own port of metrics: the first that of the settings, others the next."""
        port = self._settings.metrics_port
        return self._settings.model_copy(update={"metrics_port": port and port + index})

    def _tend(self) -> None:
        while not self._stopping.is_set():
            sentinels = [child.process.sentinel for child in self._children]
            wait([*sentinels, *(child.heard for child in self._children)], timeout=RESTART_SECONDS)
            for child in self._children:
                child.listen()
            self._tell()
            self._replace_dead()
            self._stopping.wait(min(RESTART_SECONDS, self._settings.health_interval_seconds))

    def _replace_dead(self) -> None:
        for index, child in enumerate(self._children):
            if not child.process.is_alive() and not self._stopping.is_set():
                _log.error("a process of the server ended with %s: starting another", child.process.exitcode)
                self._stopping.wait(RESTART_SECONDS)
                self._children[index] = self._spawn(index)

    def _tell(self) -> None:
        serving, not_serving = (
            health_pb2.HealthCheckResponse.SERVING,
            health_pb2.HealthCheckResponse.NOT_SERVING,
        )
        ready = all(child.ready and not child.silent for child in self._children)
        alive = not any(child.silent for child in self._children)

        def tell() -> None:
            self._health.set(READINESS, serving if ready else not_serving)
            self._health.set(ALIVE, serving if alive else not_serving)

        self._loop.loop.call_soon_threadsafe(tell)


@contextmanager
def serving_processes(settings: Settings, mongodb_uri: str) -> Iterator[ServerProcesses]:
    """Servers that answer calls for the time of the block, and then drain.

    Raises:
        OSError: the port is in use, or a process does not begin.
    """
    with ExitStack() as stack:
        server = ServerProcesses(settings, mongodb_uri, stack.enter_context(EventLoop("health")))
        stack.callback(server.stop)
        server.start()
        yield server


def _reserve(host: str, port: int) -> socket.socket:
    """A socket that holds the port for our processes, without listening on it. Raises OSError."""
    family, bare = family_of(host), unbracketed(host)
    with socket.socket(family) as alone:  # whoever listens already, sharing or not, is in its way
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            alone.bind((bare, port))
        except OSError:
            raise OSError(
                f"cannot listen on port {port} of {host}: it is in use, or no such address"
            ) from None
        number = alone.getsockname()[1]
    reserved = socket.socket(family)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind((bare, number))
    return reserved


def _serve(settings: Settings, mongodb_uri: str, says: Connection) -> None:
    """The body of a process: serve until told to end or left alone, or say why it cannot."""
    with stop_signals() as stop, server_process(settings) as tracing:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
        try:
            with serving(settings, mongodb_uri, tracing, one_of_several=True) as server:
                _keep_telling(server, says, stop, settings.health_interval_seconds)
        except (OrderGenerationError, OSError, ValueError) as error:
            _log.error("this process cannot serve: %s", error)
            sys.exit(1)


def _keep_telling(server: Serving, says: Connection, stop: Stop, pause_seconds: float) -> None:
    """Say again and again how it is, until told to stop, or nobody listens."""
    while not stop.is_set():
        try:
            says.send((server.is_ready(), server.metrics_port))
        except OSError:
            return  # whoever started us is gone
        stop.wait(pause_seconds)
