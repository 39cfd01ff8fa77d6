"""An event loop in a thread of its own, which the rest of the process talks to."""

import asyncio
from collections.abc import Coroutine
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

Answer = TypeVar("Answer")


class EventLoop:
    """Runs from the beginning of a block to its end."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(_without_idle_wakes)
        self._thread = Thread(target=self.loop.run_forever, name=name, daemon=True)

    def run(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        """Let the loop run it, and wait for its end. Raises whatever it does."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def _without_idle_wakes(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # With two event loops in a process gRPC wakes both for what one has to do: the other finds nothing.
    if not isinstance(context.get("exception"), BlockingIOError):
        loop.default_exception_handler(context)
