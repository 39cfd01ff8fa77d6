"""Calls of a service over gRPC: one channel, and the same deadline, retry and breaker as over HTTP.

The channel's own retries are off: two policies on one call would multiply their attempts.
"""

from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status

from ordergen_server.domain import origin
from ordergen_server.files import FromFiles
from ordergen_server.siblings.calling.addresses import grpc_url
from ordergen_server.siblings.calling.calls import ResilientCaller
from ordergen_server.siblings.calling.config import SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.calling.failures import AttemptFailed, NotTrusted, Refused, TimedOut
from ordergen_server.siblings.calling.observer import UNOBSERVED, SiblingObserver
from ordergen_server.siblings.calling.trust import UNKNOWN_TO_THEM, handshake_failure

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Document = TypeVar("Document")

if TYPE_CHECKING:
    #: Makes a method of a channel.
    MethodOf = Callable[[grpc.Channel], grpc.UnaryUnaryMultiCallable[Request, Response]]

_MAXIMUM_RECONNECT_MILLISECONDS = 2_000
#: The service, or something before it, is in no state to answer; anything else is an answer.
_OUTAGES = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
}
_NOT_CONNECTED = {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}
_LEAST_SECONDS = 0.001
_BUSY = {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED, grpc.StatusCode.CANCELLED}


class GrpcService(Generic[Request, Response]):
    """One method of one service at one target.

    Args:
        service: its name, for errors and the log.
        config: where it is (`grpc://host:port`) and its limits; `pool_size` bounds the calls at once.
        method: the method on a channel; it is asked for at once, for to make a stub on a channel that is
            closed crashes grpcio.
        observer: hears what becomes of calls.

    Raises:
        ValueError: the base URL is not one of gRPC, or a certificate cannot be used.
    """

    def __init__(
        self,
        service: str,
        config: SiblingConfig,
        method: "MethodOf[Request, Response]",
        observer: SiblingObserver = UNOBSERVED,
    ) -> None:
        url = grpc_url(service, config)
        self.caller = ResilientCaller(service, config, observer=observer)
        self._target = f"dns:///{url.host}:{url.port}"
        self._config = config
        self._is_encrypted = url.scheme == "grpcs"
        self._method_of = method
        self._channels: list[grpc.Channel] = []
        files = config.tls.all if self._is_encrypted else []
        self._method = FromFiles("the certificates for siblings", files, self._opened)

    def get(self, request: Request, read: Callable[[Response], Document], deadline: Deadline) -> Document:
        """Call the method, and read its answer.

        Raises:
            Refused: a status that says neither that the service is down nor that it is busy.
            SiblingUnavailable: no attempt brought an answer, or the breaker is open.
            DeadlineExceeded: the deadline passed first.
        """

        def attempt(timeout_seconds: float) -> Document:
            return read(self._fetch(request, timeout_seconds))

        return self.caller.call(attempt, deadline)

    def send(
        self,
        request: Request,
        read: Callable[[Response], Document],
        deadline: Deadline,
        begin: Callable[[], object],
    ) -> Document:
        """Call a method once there is a connection, and read its answer.

        Until `begin` is called, nothing of the request has left. It is the config that says how often this is
        attempted: once, where it is not safe to repeat.

        Raises as `get`.
        """

        def attempt(timeout_seconds: float) -> Document:
            end = Deadline(timeout_seconds)
            self._method.current()
            connect(self._channels[-1], timeout_seconds)
            begin()
            return read(self._fetch(request, max(_LEAST_SECONDS, end.remaining_seconds)))

        return self.caller.call(attempt, deadline)

    def look(self, request: Request, timeout_seconds: float) -> None:
        """Call the method once, as `ResilientCaller.look` has it."""
        self.caller.look(lambda seconds: self._fetch(request, seconds), timeout_seconds)

    def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        self.caller.close()
        for channel in self._channels:
            channel.close()

    def _opened(self) -> "grpc.UnaryUnaryMultiCallable[Request, Response]":
        """The method on a new channel, with the certificates of this moment.

        The channel before it stays open for the calls under way, until the next one.
        """
        channel = self._channel()
        while len(self._channels) > 1:
            self._channels.pop(0).close()
        self._channels.append(channel)
        return self._method_of(channel)

    def _channel(self) -> grpc.Channel:
        options = _options(self._config)
        if not self._is_encrypted:
            return grpc.insecure_channel(self._target, options)
        self._config.tls.context()  # gRPC takes anything, and fails with the first call
        ca, certificate, key = self._config.tls.contents()
        return grpc.secure_channel(self._target, grpc.ssl_channel_credentials(ca, key, certificate), options)

    def _fetch(self, request: Request, timeout_seconds: float) -> Response:
        token = self._config.token
        authorization = {"authorization": token.header} if token else {}
        metadata = tuple({**origin.current().headers, **authorization}.items())
        try:
            return self._method.current()(request, timeout=timeout_seconds, metadata=metadata)
        except grpc.RpcError as error:
            raise self._tls_failure(error) or _failure(error, timeout_seconds) from error
        except ValueError as error:
            raise AttemptFailed("cannot be called any more: its channel is closed") from error

    def _tls_failure(self, error: grpc.RpcError) -> AttemptFailed | None:
        if not self._is_encrypted or error.code() is not grpc.StatusCode.UNAVAILABLE:
            return None
        return handshake_failure(
            error.details() or "", shows_certificate=self._config.tls.certificate is not None
        )


def connect(channel: grpc.Channel, timeout_seconds: float) -> None:
    """Wait until a channel has a connection.

    It is asked to connect only where it is idle: whoever asks twice in a fifth of a second, and closes the
    channel, lets the thread of gRPC that looks after its state die of it.

    Raises:
        TimedOut: it had none in time.
        AttemptFailed: it could not be made.
    """
    states: SimpleQueue[grpc.ChannelConnectivity] = SimpleQueue()
    end, hearers = Deadline(timeout_seconds), [partial(states.put)]
    channel.subscribe(hearers[0])
    try:
        state = None
        while state is not grpc.ChannelConnectivity.READY:
            state = states.get(timeout=max(_LEAST_SECONDS, end.remaining_seconds))
            if state in _NOT_CONNECTED:
                raise AttemptFailed("could not be reached")
            if state is grpc.ChannelConnectivity.IDLE and len(hearers) == 1:
                hearers.append(partial(states.put))
                channel.subscribe(hearers[1], try_to_connect=True)
    except Empty:
        raise TimedOut(f"could not be connected to within {timeout_seconds:.3g} s") from None
    finally:
        for hearer in hearers:
            channel.unsubscribe(hearer)


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


def _failure(error: grpc.RpcError, timeout_seconds: float) -> AttemptFailed | Refused:
    """What a status means; its details stay out of the message, for they may name what is inside."""
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut(f"did not answer within {timeout_seconds:.3g} s")
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return NotTrusted(UNKNOWN_TO_THEM.format(code.name))
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
