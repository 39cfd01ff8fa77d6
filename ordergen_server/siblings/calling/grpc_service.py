"""Calls of a service over gRPC: one channel, and the same deadline, retry and breaker as over HTTP.

The channel's own retries are off: two policies on one call would multiply their attempts.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import grpc
import urllib3
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status

from ordergen_server.domain import origin
from ordergen_server.siblings.calling.calls import ResilientCaller
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import AttemptFailed, Refused, TimedOut
from ordergen_server.siblings.calling.observer import UNOBSERVED, SiblingObserver

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Document = TypeVar("Document")

_MAXIMUM_RECONNECT_MILLISECONDS = 2_000
#: The service, or something before it, is in no state to answer; anything else is an answer.
_OUTAGES = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
}
_BUSY = {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED, grpc.StatusCode.CANCELLED}


class GrpcService:
    """One service at one target.

    Args:
        service: its name, for errors and the log.
        config: where it is (`grpc://host:port`) and its limits; `pool_size` bounds the calls at once.
        observer: hears what becomes of calls.

    Raises:
        ValueError: the base URL is not one of gRPC.
    """

    def __init__(self, service: str, config: SiblingConfig, observer: SiblingObserver = UNOBSERVED) -> None:
        url = urllib3.util.parse_url(config.base_url)
        if url.scheme != "grpc" or not url.host or not url.port or url.path not in (None, "/") or url.query:
            raise ValueError(f"{service}: {config.base_url!r} is not a base URL like grpc://host:port")
        self.caller = ResilientCaller(service, config, observer=observer)
        self.channel = grpc.insecure_channel(f"dns:///{url.host}:{url.port}", _options(config))

    def get(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        read: Callable[[Response], Document],
        deadline: Deadline,
    ) -> Document:
        """Call a method that is safe to repeat, and read its answer.

        Raises:
            Refused: a status that says neither that the service is down nor that it is busy.
            SiblingUnavailable: no attempt brought an answer, or the breaker is open.
            DeadlineExceeded: the deadline passed first.
        """

        def attempt(timeout_seconds: float) -> Document:
            return read(_fetch(method, request, timeout_seconds))

        return self.caller.call(attempt, deadline)

    def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        self.caller.close()
        self.channel.close()


def _options(config: SiblingConfig) -> Sequence[tuple[str, int | str]]:
    return [
        ("grpc.enable_retries", 0),
        # The default picks one address and stays there; a new server would get no calls.
        ("grpc.lb_policy_name", "round_robin"),
        # Left alone it grows to two minutes, long after the service is back.
        ("grpc.max_reconnect_backoff_ms", _MAXIMUM_RECONNECT_MILLISECONDS),
        ("grpc.max_receive_message_length", config.maximum_body_bytes),
        # Channels of one process to one target share their connection otherwise, with its limits.
        ("grpc.use_local_subchannel_pool", 1),
    ]


def _fetch(
    method: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request, timeout_seconds: float
) -> Response:
    try:
        return method(request, timeout=timeout_seconds, metadata=tuple(origin.current().headers.items()))
    except grpc.RpcError as error:
        raise _failure(error, timeout_seconds) from error
    except ValueError as error:
        raise AttemptFailed("cannot be called any more: its channel is closed") from error


def _failure(error: grpc.RpcError, timeout_seconds: float) -> AttemptFailed | Refused:
    """What a status means; its details stay out of the message, for they may name what is inside."""
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut(f"did not answer within {timeout_seconds:.3g} s")
    reason = f"answered with status {code.name}"
    if code in _OUTAGES or code in _BUSY:
        return AttemptFailed(reason, retry_after_seconds=_retry_after(error), is_outage=code in _OUTAGES)
    return Refused(reason, is_unknown=code is grpc.StatusCode.NOT_FOUND)


def _retry_after(error: grpc.RpcError) -> float | None:
    """The seconds of a RetryInfo; None where there is none, or nonsense."""
    try:
        status = rpc_status.from_call(cast("grpc.Call", error))  # which every error of a call is, too
    except (ValueError, DecodeError):
        return None
    info = RetryInfo()
    for detail in status.details if status else ():
        if detail.Is(RetryInfo.DESCRIPTOR) and detail.Unpack(info):
            seconds: float = info.retry_delay.ToTimedelta().total_seconds()
            return max(0.0, seconds)
    return None
