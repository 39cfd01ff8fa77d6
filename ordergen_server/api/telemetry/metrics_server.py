"""The port of the metrics: plain HTTP, one scrape a connection.

`prometheus_client.start_http_server` gives every connection a thread and all the time it likes: those that
say nothing keep their threads for ever, until the process has no file left to open. Here only so many are
open at once, and the oldest makes room for a new one: a scrape takes milliseconds, so the oldest is silent.
"""

import logging
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import ThreadingHTTPServer
from typing import Any, TypeAlias

from prometheus_client import CollectorRegistry, MetricsHandler

from ordergen_server.addresses import family_of, unbracketed

_log = logging.getLogger(__name__)

#: Prometheus, a second one beside it, and someone who looks.
MAXIMUM_CONNECTIONS = 8
#: Between two bytes of a connection.
SILENCE_SECONDS = 10


# What the base class says, where more kinds of connections are possible than ours.
_Request: TypeAlias = Any
_Address: TypeAlias = Any


class _Handler(MetricsHandler):
    timeout = SILENCE_SECONDS
    server_version = "ordergen"
    sys_version = ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[MetricsHandler]) -> None:
        self._lock = threading.Lock()
        self._open: dict[socket.socket, None] = {}  # in the order they came
        self.address_family = family_of(address[0])
        super().__init__(address, handler)

    def process_request(self, request: _Request, client_address: _Address) -> None:
        """As the base, after making room."""
        with self._lock:
            too_many = len(self._open) - MAXIMUM_CONNECTIONS + 1
            oldest = list(self._open)[: max(0, too_many)]
            for one in oldest:
                del self._open[one]
            self._open[request] = None
        for one in oldest:
            _cut_off(one)
        super().process_request(request, client_address)

    def shutdown_request(self, request: _Request) -> None:
        """As the base, and forget the connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that broke off is nobody's error; any other is ours."""
        del request, client_address
        if not isinstance(sys.exception(), OSError):
            _log.exception("the metrics could not be told")

    def close_connections(self) -> None:
        """Cut off whoever is connected."""
        with self._lock:
            for one in self._open:
                _cut_off(one)


def _cut_off(connection: socket.socket) -> None:
    """Wake the thread that reads or writes; it closes the connection."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def metrics_served(registry: CollectorRegistry, host: str, port: int) -> Iterator[int]:
    """A block in which the registry can be scraped; gives the port, a free one for 0.

    Raises:
        OSError: the port is in use, or the host is none of this machine.
    """
    try:
        server = _Server((unbracketed(host), port), _Handler.factory(registry))
    except OSError:
        raise OSError(
            f"cannot listen on port {port} of {host} for metrics: it is in use, or no such address"
        ) from None
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        server.close_connections()
        thread.join()
