"""A way to a server that breaks when it is told to."""

import select
import socket
import struct
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self

_RESET = struct.pack("ii", 1, 0)
_LOOK_SECONDS = 0.2
_CHUNK = 16_384


class CuttingProxy:
    """Passes connections of this machine on to a port of it.

    Attributes:
        port: where it listens.
        cuts: how many connections it has cut.
        connections: how many it has passed on.
    """

    def __init__(self, to_port: int) -> None:
        self.cuts = 0
        self.connections = 0
        self._to_port = to_port
        self._after_bytes: deque[int] = deque()
        self._mute = Event()
        self._cut = Event()
        self._closed = Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def cut_after(self, sizes: Iterable[int]) -> None:
        """Cut a connection for each size, once it has passed on so many more bytes of answers."""
        self._after_bytes.extend(sizes)

    def mute(self) -> None:
        """Pass no answer on any more, until the connection is cut."""
        self._mute.set()

    def cut(self) -> None:
        """Cut the connection that is mute; the next one is not."""
        self._cut.set()

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            with suppress(OSError):  # it is closed
                connection, _ = self._listener.accept()
                self.connections += 1
                Thread(target=self._pass_on, args=(connection,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self._to_port)) as server:
            self._pass_between(client, server)

    def _pass_between(self, client: socket.socket, server: socket.socket) -> None:
        left: int | None = None
        while not self._closed.is_set():
            ready, _, _ = select.select([client, server], [], [], _LOOK_SECONDS)
            if self._cut.is_set():
                self._mute.clear()
                self._cut.clear()
                return self._reset(client)
            if client in ready:
                asked = client.recv(_CHUNK)
                if not asked:
                    return None
                server.sendall(asked)
            if server in ready:
                answered = server.recv(_CHUNK)
                if not answered:
                    return None
                if self._mute.is_set():
                    continue
                if left is None and self._after_bytes:
                    left = self._after_bytes.popleft()
                client.sendall(answered[:left])
                if left is not None and len(answered) >= left:
                    return self._reset(client)
                left = None if left is None else left - len(answered)
        return None

    def _reset(self, client: socket.socket) -> None:
        """Every second one is reset, and the others are closed in order."""
        self.cuts += 1
        if self.cuts % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
