"""What every call goes through: its deadline, and its errors as statuses."""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import BoundedSemaphore
from typing import Any, NoReturn, TypeAlias

import grpc
from globeco.ordergen.v1 import model_service_pb2, rebalance_service_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from grpc_status import rpc_status

from ordergen_server.api.errors import TABLE, to_status
from ordergen_server.api.requests import decoder
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    InternalError,
    OrderGenerationError,
    ResourceExhausted,
    Unsupported,
)

_log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 1.0
#: Those of the contract; calls of others (health, reflection) are left as they are.
SERVICES: tuple[ServiceDescriptor, ...] = (
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"],
    rebalance_service_pb2.DESCRIPTOR.services_by_name["RebalanceService"],
)

TimeLimit = Callable[[float], AbstractContextManager[None]]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in the type stubs alone
Behaviour = Callable[[Any, grpc.ServicerContext], Any]


def deadline_of(context: grpc.ServicerContext, maximum_seconds: float) -> Deadline:
    """The caller's deadline, or the server's maximum where that is sooner; no deadline is one far away."""
    return Deadline.after(min(context.time_remaining(), maximum_seconds))


class CallInterceptor(grpc.ServerInterceptor):
    """The outermost interceptor: nothing leaves it but answers and statuses of the table.

    A domain error becomes its status; anything else is a bug: INTERNAL with a correlation id, and the cause
    in the log alone.

    Args:
        time_limit: bounds the database operations of a unary call; given the seconds left.
        maximum_seconds: how long a unary call may take where the caller does not say less.
        maximum_calls: how many calls are worked on at once; more are refused at once.
    """

    def __init__(self, time_limit: TimeLimit, maximum_seconds: float, maximum_calls: int) -> None:
        self._time_limit = time_limit
        self._maximum_seconds = maximum_seconds
        self._room = BoundedSemaphore(maximum_calls)
        self._decoders = {
            f"/{service.full_name}/{method.name}": decoder(method)
            for service in SERVICES
            for method in service.methods
        }

    def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Handler | None]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Wrap the handler of a call."""
        handler = continuation(handler_call_details)
        if not handler or not handler_call_details.method.startswith("/globeco."):
            return handler
        # What grpc declares to make messages may make whatever the behaviour takes: here an error, too.
        decode: Any = self._decoders.get(handler_call_details.method, handler.request_deserializer)
        codec = {"request_deserializer": decode, "response_serializer": handler.response_serializer}
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary), **codec)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream), **codec)
        return handler

    def _unary(self, behaviour: Behaviour) -> Behaviour:
        def call(request: Message | OrderGenerationError, context: grpc.ServicerContext) -> object:
            try:
                with self._admitted():
                    message = _decoded(request)
                    left = deadline_of(context, self._maximum_seconds).remaining_seconds("the call began")
                    with self._time_limit(left):
                        return behaviour(message, context)
            except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
                failure = error
            _abort(context, failure)

        return call

    def _stream(self, behaviour: Behaviour) -> Behaviour:
        def call(request: Message | OrderGenerationError, context: grpc.ServicerContext) -> Iterator[object]:
            try:
                with self._admitted():
                    yield from behaviour(_decoded(request), context)
            except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
                failure = error
            else:
                return
            _abort(context, failure)

        return call

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        """A block for one of the calls worked on. Raises ResourceExhausted where there are too many."""
        if not self._room.acquire(blocking=False):
            raise ResourceExhausted(
                "Too many calls in flight: try again in a second.", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        try:
            yield
        finally:
            self._room.release()


def _decoded(request: Message | OrderGenerationError) -> Message:
    if isinstance(request, OrderGenerationError):
        raise request
    return request


def _abort(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    domain_error = _as_domain_error(error)
    context.set_code(TABLE[type(domain_error)][0])  # tracing reads the code from here, not from the abort
    context.abort_with_status(rpc_status.to_status(to_status(domain_error)))


def _as_domain_error(error: Exception) -> OrderGenerationError:
    if isinstance(error, OrderGenerationError):
        return error
    if isinstance(error, NotImplementedError):
        return Unsupported(
            "This server does not support this call: ask one of a newer release.", metadata={"feature": "rpc"}
        )
    correlation_id = uuid.uuid4().hex
    _log.error("internal error %s", correlation_id, exc_info=error)
    return InternalError(
        f"Internal error. Quote {correlation_id} when you report it.",
        metadata={"correlation_id": correlation_id},
    )
