"""Messages that do not come keep only their own connection waiting, and large ones do not fill memory."""

import asyncio

import pytest

from ordergen_server.api.admission import inbox as module
from ordergen_server.api.admission.inbox import (
    CONNECTION_BURST,
    CONNECTION_MESSAGES,
    CONNECTION_RATE,
    MAXIMUM_HELD_BYTES,
    Inbox,
)
from ordergen_server.domain.errors import ResourceExhausted


async def receive(inbox: Inbox, connection: str, until: asyncio.Event, received: list[str]) -> None:
    async with inbox.receiving(connection):
        await until.wait()
        received.append(connection)


def test_a_connection_that_sends_nothing_keeps_only_its_own_calls_waiting() -> None:
    async def body() -> list[str]:
        inbox, never, now, received = Inbox(), asyncio.Event(), asyncio.Event(), list[str]()
        now.set()
        silent = [
            asyncio.create_task(receive(inbox, "silent", never, received))
            for _ in range(CONNECTION_MESSAGES + 1)
        ]
        await asyncio.sleep(0)
        own = asyncio.create_task(receive(inbox, "silent", now, received))
        await receive(inbox, "good", now, received)
        assert not own.done()
        never.set()
        await asyncio.gather(own, *silent)
        return received

    assert asyncio.run(body()) == ["good", *["silent"] * (CONNECTION_MESSAGES + 2)]


def test_too_many_that_wait_are_refused_where_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_WAITING", 2)

    async def body() -> None:
        inbox, never, now, received = Inbox(), asyncio.Event(), asyncio.Event(), list[str]()
        now.set()
        silent = [
            asyncio.create_task(receive(inbox, "silent", never, received))
            for _ in range(CONNECTION_MESSAGES + 2)
        ]
        await asyncio.sleep(0)
        with pytest.raises(ResourceExhausted) as raised:
            await receive(inbox, "silent", now, received)
        assert raised.value.metadata == {"kind": "messages"}
        await receive(inbox, "good", now, received)
        never.set()
        await asyncio.gather(*silent)

    asyncio.run(body())


def test_a_connection_that_sends_much_waits_and_others_do_not() -> None:
    async def body() -> list[str]:
        inbox, done = Inbox(), list[str]()

        async def send(connection: str, size: int) -> None:
            async with inbox.receiving(connection) as one:
                one.pay(size)
            done.append(f"{connection} {size}")

        await send("greedy", CONNECTION_BURST + CONNECTION_RATE // 2)
        owing = asyncio.create_task(send("greedy", 1))
        await asyncio.sleep(0)
        await send("other", 2)
        await owing
        return done

    assert asyncio.run(body()) == [f"greedy {CONNECTION_BURST + CONNECTION_RATE // 2}", "other 2", "greedy 1"]


def test_connections_are_forgotten_once_they_have_no_calls_and_owe_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CONNECTION_RATE", 1000)

    async def body() -> tuple[int, int]:
        inbox = Inbox()
        async with inbox.receiving("one") as one:
            one.pay(20)
        async with inbox.receiving("two"):
            pass
        owing = len(inbox._connections)  # noqa: SLF001 - what must not grow for ever
        while inbox._connections:  # noqa: SLF001 - likewise
            await asyncio.sleep(0.005)
        return owing, len(inbox._connections)  # noqa: SLF001 - likewise

    assert asyncio.run(body()) == (1, 0)


def test_large_requests_are_refused_where_all_are_too_many() -> None:
    inbox = Inbox()
    with inbox.holding(MAXIMUM_HELD_BYTES):
        with pytest.raises(ResourceExhausted) as raised, inbox.holding(1):
            pass
        with inbox.holding(0):
            pass
    assert raised.value.metadata == {"kind": "bytes"}
    with inbox.holding(MAXIMUM_HELD_BYTES):
        pass
