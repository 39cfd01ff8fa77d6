"""A call on the wire: what is needed of gRPC to serve it, and how much of it went to and fro."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import grpc

from ordergen_server.domain.errors import Cancelled, ResourceExhausted

Context = grpc.aio.ServicerContext[Any, Any]

#: Headers of a call, and their bytes: what gRPC lets through from a client that keeps to its SETTINGS.
MAXIMUM_HEADERS, MAXIMUM_HEADER_BYTES = 512, 32 * 1024


class Exchange:
    """One call, from its headers to its end. On an event loop alone.

    Attributes:
        headers: what it was sent with; values of one name are joined, as HTTP has it: two tokens are none.
            Empty where they are too many or too long.
        peer: whose turn it takes: its subject where that is known, its connection where not.
        received_bytes: of its requests.
        sent_bytes: of what was written; the one answer of a unary call is not.
        when_identified: hears who calls.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        metadata = context.invocation_metadata() or ()
        # gRPC's own bound holds once the client has acknowledged it; before, 16 KB may be unpacked to 16 MB.
        self._headers_fit = len(metadata) <= MAXIMUM_HEADERS and _size(metadata) <= MAXIMUM_HEADER_BYTES
        self.headers: Mapping[str, str] = _joined(metadata) if self._headers_fit else {}
        self.connection: str = context.peer()
        self.peer = self.connection
        self.received_bytes = self.sent_bytes = 0
        self.when_identified: Callable[[str], None] = _nobody_hears

    def check_headers(self) -> None:
        """Raises ResourceExhausted: the headers are too many or too long."""
        if not self._headers_fit:
            raise ResourceExhausted(
                f"The call has more than {MAXIMUM_HEADERS} headers, or more than {MAXIMUM_HEADER_BYTES:,}"
                " bytes of them: send fewer.",
                metadata={"kind": "headers"},
            )

    @property
    def authenticated(self) -> Any:  # noqa: ANN401 - lists of bytes, which the type stubs call bytes
        """What TLS knows of the caller."""
        return self._context.auth_context()

    @property
    def seconds_left(self) -> float:
        """What its caller gives it; infinite where they wait for ever."""
        left: float | None = self._context.time_remaining()
        return math.inf if left is None else left

    def identify(self, subject_name: str) -> None:
        """Note who calls."""
        if subject_name:
            self.peer = subject_name
            self.when_identified(subject_name)

    async def read(self) -> bytes | None:
        """The next request; None where the caller has sent all."""
        raw: object = await self._context.read()
        if not isinstance(raw, bytes):
            return None
        self.received_bytes += len(raw)
        return raw

    async def write(self, answer: bytes) -> None:
        """Stream an answer, once the reader has room. Raises Cancelled where they have left."""
        self.sent_bytes += len(answer)
        try:
            await self._context.write(answer)
        except grpc.aio.InternalError as error:  # what gRPC raises of a stream that is no more
            raise Cancelled("The caller has left.") from error


#: Serves one call; a unary one answers its bytes, and a stream writes them. It raises what goes wrong.
Serve = Callable[[Exchange], Awaitable[bytes | None]]


def _size(metadata: Iterable[tuple[str, str | bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in metadata)


def _joined(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, value in metadata:
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    return {name: ", ".join(values) for name, values in found.items()}


def _nobody_hears(_: str) -> None:
    pass
