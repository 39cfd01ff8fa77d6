"""Connections of HTTP, bounded where uvicorn does not: how many, how long silent, how long their headers.

uvicorn waits for the headers of a connection for ever, takes in as many of them as come, and waits for ever
for a client that does not read. `HttpToolsProtocol` is its own class for it; what is overridden here are the
calls of asyncio.Protocol and of httptools, which are public.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_BYTES = 32 * 1024
#: For a client that does not read what it asked for.
SEND_SECONDS = 30.0
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(slots=True)
class Room:
    """For how many connections there is room, and how long each may take for its headers.

    Attributes:
        most: connections at once.
        seconds: from a connection, or the first byte of its next request, to the end of the headers.
        taken: connections there are.
    """

    most: int
    seconds: float
    taken: int = 0


class BoundedProtocol(HttpToolsProtocol):
    """A connection, as uvicorn has it, within bounds.

    Args:
        room: what all connections share.
        arguments: those of the base.
    """

    def __init__(self, room: Room, **arguments: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(**arguments)
        self._room = room
        self._header_bytes = 0
        self._headers_due: asyncio.TimerHandle | None = None
        self._reading_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the base has it
        """Take a place, or end the connection where there is none."""
        self._room.taken += 1
        super().connection_made(transport)
        if self._room.taken > self._room.most:
            transport.abort()
        else:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._room.taken -= 1
        self._forget_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As the base; headers that are too long end the connection."""
        if self._headers_due is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._headers_due is not None and self._header_bytes > HEADER_BYTES:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
            self._forget_timers()

    def on_message_begin(self) -> None:
        """A request begins: its headers are due."""
        super().on_message_begin()
        if self._headers_due is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        """They are there."""
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The client does not read: not for ever."""
        super().pause_writing()
        self._reading_due = self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads."""
        super().resume_writing()
        if self._reading_due is not None:
            self._reading_due.cancel()
            self._reading_due = None

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._headers_due = self.loop.call_later(self._room.seconds, self.transport.abort)

    def _forget_timers(self) -> None:
        for timer in (self._headers_due, self._reading_due):
            if timer is not None:
                timer.cancel()
        self._headers_due = self._reading_due = None
