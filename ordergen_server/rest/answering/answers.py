"""Answers in JSON. Numbers have the digits that they have in the API: none goes through a float."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse

MEDIA_TYPE = "application/json"
#: What is longer is sent as it is read, by which its end is no longer known when it begins.
BUFFERED_BYTES = 1024 * 1024

encode = msgspec.json.Encoder(decimal_format="number").encode


def answered(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A whole answer: Decimals are numbers, digit for digit."""
    return Response(encode(content), status, headers, MEDIA_TYPE)


async def answered_in_parts(parts: AsyncIterator[bytes]) -> Response:
    """An answer that may be of any length.

    What fails before much is read has its status. What fails after that ends the connection before
    the answer, so that no reader takes it for whole.
    """
    begun = bytearray()
    async for part in parts:
        begun += part
        if len(begun) > BUFFERED_BYTES:
            return StreamingResponse(_and_then(bytes(begun), parts), media_type=MEDIA_TYPE)
    return Response(bytes(begun), media_type=MEDIA_TYPE)


async def _and_then(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part


async def array(items: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """A JSON array of items, one after the other."""
    mark = b"["
    async for item in items:
        yield mark + encode(item)
        mark = b","
    yield b"[]" if mark == b"[" else b"]"
