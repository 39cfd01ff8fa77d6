"""Reflection keeps the bounds of every other call."""

import asyncio
from typing import Any

from ordergen_server.api.admission.inbox import CONNECTION_MESSAGES, Inbox
from ordergen_server.api.wire import reflection
from tests.limits import PATIENCE

METHOD = f"/{reflection.SERVICE}/ServerReflectionInfo"


class Silent:
    """An exchange of one connection whose question does not come."""

    connection = "ipv4:127.0.0.1:1"
    seconds_left = PATIENCE
    begun = 0

    async def read(self) -> bytes | None:
        Silent.begun += 1
        await asyncio.Event().wait()
        return None


async def ask(streams: int) -> None:
    methods = reflection.methods(["a.Service"], Inbox(), PATIENCE)
    exchange: Any = Silent()
    tasks = [asyncio.ensure_future(methods.streams[METHOD](exchange)) for _ in range(streams)]
    for _ in range(100):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_a_connection_has_few_questions_received_at_once() -> None:
    """Each may be of 4 MB, and a connection has 128 streams."""
    asyncio.run(ask(128))
    assert Silent.begun == CONNECTION_MESSAGES
