"""What may be kept of requests before they are worked on: not so much that it fills memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NoReturn

from ordergen_server.domain.errors import ResourceExhausted

#: Messages of one connection that are received at once; each may be of some megabytes.
CONNECTION_MESSAGES = 8
#: Bytes a second that one connection may send for long, and bytes that it may send at once.
CONNECTION_RATE = CONNECTION_BURST = 8 * 1024 * 1024
#: Calls of all connections that wait for others of their own connection to be received.
MAXIMUM_WAITING = 4096
#: Bytes of requests that wait to be worked on, or are.
MAXIMUM_HELD_BYTES = 64 * 1024 * 1024
RETRY_AFTER_SECONDS = 1.0


class Connection:
    """Messages of one connection: a token bucket of bytes, and turns to receive them.

    Attributes:
        calls: how many wait for a message, or for their turn to.
        turns: to receive one.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.turns = asyncio.Semaphore(CONNECTION_MESSAGES)
        self._due = 0.0  # on the loop's clock: when all that it sent is paid for at its rate

    @property
    def owes_seconds(self) -> float:
        """How long until all that it sent is paid for."""
        return max(0.0, self._due - asyncio.get_running_loop().time())

    def pay(self, size: int) -> None:
        """Note that it sent so many bytes."""
        self._due = asyncio.get_running_loop().time() + self.owes_seconds + size / CONNECTION_RATE


class Inbox:
    """Bounds messages that come, and that are kept. On one event loop alone."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}
        self._waiting = 0
        self._held_bytes = 0

    @asynccontextmanager
    async def receiving(self, name: str) -> AsyncIterator[Connection]:
        """A block that receives one message: a connection that sends none keeps its own others waiting.

        Raises:
            ResourceExhausted: it has calls that wait for that, and all connections have too many.
        """
        connection = self._connections.setdefault(name, Connection())
        if connection.turns.locked() and self._waiting >= MAXIMUM_WAITING:
            _refuse("Too many calls wait for their messages", "messages")
        connection.calls += 1
        try:
            await self._turn(connection)
            try:
                await asyncio.sleep(max(0.0, connection.owes_seconds - CONNECTION_BURST / CONNECTION_RATE))
                yield connection
            finally:
                connection.turns.release()
        finally:
            connection.calls -= 1
            self._forget(name, connection)

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """A block in which a request of `size` bytes is kept. Raises ResourceExhausted: all have too many."""
        if self._held_bytes + size > MAXIMUM_HELD_BYTES:
            _refuse("Too many large requests in flight", "bytes")
        self._held_bytes += size
        try:
            yield
        finally:
            self._held_bytes -= size

    async def _turn(self, connection: Connection) -> None:
        self._waiting += 1
        try:
            await connection.turns.acquire()
        finally:
            self._waiting -= 1

    def _forget(self, name: str, connection: Connection) -> None:
        """Forget a connection once it has no calls here and owes nothing."""
        if connection.calls or self._connections.get(name) is not connection:
            return
        if connection.owes_seconds:
            asyncio.get_running_loop().call_later(connection.owes_seconds, self._forget, name, connection)
        else:
            del self._connections[name]


def _refuse(why: str, kind: str) -> NoReturn:
    raise ResourceExhausted(
        f"{why}: try again in a moment.", metadata={"kind": kind}, retry_after_seconds=RETRY_AFTER_SECONDS
    )
