"""What every call goes through: its deadline, and its errors as statuses."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import BoundedSemaphore
from typing import Any, NoReturn, TypeAlias

import grpc
from globeco.ordergen.v1 import model_service_pb2, rebalance_service_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from grpc_status import rpc_status
from prometheus_client import CollectorRegistry

from ordergen_server.api.errors import TABLE, to_status
from ordergen_server.api.requests import decoder
from ordergen_server.api.telemetry.calls import CallTelemetry, ObservedCall
from ordergen_server.api.telemetry.metrics import Metrics
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
        telemetry: notes every call.
    """

    def __init__(
        self,
        time_limit: TimeLimit,
        maximum_seconds: float,
        maximum_calls: int,
        telemetry: CallTelemetry | None = None,
    ) -> None:
        self._telemetry = telemetry or CallTelemetry(SERVICES, Metrics(CollectorRegistry()))
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
        method = handler_call_details.method
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **codec)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), **codec)
        return handler

    def _begin(self, method: str, context: grpc.ServicerContext) -> ObservedCall:
        headers = {name: value for name, value in context.invocation_metadata() if isinstance(value, str)}
        observed = self._telemetry.begin(method, headers, context.peer())
        context.set_trailing_metadata(observed.trailers)
        return observed

    def _unary(self, method: str, behaviour: Behaviour) -> Behaviour:
        def call(request: Message | OrderGenerationError, context: grpc.ServicerContext) -> object:
            observed = self._begin(method, context)
            try:
                with self._admitted(observed):
                    message = _decoded(request)
                    left = deadline_of(context, self._maximum_seconds).remaining_seconds("the call began")
                    with self._time_limit(left):
                        answer = behaviour(message, context)
                    observed.end(grpc.StatusCode.OK, None, _size(request), _size(answer))
                    return answer
            except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
                failure = error
            _abort(context, failure, observed, _size(request))

        return call

    def _stream(self, method: str, behaviour: Behaviour) -> Behaviour:
        def call(request: Message | OrderGenerationError, context: grpc.ServicerContext) -> Iterator[object]:
            observed, sent = self._begin(method, context), 0
            try:
                with self._admitted(observed):
                    for answer in behaviour(_decoded(request), context):
                        sent += _size(answer)
                        yield answer
            except GeneratorExit:  # the caller has gone
                observed.end(grpc.StatusCode.CANCELLED, None, _size(request), sent)
                raise
            except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
                failure = error
            else:
                observed.end(grpc.StatusCode.OK, None, _size(request), sent)
                return
            _abort(context, failure, observed, _size(request), sent)

        return call

    @contextmanager
    def _admitted(self, observed: ObservedCall) -> Iterator[None]:
        """A block for one of the calls worked on. Raises ResourceExhausted where there are too many."""
        if not self._room.acquire(blocking=False):
            observed.refused("too_many_calls")
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


def _size(message: object) -> int:
    return message.ByteSize() if isinstance(message, Message) else 0


def _abort(
    context: grpc.ServicerContext, error: Exception, observed: ObservedCall, received: int, sent: int = 0
) -> NoReturn:
    domain_error = _as_domain_error(error, observed.correlation_id)
    observed.end(TABLE[type(domain_error)][0], domain_error, received, sent)
    context.abort_with_status(_Ending(rpc_status.to_status(to_status(domain_error)), observed.trailers))


class _Ending(grpc.Status):
    """A status whose trailers have the ids of the call beside the error's details."""

    def __init__(self, status: grpc.Status, trailers: tuple[tuple[str, str], ...]) -> None:
        self.code, self.details = status.code, status.details
        self.trailing_metadata = (*(status.trailing_metadata or ()), *trailers)


def _as_domain_error(error: Exception, correlation_id: str) -> OrderGenerationError:
    if isinstance(error, OrderGenerationError):
        return error
    if isinstance(error, NotImplementedError):
        return Unsupported(
            "This server does not support this call: ask one of a newer release.", metadata={"feature": "rpc"}
        )
    _log.error("internal error %s", correlation_id, exc_info=error)
    return InternalError(
        f"Internal error. Quote {correlation_id} when you report it.",
        metadata={"correlation_id": correlation_id},
    )
