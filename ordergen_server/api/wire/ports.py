"""Ports that answer gRPC: what every connection may do, and how one is opened. On an event loop alone."""

import asyncio
from collections.abc import Callable

import grpc

from ordergen_server.api.wire.core import Core
from ordergen_server.api.wire.peers import PeerBound
from ordergen_server.api.wire.routes import Routes

MAXIMUM_REQUEST_BYTES = 4 * 1024 * 1024
#: Connections at once: with those to the database and to siblings fewer than the 1,024 files of a process.
API_CONNECTIONS, HEALTH_CONNECTIONS = 800, 100
#: Of them, those of one address to the port of health: probes have one at a time.
HEALTH_PEER_CONNECTIONS = 20
#: What every connection may do.
OPTIONS = [
    ("grpc.max_receive_message_length", MAXIMUM_REQUEST_BYTES),
    # A connection ends after this, so that clients look up the servers anew and reach new ones.
    ("grpc.max_connection_age_ms", 300_000),
    # What one client may hold: streams of a connection, and none that says nothing.
    ("grpc.max_concurrent_streams", 128),
    ("grpc.max_connection_idle_ms", 120_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    # Of a message that nobody reads yet no more than this is taken in; by itself gRPC takes in megabytes.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 65_535),
    # Clients may ping a quiet stream every 10 s; one that is gone without a word is noticed within 80.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
]


def _nobody_counts(_: int) -> None:
    pass


class Port:
    """A port that answers once it is started.

    Args:
        routes: what it answers.
        address: `host:port`; port 0 takes a free one.
        connections: how many it takes at once.
        peer_connections: how many of them one address has for long; 0 is all.
        ended: is told how many were ended because an address had more.
        shared: whether several processes listen on it; without that two servers never share one unnoticed.
        credentials: of TLS; without them it is plain text.

    Raises:
        OSError: the port is in use, or the host is none of this machine.
    """

    def __init__(
        self,
        routes: Routes,
        address: str,
        *,
        connections: int,
        peer_connections: int = 0,
        ended: Callable[[int], object] = _nobody_counts,
        shared: bool = False,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        options = [
            *OPTIONS,
            ("grpc.so_reuseport", int(shared)),
            ("grpc.max_allowed_incoming_connections", connections),
        ]
        self._server = grpc.aio.server(options=options)
        core = Core(asyncio.get_running_loop(), options, routes.handlers)
        self._server._server = core  # type: ignore[attr-defined] # noqa: SLF001 - there is no other way in
        try:
            if credentials:
                self.number = self._server.add_secure_port(address, credentials)
            else:
                self.number = self._server.add_insecure_port(address)
        except RuntimeError:
            host, _, port = address.rpartition(":")
            reason = "it is in use, or no such address"
            raise OSError(f"cannot listen on port {port} of {host}: {reason}") from None
        bounded = 0 < peer_connections < connections
        self._peers = PeerBound(self.number, peer_connections, ended) if bounded else None

    async def start(self) -> None:
        """Answer calls from now on."""
        await self._server.start()
        if self._peers:
            self._peers.start()

    async def stop(self, seconds: float) -> None:
        """Take no new calls, and cut those off that have not ended after `seconds`."""
        await self._server.stop(seconds)
        if self._peers:
            self._peers.close()
