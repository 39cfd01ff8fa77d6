"""Makes calls that block: each with a deadline and credentials, and errors of ours."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, TypeVar

import grpc
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


class Connection:
    """Makes calls on a channel, on the terms of its client."""

    def __init__(self, channel: grpc.Channel, terms: Terms) -> None:
        self._methods: dict[str, Any] = {
            **vars(ModelServiceStub(channel)),
            **vars(RebalanceServiceStub(channel)),
            **vars(ReferenceServiceStub(channel)),
            **vars(DiagnosticsServiceStub(channel)),
        }
        self._terms = terms

    def call(self, call: Call[Answer]) -> Answer:
        """Make a call, and read its answer."""
        return call.read(self._answer(call.method, call.request))

    def pages(self, pages: Pages[Item]) -> Iterator[Item]:
        """Read page after page."""
        while True:
            page = self._answer(pages.method, pages.request)
            yield from pages.read(page)
            if not page.next_page_token:
                return
            pages.request.page_token = page.next_page_token

    def stream(self, stream: Stream[Item]) -> Generator[Item, None, None]:
        """Make a call, and read each of its answers; closing the iterator ends the call."""
        with closing(self._messages(stream, self._terms.run_timeout_seconds)) as messages:
            yield from map(stream.read, messages)

    def follow(self, stream: Watch[Item], *, known: bool = False) -> Generator[Item, None, None]:
        """The same of what is watched, made again where it is cut off."""
        place = Place(stream.request, self._terms.patience, known=known, gapless=stream.gapless)
        while True:
            try:
                with closing(self._messages(stream, place.seconds_left())) as messages:
                    yield from map(stream.read, filter(place.take, messages))
            except OrderGenerationError as error:
                cut_off = error
            else:
                return
            if place.ended:  # all was told before it was cut off
                return
            time.sleep(place.pause_seconds(cut_off))

    def _answer(self, method: str, request: object) -> Any:  # noqa: ANN401 - the message of any answer
        terms = self._terms
        try:
            return self._methods[method](request, timeout=terms.timeout_seconds, metadata=terms.metadata())
        except grpc.RpcError as error:
            raise_from(error, cause=terms.grpc_causes)

    def _messages(self, stream: Stream[Item] | Watch[Item], seconds: float) -> Generator[Any, None, None]:
        metadata = self._terms.metadata()
        messages = self._methods[stream.method](stream.request, timeout=seconds, metadata=metadata)
        try:
            yield from messages
        except grpc.RpcError as error:
            raise_from(error, cause=self._terms.grpc_causes)
        finally:
            messages.cancel()
