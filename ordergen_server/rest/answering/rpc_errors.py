"""Errors as google.rpc.Status in JSON: `{"error": {"code", "status", "message", "details"}}`.

https://google.aip.dev/193 has the form, and
https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto the HTTP code of each status.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from starlette.responses import Response

from ordergen_client.errors import Violation
from ordergen_server.rest.answering.answers import answered
from ordergen_server.rest.answering.statuses import OF_THE_WAY

DOMAIN = "ordergen.globeco"
#: Whose requests are answered in this form.
PREFIX = "/api/v2"
HTTP_CODES = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
#: What HTTP itself refuses, by the status that comes nearest.
_STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
_BROKEN = 500
#: At most so many broken rules are told, as by the API.
MOST_VIOLATIONS = 32
#: Of a caller that is asked to come back, where nothing says when.
_RETRY_SECONDS = 1


def is_below(path: str) -> bool:
    """Whether a path, without what a gateway leaves before it, is of this version."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def status_of(error: grpc.RpcError) -> status_pb2.Status:
    """The status of a call that failed; where it says no more than its code, one that is made of that."""
    call: Any = error  # what a call raises is one, too
    with suppress(ValueError):  # of trailers that say another thing than the call
        if (status := rpc_status.from_call(call)) is not None:
            return status
    code: grpc.StatusCode = call.code()
    status = status_pb2.Status(code=code.value[0], message=OF_THE_WAY.get(code.name, call.details() or ""))
    _add(status, error_details_pb2.ErrorInfo(reason=code.name, domain=DOMAIN))
    return status


def told(status: status_pb2.Status) -> Response:
    """The answer that a status of the API is."""
    name = _name(status)
    code = HTTP_CODES.get(name, _BROKEN)
    return answered(error_of(status), code, _headers(code, _retry_seconds(status)))


def error_of(status: status_pb2.Status) -> dict[str, Any]:
    """The same as JSON alone."""
    name = _name(status)
    return {
        "error": {
            "code": HTTP_CODES.get(name, _BROKEN),
            "status": name,
            "message": status.message,
            "details": list(_details(status)),
        }
    }


def malformed(violations: Iterable[Violation], code: int = 400) -> Response:
    """The answer to a request that breaks rules of its form; the message names the first."""
    broken = tuple(violations)
    status = status_pb2.Status(
        code=code_pb2.INVALID_ARGUMENT, message="; ".join(_sentence(one) for one in broken[:10])
    )
    metadata = (
        {"more_violations": str(len(broken) - MOST_VIOLATIONS)} if len(broken) > MOST_VIOLATIONS else {}
    )
    bad = error_details_pb2.BadRequest()
    for one in broken[:MOST_VIOLATIONS]:
        bad.field_violations.add(field=one.subject, description=one.rule)
    _add(status, error_details_pb2.ErrorInfo(reason="INVALID_ARGUMENT", domain=DOMAIN, metadata=metadata))
    _add(status, bad)
    return told(status) if code == HTTP_CODES["INVALID_ARGUMENT"] else _with_code(status, code)


def refused(code: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer of HTTP itself: nothing is there, too much has come, or something is broken."""
    name = _STATUSES.get(code, "INVALID_ARGUMENT" if code < _BROKEN else "INTERNAL")
    status = status_pb2.Status(code=code_pb2.Code.Value(name), message=message)
    _add(status, error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN))
    return _with_code(status, code, headers)


def _with_code(status: status_pb2.Status, code: int, headers: Mapping[str, str] | None = None) -> Response:
    content = error_of(status)
    content["error"]["code"] = code
    return answered(content, code, {**_headers(code, None), **(headers or {})})


def _headers(code: int, retry_seconds: float | None) -> dict[str, str]:
    if code in (429, 503):
        return {"retry-after": str(max(1, math.ceil(retry_seconds or _RETRY_SECONDS)))}
    return {"www-authenticate": "Bearer"} if code == HTTP_CODES["UNAUTHENTICATED"] else {}


def _retry_seconds(status: status_pb2.Status) -> float | None:
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToNanoseconds() / 1e9)
    return None


def _details(status: status_pb2.Status) -> Iterator[dict[str, Any]]:
    for detail in status.details:
        try:
            yield MessageToDict(detail, preserving_proto_field_name=True)
        except TypeError:  # of a kind that a newer server knows: its name is all that can be said
            yield {"@type": detail.type_url}


def _name(status: status_pb2.Status) -> str:
    try:
        return str(code_pb2.Code.Name(status.code))
    except ValueError:
        return "UNKNOWN"


def _sentence(violation: Violation) -> str:
    return f"{violation.subject} {violation.rule}" if violation.subject else violation.rule


def _add(status: status_pb2.Status, detail: Message) -> None:
    status.details.add().Pack(detail, deterministic=True)
