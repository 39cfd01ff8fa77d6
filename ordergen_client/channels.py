"""Channels to the service: over every server behind a name, reads tried again, and the dead noticed."""

import json

import grpc
import grpc.aio

from ordergen_client.credentials import Tls

#: A stream on which nothing is told is pinged, so that one that is cut off is noticed, and none is taken for
#: idle on the way. The server allows pings from every 5 s on.
KEEPALIVE = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
)
_SERVICES = "globeco.ordergen.v1.ModelService", "globeco.ordergen.v1.RebalanceService"
_READS = {
    _SERVICES[0]: ("GetModel", "ListModels"),
    _SERVICES[1]: ("GetRebalance", "ListRebalances", "ListPortfolioRebalances", "GetPortfolioRebalance"),
}
#: Reads are tried again where a server is away for a moment; a write never is, for it may have been done.
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [
                {"service": service, "method": method} for service in _READS for method in _READS[service]
            ],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
_MAXIMUM_BYTES = 64 * 1024 * 1024
#: A server that was away for long is found again within seconds, and not within gRPC's two minutes.
_RECONNECT_MILLISECONDS = 5_000
_OPTIONS = (
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.max_receive_message_length", _MAXIMUM_BYTES),
    ("grpc.max_reconnect_backoff_ms", _RECONNECT_MILLISECONDS),
    *KEEPALIVE,
)


def open_channel(target: str, tls: Tls | None) -> grpc.Channel:
    """A channel to a target, in plain text where no TLS is asked for. Raises OSError for a file of TLS."""
    if tls is None:
        return grpc.insecure_channel(target, _OPTIONS)
    return grpc.secure_channel(target, tls.credentials(), _OPTIONS)


def open_async_channel(target: str, tls: Tls | None) -> grpc.aio.Channel:
    """The same for coroutines; made within the event loop that uses it."""
    if tls is None:
        return grpc.aio.insecure_channel(target, _OPTIONS)
    return grpc.aio.secure_channel(target, tls.credentials(), _OPTIONS)
