"""What may be kept of requests before they are worked on: not so much that it fills memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from weakref import WeakValueDictionary

from ordergen_server.domain.errors import ResourceExhausted

#: Messages of one connection that are received at once; each may be of some megabytes.
CONNECTION_MESSAGES = 8
#: Calls of all connections that wait for others of their own connection to be received.
MAXIMUM_WAITING = 4096
#: Bytes of requests that wait to be worked on, or are.
MAXIMUM_HELD_BYTES = 64 * 1024 * 1024
RETRY_AFTER_SECONDS = 1.0


class Inbox:
    """Bounds messages that come, and that are kept. On one event loop alone."""

    def __init__(self) -> None:
        self._receiving: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._waiting = 0
        self._held_bytes = 0

    @asynccontextmanager
    async def receiving(self, connection: str) -> AsyncIterator[None]:
        """A block that receives one message: a connection that sends none keeps its own others waiting.

        Raises:
            ResourceExhausted: it has calls that wait for that, and all connections have too many.
        """
        turns = self._receiving.get(connection)
        if turns is None:
            turns = self._receiving[connection] = asyncio.Semaphore(CONNECTION_MESSAGES)
        if turns.locked() and self._waiting >= MAXIMUM_WAITING:
            _refuse("Too many calls wait for their messages", "messages")
        self._waiting += 1
        try:
            await turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            turns.release()

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


def _refuse(why: str, kind: str) -> None:
    raise ResourceExhausted(
        f"{why}: try again in a moment.", metadata={"kind": kind}, retry_after_seconds=RETRY_AFTER_SECONDS
    )
