"""Connections of HTTP, bounded where uvicorn does not: how many, how long silent, how long their headers.

uvicorn waits for the headers of a connection for ever, takes in as many of them as come, and as many after a
body (its trailers), waits for ever for the rest of a request that is answered already, and for a client that
does not read. It also loses the body of a request that asks to upgrade. `HttpToolsProtocol` is its own class
for it; what is overridden here are the calls of asyncio.Protocol and of httptools, which are public.
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
        seconds: from a connection, or the first byte of its next request, to the end of the headers; and from
            an answer to the end of its request.
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
        self._bare_bytes = 0  # since a request began, or the last byte of its body came
        self._in_request = False
        self._headers_due: asyncio.TimerHandle | None = None
        self._rest_due: asyncio.TimerHandle | None = None
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
        """As the base; headers that are too long, or trailers, end the connection."""
        self._bare_bytes += len(data)
        super().data_received(data)
        if self._bare_bytes > HEADER_BYTES and (self._in_request or self._headers_due is not None):
            if self._headers_due is not None:
                self.transport.write(_TOO_LARGE)
            self.transport.close()
            self._forget_timers()
        elif self.timeout_keep_alive_task is None and self._is_idle():
            self._await_request()

    def on_message_begin(self) -> None:
        """A request begins: its headers are due."""
        super().on_message_begin()
        self._in_request = True
        if self._headers_due is None:
            self._bare_bytes = 0
            self._await_headers()

    def on_headers_complete(self) -> None:
        """They are there. Raises ValueError, which the base answers 400, where the body would be lost."""
        # The parser takes what follows for another protocol: no body, or, coming later, a request by itself.
        if self.parser.should_upgrade() and any(map(_announces_body, self.headers)):
            raise ValueError("a request to upgrade has a body")
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body is there."""
        self._bare_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of the request is there."""
        self._in_request = False
        if self._rest_due is not None:
            self._rest_due.cancel()
            self._rest_due = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered: what is still to come of it is due."""
        super().on_response_complete()
        if self._in_request and self.cycle.response_complete and not self.transport.is_closing():
            self._rest_due = self.loop.call_later(self._room.seconds, self.transport.abort)

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

    def _is_idle(self) -> bool:
        """Whether nothing is asked, or being asked: then the base would wait for ever."""
        return self._headers_due is None and not self._in_request and self.cycle.response_complete

    def _await_request(self) -> None:
        """The next one, for as long as the base does after an answer."""
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _await_headers(self) -> None:
        self._headers_due = self.loop.call_later(self._room.seconds, self.transport.abort)

    def _forget_timers(self) -> None:
        for timer in (self._headers_due, self._rest_due, self._reading_due):
            if timer is not None:
                timer.cancel()
        self._headers_due = self._rest_due = self._reading_due = None


def _announces_body(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    return name == b"transfer-encoding" or (name == b"content-length" and bool(value.strip(b"0 ")))
