"""A server of gRPC for Python that refuses every call at once and does nothing else: the least it can cost.

It writes its port as a line, and ends with its standard input.
"""

import asyncio
import sys
from typing import Any

import grpc

_DETAILS = b"d" * 200  # as many bytes as an ErrorInfo and a RetryInfo take


class _Refusing(grpc.GenericRpcHandler):
    def service(self, _: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 - the stubs have no type for it
        return grpc.stream_unary_rpc_method_handler(_refuse)


async def _refuse(_: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    trailers = (("grpc-status-details-bin", _DETAILS),)
    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many calls in flight.", trailers)


async def serve() -> None:
    """Refuse until standard input ends."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Refusing(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(serve())
