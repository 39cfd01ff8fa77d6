"""The client of coroutines: the same as `Client`, awaited."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import grpc.aio

from ordergen_client.asynchronous.connection import AsyncConnection
from ordergen_client.asynchronous.nouns import (
    AsyncModels,
    AsyncPortfolios,
    AsyncRuns,
    AsyncSecurities,
    AsyncServer,
    AsyncSubmissions,
)
from ordergen_client.connecting.channels import open_async_channel
from ordergen_client.connecting.credentials import Tls, Token
from ordergen_client.connecting.terms import check_target, terms


class AsyncClient:
    """Talks to the order generation service from coroutines; made within the event loop that uses it.

        async with AsyncClient("localhost:8088") as client:
            run = await client.runs.start(model_id)
            async for portfolio in run:
                ...

    Arguments, attributes, methods and errors are those of `Client`; calls are awaited, and lists and streams
    are read with `async for`.
    """

    def __init__(
        self,
        target: str = "localhost:8088",
        *,
        timeout_seconds: float = 30.0,
        run_timeout_seconds: float = 3600.0,
        reconnect_seconds: float = 60.0,
        tls: Tls | None = None,
        token: Token | None = None,
        actor: str = "",
        interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
        channel: grpc.aio.Channel | None = None,
        grpc_causes: bool = False,
    ) -> None:
        agreed = terms(
            timeout_seconds=timeout_seconds,
            run_timeout_seconds=run_timeout_seconds,
            reconnect_seconds=reconnect_seconds,
            token=token,
            actor=actor,
            grpc_causes=grpc_causes,
        )
        self._owned: grpc.aio.Channel | None = None
        if channel is None:
            check_target(target, tls=tls, token=token)
            channel = self._owned = open_async_channel(
                target, tls, named_writes=True, interceptors=interceptors
            )
        elif interceptors:
            raise ValueError("interceptors belong to a channel that the client opens: give one of the two")
        connection = AsyncConnection(channel, agreed)
        self.models = AsyncModels(connection)
        self.portfolios = AsyncPortfolios(connection)
        self.securities = AsyncSecurities(connection)
        self.runs = AsyncRuns(connection)
        self.submissions = AsyncSubmissions(connection)
        self.server = AsyncServer(connection)

    async def close(self) -> None:
        """Close the channel, if it is ours."""
        if self._owned:
            await self._owned.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
