"""Connections whose read timeout is for the whole answer.

A socket's own timeout starts anew with every byte, so a service that drips one byte a second, in its
body, its headers or the length of a chunk, would hold a caller for hours.
"""

import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: What is left where connecting took all of its time: 0 would be no limit.
_LEAST_SECONDS = 0.001


class DeadlineSocket(socket.socket):
    """A socket whose timeout runs from when it is set, through all reads, until it is set again."""

    _end: float | None = None

    def settimeout(self, value: float | None) -> None:
        """Allow `value` seconds from now for everything that is read; None: no limit."""
        self._end = None if value is None else time.monotonic() + value
        super().settimeout(value)

    def recv_into(self, buffer: "Buffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Read within what is left of the time.

        Raises:
            TimeoutError: nothing is left of it.
        """
        if self._end is not None:
            remaining = self._end - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("timed out")
            super().settimeout(remaining)
        return super().recv_into(buffer, memoryview(buffer).nbytes if nbytes is None else nbytes, flags)


class DeadlineTlsSocket(DeadlineSocket, ssl.SSLSocket):
    """The same over TLS; the time of a handshake is what connecting left of it."""


class DeadlineConnection(HTTPConnection):
    """A connection over a DeadlineSocket; urllib3 sets its timeout once, before it reads an answer."""

    def _new_conn(self) -> socket.socket:
        started = time.monotonic()
        return _timed(super()._new_conn(), started)


class DeadlineTlsConnection(HTTPSConnection):
    """The same over TLS, with the context that `context` has at the time."""

    def __init__(self, host: str, *, context: Callable[[], ssl.SSLContext], **others: Any) -> None:  # noqa: ANN401 - urllib3's
        super().__init__(host, **others)
        self._context = context

    def connect(self) -> None:
        """Connect, with the certificates of this moment: a connection of the pool is opened many times."""
        self.ssl_context = self._context()
        self.ssl_context.sslsocket_class = DeadlineTlsSocket
        super().connect()

    def _new_conn(self) -> socket.socket:
        started = time.monotonic()
        return _timed(super()._new_conn(), started)


class DeadlinePool(HTTPConnectionPool):
    """A bounded pool of such connections to one service."""

    ConnectionCls: ClassVar[type[HTTPConnection]] = DeadlineConnection  # type: ignore[misc] # urllib3 declares no ClassVar


class DeadlineTlsPool(HTTPSConnectionPool):
    """The same over TLS; takes the `context` of its connections."""

    ConnectionCls: ClassVar[type[HTTPConnection]] = DeadlineTlsConnection  # type: ignore[misc,assignment] # urllib3 declares no ClassVar


def _timed(plain: socket.socket, started: float) -> DeadlineSocket:
    """A connected socket with what is left of its timeout, which has run since `started`."""
    timeout = plain.gettimeout()
    timed = DeadlineSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
    left = None if timeout is None else max(_LEAST_SECONDS, started + timeout - time.monotonic())
    timed.settimeout(left)
    return timed
