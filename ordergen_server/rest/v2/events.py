"""Streams of the API as Server-Sent Events: https://html.spec.whatwg.org/multipage/server-sent-events.html.

A browser's EventSource connects again by itself when a stream ends, with the id of the last event in
`Last-Event-ID`; it stops at an answer without content, which is what a stream has that holds nothing more.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack
from typing import Any

import grpc.aio
from google.protobuf.descriptor import Descriptor
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ordergen_client.errors import Violation
from ordergen_server.rest.answering.answers import encode
from ordergen_server.rest.answering.rpc_errors import error_of, status_of
from ordergen_server.rest.v2.calls import as_json
from ordergen_server.rest.v2.requests import MalformedRequest

MEDIA_TYPE = "text/event-stream"
#: A line that readers pass over, so that whoever stands between sees that the connection lives.
COMMENT = b":\n\n"
_LARGEST = 2**63 - 1
_HEADERS = {"x-accel-buffering": "no"}  # proxies that read ahead would hold events back


def resume(message: Any, headers: Mapping[str, str]) -> None:  # noqa: ANN401 - it has after_sequence
    """Go on after the event that `Last-Event-ID` names. Raises MalformedRequest where it names none."""
    last = headers.get("last-event-id", "")
    if not last:
        return
    if not last.isascii() or not last.isdecimal() or len(last) > len(str(_LARGEST)) or int(last) > _LARGEST:
        raise MalformedRequest(Violation("Last-Event-ID", "must be the id of an event"))
    message.after_sequence = int(last)


async def events_of(
    stream: Any,  # noqa: ANN401 - a call of gRPC
    comment_seconds: float,
    leaving: asyncio.Event,
    ending: ExitStack,
) -> Response:
    """The answer that a stream is. Raises grpc.RpcError where it fails before anything came of it.

    Args:
        stream: a call of gRPC.
        comment_seconds: after so long without an event there is a comment.
        leaving: set when the front stops: the answer ends, and its reader connects to another front.
        ending: closed when the answer has ended, however that came; the call ends with it.
    """
    ending.callback(stream.cancel)
    reading = _Reading(stream, comment_seconds, leaving, ending)
    first = await reading.next()
    if first is grpc.aio.EOF:
        ending.close()
        return Response(status_code=204)
    return _EventResponse(_lines(reading, first), ending)


class _Reading:
    """Reads a stream, with pauses."""

    def __init__(
        self,
        stream: Any,  # noqa: ANN401 - a call of gRPC
        pause_seconds: float,
        leaving: asyncio.Event,
        ending: ExitStack,
    ) -> None:
        self._stream = stream
        self._pause_seconds = pause_seconds
        self._leaving = asyncio.create_task(leaving.wait())
        self._read: asyncio.Task[Any] | None = None
        ending.callback(self._stop)

    async def next(self) -> Any:  # noqa: ANN401 - a message, EOF or None
        """The next message, EOF, or None where there was none for a while. Raises grpc.RpcError."""
        if self._read is None:
            self._read = asyncio.create_task(self._stream.read())
        waited = (self._read, self._leaving)
        done, _ = await asyncio.wait(waited, timeout=self._pause_seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._read not in done:
            return grpc.aio.EOF if done else None
        read, self._read = self._read, None
        return read.result()

    def _stop(self) -> None:
        self._leaving.cancel()
        if self._read is not None and not self._read.cancel() and not self._read.cancelled():
            self._read.exception()  # which nobody asked for any more


class _EventResponse(StreamingResponse):
    """Sends events, and ends with what belongs to it, whoever ended it."""

    def __init__(self, lines: AsyncGenerator[bytes], ending: ExitStack) -> None:
        self._ending = ending
        super().__init__(lines, headers=_HEADERS, media_type=MEDIA_TYPE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        with self._ending:
            await super().__call__(scope, receive, send)


async def _lines(reading: _Reading, message: Any) -> AsyncGenerator[bytes]:  # noqa: ANN401 - a message or None
    end: Any = None
    try:
        while message is not grpc.aio.EOF:
            yield COMMENT if message is None else _event(message)
            end = message or end
            message = await reading.next()
    except grpc.RpcError as error:
        yield _error(status_of(error))
    else:
        if end is not None and _failed(end):  # the call went well, and the run did not
            yield _error(end.finished.error)


def _error(status: Any) -> bytes:  # noqa: ANN401 - google.rpc has no type stubs
    """The last event where something went wrong; it has no id, so a reader goes on after the one before."""
    return b"event: error\ndata: %b\n\n" % encode(error_of(status))


def _event(message: Any) -> bytes:  # noqa: ANN401 - a message of whichever stream
    if not tells_a_run(message.DESCRIPTOR):
        return b"data: %b\n\n" % as_json(message)
    kind = message.WhichOneof("event") or "message"
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (message.sequence, kind.encode(), as_json(message))


def tells_a_run(message: Descriptor) -> bool:
    """Whether messages of a stream are steps of a run, with a sequence and a kind."""
    return "sequence" in message.fields_by_name


def _failed(end: Any) -> bool:  # noqa: ANN401 - as above
    return tells_a_run(end.DESCRIPTOR) and end.finished.HasField("error")
