"""Connections whose read timeout is for the whole answer.

A socket's own timeout starts anew with every byte, so a service that drips one byte a second, in its
body, its headers or the length of a chunk, would hold a caller for hours.
"""

import socket
import time
from typing import TYPE_CHECKING, ClassVar

from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

if TYPE_CHECKING:
    from typing_extensions import Buffer


class DeadlineSocket(socket.socket):
    """A socket whose timeout runs from when it is set, through all reads, until it is set again."""

    _end: float | None = None

    def settimeout(self, value: float | None) -> None:
        """Allow `value` seconds from now for everything that is read; None: no limit."""
        self._end = None if value is None else time.monotonic() + value
        super().settimeout(value)

    def recv_into(self, buffer: "Buffer", nbytes: int = 0, flags: int = 0) -> int:
        """Read within what is left of the time.

        Raises:
            TimeoutError: nothing is left of it.
        """
        if self._end is not None:
            remaining = self._end - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("timed out")
            super().settimeout(remaining)
        return super().recv_into(buffer, nbytes, flags)


class DeadlineConnection(HTTPConnection):
    """A connection over a DeadlineSocket; urllib3 sets its timeout once, before it reads an answer."""

    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        timeout = plain.gettimeout()
        timed = DeadlineSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        timed.settimeout(timeout)
        return timed


class DeadlinePool(HTTPConnectionPool):
    """A bounded pool of such connections to one service."""

    ConnectionCls: ClassVar[type[HTTPConnection]] = DeadlineConnection  # type: ignore[misc] # urllib3 declares no ClassVar
