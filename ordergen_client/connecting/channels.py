"""Channels to the service: over every server behind a name, reads tried again, and the dead noticed."""

import json
from collections.abc import Mapping, Sequence

import grpc
import grpc.aio

from ordergen_client.connecting.credentials import Tls

#: Of calls that block.
ClientInterceptor = grpc.UnaryUnaryClientInterceptor | grpc.UnaryStreamClientInterceptor

#: A stream on which nothing is told is pinged, so that one that is cut off is noticed, and none is taken for
#: idle on the way. The server allows pings from every 5 s on.
KEEPALIVE = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
)
#: A server that was away for long is found again within seconds, and not within gRPC's two minutes.
_RECONNECT = (("grpc.max_reconnect_backoff_ms", 5_000),)
_SERVICES = tuple(
    f"globeco.ordergen.v1.{name}Service" for name in ("Model", "Rebalance", "Reference", "Diagnostics")
)
_READS = {
    _SERVICES[0]: ("GetModel", "ListModels"),
    _SERVICES[1]: (
        *("GetRebalance", "ListRebalances", "ListPortfolioRebalances", "GetPortfolioRebalance"),
        *("CheckDrift", "CompareOptions", "GetPortfolioSettings", "ListPortfolioSettings"),
        *("ListOrders", "ListRebalanceEvents", "GetOrderSubmission"),
        *("AggregateOrders", "AllocateFill", "ReconcileOrders"),
    ),
    _SERVICES[2]: ("ResolveSecurities", "ResolvePortfolios"),
    _SERVICES[3]: ("Diagnose",),
}
#: The service does these once for one request_id, however often it is asked.
_NAMED_WRITES = {
    _SERVICES[0]: ("CreateModel",),
    _SERVICES[1]: ("RebalancePortfolio", "StartRebalance", "SubmitOrders"),
}
#: Done twice they are as done once: the latest review of each person counts.
_SAFE_WRITES = {_SERVICES[1]: ("ReviewRebalance",)}
_RETRIES = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_MAXIMUM_BYTES = 64 * 1024 * 1024


def open_channel(
    target: str,
    tls: Tls | None,
    *,
    named_writes: bool = False,
    interceptors: Sequence[ClientInterceptor] = (),
) -> grpc.Channel:
    """A channel to a target.

    Calls go round over all servers behind it. Reads are tried again where a server is away for a moment; a
    write never is, for it may have been done, unless every one of them has a request_id, or twice is as once.

    Args:
        target: `host:port`, or another name that gRPC knows.
        tls: in plain text where there is none.
        named_writes: every CreateModel, RebalancePortfolio, StartRebalance and SubmitOrders has a request_id.
        interceptors: see every call, the first one first.

    Raises:
        OSError: a file of TLS cannot be read.
    """
    options = _options(named_writes=named_writes)
    channel = (
        grpc.insecure_channel(target, options)
        if tls is None
        else grpc.secure_channel(target, tls.credentials(), options)
    )
    return grpc.intercept_channel(channel, *interceptors) if interceptors else channel


def open_async_channel(
    target: str,
    tls: Tls | None,
    *,
    named_writes: bool = False,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> grpc.aio.Channel:
    """The same for coroutines; made within the event loop that uses it."""
    options = _options(named_writes=named_writes)
    if tls is None:
        return grpc.aio.insecure_channel(target, options, interceptors=interceptors)
    return grpc.aio.secure_channel(target, tls.credentials(), options, interceptors=interceptors)


def _options(*, named_writes: bool) -> tuple[tuple[str, str | int], ...]:
    return (
        ("grpc.service_config", json.dumps(_service_config(named_writes=named_writes))),
        ("grpc.max_receive_message_length", _MAXIMUM_BYTES),
        *_RECONNECT,
        *KEEPALIVE,
    )


def _service_config(*, named_writes: bool) -> dict[str, object]:
    retried: list[Mapping[str, tuple[str, ...]]] = [_READS, _SAFE_WRITES]
    if named_writes:
        retried.append(_NAMED_WRITES)
    names = [
        {"service": service, "method": method}
        for methods in retried
        for service in methods
        for method in methods[service]
    ]
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [{"name": names, "retryPolicy": _RETRIES}],
    }
