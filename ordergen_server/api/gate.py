"""The gatekeeper in front of the server that stands: asks it about every call, whatever its service."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
from grpc_status import rpc_status

from ordergen_server.api.calls import Behaviour, Handler
from ordergen_server.api.errors import TABLE, to_status
from ordergen_server.api.security import Gatekeeper, certificate_names
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.subjects import Subject, acting_as


class GateInterceptor(grpc.ServerInterceptor):
    """Lets calls in with the subject that they are made by."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        self._gatekeeper = gatekeeper

    def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Handler | None]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Wrap the handler of a call."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        codec = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **codec)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), **codec)
        behaviour: Any = handler.stream_stream
        return grpc.stream_stream_rpc_method_handler(self._stream(method, behaviour), **codec)

    def _unary(self, method: str, behaviour: Behaviour) -> Behaviour:
        def call(request: object, context: grpc.ServicerContext) -> object:
            with acting_as(self._admitted(method, context)):
                return behaviour(request, context)

        return call

    def _stream(self, method: str, behaviour: Behaviour) -> Behaviour:
        def call(request: object, context: grpc.ServicerContext) -> Iterator[object]:
            with acting_as(self._admitted(method, context)):
                yield from behaviour(request, context)

        return call

    def _admitted(self, method: str, context: grpc.ServicerContext) -> Subject:
        metadata = {name: value for name, value in context.invocation_metadata() if isinstance(value, str)}
        authenticated: Any = context.auth_context()  # lists of bytes, which the stubs call bytes
        try:
            return self._gatekeeper.admit(method, metadata, certificate_names(authenticated))
        except OrderGenerationError as error:
            context.set_code(TABLE[type(error)][0])
            context.abort_with_status(rpc_status.to_status(to_status(error)))
