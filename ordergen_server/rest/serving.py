"""The front on its port, for the time of a block."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import uvicorn

from ordergen_server.addresses import family_of, unbracketed
from ordergen_server.api.security.tls import ReloadedCertificates, TlsFiles
from ordergen_server.api.wire.peers import PeerBound
from ordergen_server.rest.app import create_app, with_front_door
from ordergen_server.rest.certificates import Renewal
from ordergen_server.rest.connections import BoundedProtocol, Room
from ordergen_server.rest.settings import RestSettings

#: Between two requests of a connection: longer than proxies keep theirs, so that they end it and not we.
KEEP_ALIVE_SECONDS = 75
BACKLOG = 512
_LOOK_SECONDS = 0.02


@contextmanager
def serving_rest(settings: RestSettings) -> Iterator[int]:
    """Answers requests for the time of the block, and then drains; gives the port.

    Raises:
        OSError: the port is in use, or a file of TLS cannot be read.
        ValueError: the files of TLS do not belong together, or have expired.
    """
    if settings.tls_certificate and settings.tls_key:
        ReloadedCertificates(TlsFiles(settings.tls_certificate, settings.tls_key))  # says what is wrong
    # It warns of each connection whose bytes are no HTTP, which anybody can make as many of as they like.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    app = create_app(settings)
    protocol: Any = partial(BoundedProtocol, Room(settings.maximum_connections, settings.message_seconds))
    config = uvicorn.Config(
        with_front_door(app),
        http=protocol,  # uvicorn wants a class, and calls it
        loop="uvloop",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    config.load()
    with ExitStack() as stack:
        bound = stack.enter_context(_listening(settings))
        port: int = bound.getsockname()[1]
        _run(uvicorn.Server(config), bound, stack)
        stack.callback(app.state.leave)  # streams have no end of their own that could be waited for
        if config.ssl and settings.tls_certificate and settings.tls_key:
            renewal = Renewal(config.ssl, settings.tls_certificate, settings.tls_key)
            renewal.start()
            stack.callback(renewal.close)
        peers = PeerBound(port, settings.maximum_peer_connections, app.state.metrics.connections_ended)
        peers.start()
        stack.callback(peers.close)
        yield port


def _listening(settings: RestSettings) -> socket.socket:
    """A socket that listens, so that who comes while the front begins waits, and is not refused."""
    host, port = unbracketed(settings.listening_host), settings.port
    listening = socket.socket(family_of(host))
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise OSError(f"cannot listen on port {port} of {host}: it is in use, or no such address") from None
    return listening


def _run(server: uvicorn.Server, bound: socket.socket, stack: ExitStack) -> None:
    """Run it in a thread, which signals leave alone, until the stack ends."""
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="rest")
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join()

    stack.callback(stop)
    while not server.started:
        if not thread.is_alive():
            raise OSError("the REST front does not begin: its log says why")
        time.sleep(_LOOK_SECONDS)
