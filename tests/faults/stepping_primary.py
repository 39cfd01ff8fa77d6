"""A primary that steps away: between the driver and a real database, it decides what becomes of commands.

It goes before the database has done what a command says, or after; with an answer that says so, or with none.
"""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

from bson import decode, encode

_HEADER = struct.Struct("<iiii")
_MESSAGE = 2013
_BODY = struct.Struct("<IB")
_UNAUTHORIZED, _NOT_WRITABLE_PRIMARY, _INTERRUPTED = 13, 10107, 11602


class Fate(Enum):
    """What becomes of a command."""

    DONE = auto()
    REFUSED = auto()
    """Not done; the answer says that this is not the primary any more."""
    INTERRUPTED = auto()
    """Done; the answer says that the primary stepped down meanwhile."""
    FORBIDDEN = auto()
    """Not done; the answer says that this user may not."""
    LOST = auto()
    """Done, and the connection ends without an answer."""
    CUT_OFF = auto()
    """Not done, and the connection ends."""


Answer = dict[str, Any]


def failure(code: int, *labels: str) -> Answer:
    """The answer to a command that failed as a whole."""
    return {"ok": 0.0, "errmsg": "no", "code": code, "errorLabels": list(labels)}


_NOT_DONE = {Fate.REFUSED, Fate.FORBIDDEN}
_ANSWERS = {
    Fate.REFUSED: failure(_NOT_WRITABLE_PRIMARY, "RetryableWriteError"),
    Fate.INTERRUPTED: failure(_INTERRUPTED, "RetryableWriteError"),
    Fate.FORBIDDEN: failure(_UNAUTHORIZED),
}
#: The fate of a command by its name, or what it is answered without being done.
Decide = Callable[[str], Fate | Answer]


class _Connection(BaseRequestHandler):
    server: "_Proxy"

    def handle(self) -> None:
        with suppress(ConnectionError), socket.create_connection(self.server.database) as database:
            while message := _receive(self.request):
                if not self._pass_on(message, database):
                    return

    def _pass_on(self, message: bytes, database: socket.socket) -> bool:
        """Do as the fate of a command has it; False where the connection ends."""
        fate = self.server.decide(_command(message))
        if isinstance(fate, dict):
            self.request.sendall(_answer(message, fate))
            return True
        if fate is Fate.CUT_OFF:
            return False
        answer = b""
        if fate not in _NOT_DONE:
            database.sendall(message)
            answer = _receive(database)
        if fate is Fate.LOST:
            return False
        self.request.sendall(_answer(message, _ANSWERS[fate]) if fate in _ANSWERS else answer)
        return True


class _Proxy(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, database: tuple[str, int], decide: Decide) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.database = database
        self.decide = decide


@contextmanager
def stepping_primary(port: int, decide: Decide) -> Iterator[str]:
    """The address of the database on this port, as a primary that steps away whenever `decide` says so."""
    with _Proxy(("127.0.0.1", port), decide) as proxy:
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            # Polling has one answer to every message, as the connections for commands have.
            options = "directConnection=true&serverMonitoringMode=poll"
            yield f"mongodb://127.0.0.1:{proxy.server_address[1]}/?{options}"
        finally:
            proxy.shutdown()
            thread.join()


def _receive(connection: socket.socket) -> bytes:
    """One message; nothing where the connection has ended."""
    header = _read(connection, _HEADER.size)
    return header and header + _read(connection, _HEADER.unpack(header)[0] - _HEADER.size)


def _read(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = connection.recv(count - len(found))
        if not part:
            return b""
        found += part
    return found


def _command(message: bytes) -> str:
    """The name of a command; nothing of a message of another kind."""
    if _HEADER.unpack_from(message)[3] != _MESSAGE:
        return ""
    start = _HEADER.size + _BODY.size
    (size,) = struct.unpack_from("<i", message, start)
    return str(next(iter(decode(message[start : start + size]))))


def _answer(message: bytes, answer: Answer) -> bytes:
    body = _BODY.pack(0, 0) + encode(answer)
    (_, request_id, _, _) = _HEADER.unpack_from(message)
    return _HEADER.pack(_HEADER.size + len(body), 0, request_id, _MESSAGE) + body
