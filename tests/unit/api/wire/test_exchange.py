"""What a call was sent with."""

import asyncio
from typing import Any

import grpc.aio
import pytest

from ordergen_server.api.wire.exchange import MAXIMUM_HEADER_BYTES, MAXIMUM_HEADERS, Exchange
from ordergen_server.domain.errors import Cancelled, ResourceExhausted


class Context:
    """As gRPC has it, of a call with these headers."""

    def __init__(self, metadata: list[tuple[str, str | bytes]]) -> None:
        self._metadata = tuple(metadata)

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self._metadata

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    async def write(self, answer: bytes) -> None:
        raise grpc.aio.InternalError(f"of a stream that is no more: {answer!r}")


def exchange(metadata: list[tuple[str, str | bytes]]) -> Exchange:
    context: Any = Context(metadata)
    return Exchange(context)


def test_values_of_one_name_are_joined_and_bytes_are_none() -> None:
    sent: list[tuple[str, str | bytes]] = [("a", "1"), ("b", "2"), ("a", "3"), ("c-bin", b"4")]
    assert exchange(sent).headers == {"a": "1, 3", "b": "2"}


@pytest.mark.parametrize(
    "metadata",
    [[("x", "")] * (MAXIMUM_HEADERS + 1), [("x", "c" * MAXIMUM_HEADER_BYTES)]],
    ids=["too many", "too long"],
)
def test_headers_beyond_bounds_are_refused_and_not_looked_at(metadata: list[tuple[str, str | bytes]]) -> None:
    call = exchange(metadata)
    assert call.headers == {}
    with pytest.raises(ResourceExhausted) as told:
        call.check_headers()
    assert told.value.metadata == {"kind": "headers"}


def test_headers_at_the_bounds_are_taken() -> None:
    exchange([("x", "")] * MAXIMUM_HEADERS).check_headers()
    exchange([("x", "c" * (MAXIMUM_HEADER_BYTES - 1))]).check_headers()


def test_who_leaves_while_they_are_written_to_has_left() -> None:
    """And nothing is wrong with the server."""
    with pytest.raises(Cancelled):
        asyncio.run(exchange([]).write(b"answer"))
