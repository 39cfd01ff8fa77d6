"""Makes calls of coroutines: each with a deadline and credentials, and errors of ours."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

import grpc
import grpc.aio
from globeco.ordergen.v1.diagnostics_service_pb2_grpc import DiagnosticsServiceStub
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from globeco.ordergen.v1.rebalance_service_pb2_grpc import RebalanceServiceStub
from globeco.ordergen.v1.reference_service_pb2_grpc import ReferenceServiceStub

from ordergen_client.calls.call import Call, Pages, Stream, Watch
from ordergen_client.connecting.terms import Terms
from ordergen_client.errors import OrderGenerationError, raise_from
from ordergen_client.following_up import Place

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class AsyncConnection:
    """Makes calls on a channel, on the terms of its client."""

    def __init__(self, channel: grpc.aio.Channel, terms: Terms) -> None:
        self._methods: dict[str, Any] = {
            **vars(ModelServiceStub(channel)),
            **vars(RebalanceServiceStub(channel)),
            **vars(ReferenceServiceStub(channel)),
            **vars(DiagnosticsServiceStub(channel)),
        }
        self._terms = terms

    async def call(self, call: Call[Answer]) -> Answer:
        """Make a call, and read its answer."""
        return call.read(await self._answer(call.method, call.request))

    async def pages(self, pages: Pages[Item]) -> AsyncGenerator[Item, None]:
        """Read page after page."""
        while True:
            page = await self._answer(pages.method, pages.request)
            for item in pages.read(page):
                yield item
            if not page.next_page_token:
                return
            pages.request.page_token = page.next_page_token

    async def stream(self, stream: Stream[Item]) -> AsyncGenerator[Item, None]:
        """Make a call, and read each of its answers; closing the iterator ends the call."""
        async with aclosing(self._messages(stream, self._terms.run_timeout_seconds)) as messages:
            async for message in messages:
                yield stream.read(message)

    async def follow(self, stream: Watch[Item], *, known: bool = False) -> AsyncGenerator[Item, None]:
        """The same of what is watched, made again where it is cut off."""
        place = Place(stream.request, self._terms.patience, known=known, gapless=stream.gapless)
        while True:
            try:
                async with aclosing(self._messages(stream, place.seconds_left())) as messages:
                    async for message in messages:
                        if place.take(message):
                            yield stream.read(message)
            except OrderGenerationError as error:
                cut_off = error
            else:
                return
            if place.ended:  # all was told before it was cut off
                return
            await asyncio.sleep(place.pause_seconds(cut_off))

    async def _answer(self, method: str, request: object) -> Any:  # noqa: ANN401 - the message of any answer
        terms = self._terms
        try:
            return await self._methods[method](
                request, timeout=terms.timeout_seconds, metadata=terms.metadata()
            )
        except grpc.RpcError as error:
            raise_from(error, cause=terms.grpc_causes)

    async def _messages(
        self, stream: Stream[Item] | Watch[Item], seconds: float
    ) -> AsyncGenerator[Any, None]:
        metadata = self._terms.metadata()
        messages = self._methods[stream.method](stream.request, timeout=seconds, metadata=metadata)
        try:
            async for message in messages:
                yield message
        except grpc.RpcError as error:
            raise_from(error, cause=self._terms.grpc_causes)
        finally:
            messages.cancel()
