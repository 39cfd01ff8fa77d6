"""Who calls, as the API is told: credentials, ids and time pass through, and nothing else."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from ordergen_client.errors import Unauthenticated
from ordergen_server.api.telemetry.correlation import CallIds
from ordergen_server.domain.subjects import X_ACTOR
from ordergen_server.rest.settings import RestSettings

#: As gRPC writes a timeout (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
_GRPC_TIMEOUT = re.compile(r"(\d{1,8})([HMSmun])")
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_AUTHORIZATION = "authorization"
#: What of a request's headers goes along as it is.
_PASSED = (_AUTHORIZATION, X_ACTOR)
_MILLISECONDS = re.compile(r"\d{1,10}")
_LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Caller:
    """What of a request goes along with every call that is made for it.

    Attributes:
        metadata: of gRPC.
        until: when the caller's time ends, on the monotonic clock.
    """

    metadata: tuple[tuple[str, str], ...]
    until: float

    @property
    def has_credentials(self) -> bool:
        """Whether there is something that may say who calls."""
        return any(name == _AUTHORIZATION for name, _ in self.metadata)

    @property
    def seconds_left(self) -> float:
        """Until the caller's time ends; never below 0."""
        return max(0.0, self.until - time.monotonic())


def caller_of(headers: Mapping[str, str], ids: CallIds, timeout_seconds: float) -> Caller:
    """The caller of a request.

    Args:
        headers: of the request, by names in lower case.
        ids: of the request.
        timeout_seconds: for a request that does not say its own.
    """
    metadata = list(ids.headers.items())
    for name in _PASSED:
        value = headers.get(name)
        if value and value.isascii() and value.isprintable():
            metadata.append((name, value))
    return Caller(tuple(metadata), time.monotonic() + _timeout(headers, timeout_seconds))


def caller_for(request: Request, settings: RestSettings, timeout_seconds: float) -> Caller:
    """The same, as every call for a request needs it.

    Args:
        request: that the calls are for.
        settings: say whether we show the API a certificate of ours.
        timeout_seconds: where it does not say its own.

    Raises:
        Unauthenticated: nothing but our own certificate would speak for the request.
    """
    caller = caller_of(request.headers, request.state.ids, timeout_seconds)
    if settings.target_certificate and not caller.has_credentials:
        raise Unauthenticated("UNAUTHENTICATED", "Credentials are missing: send a bearer token.")
    return caller


def _timeout(headers: Mapping[str, str], default: float) -> float:
    found = _GRPC_TIMEOUT.fullmatch(headers.get("grpc-timeout", ""))
    if found:
        return min(int(found[1]) * _UNITS[found[2]], _LONGEST_SECONDS)
    milliseconds = headers.get("x-envoy-expected-rq-timeout-ms", "")
    if _MILLISECONDS.fullmatch(milliseconds):
        return min(int(milliseconds) / 1000, _LONGEST_SECONDS)
    return default
