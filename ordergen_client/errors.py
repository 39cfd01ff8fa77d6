"""What a call can raise.

OrderGenerationError     anything the service or the way to it answers; `code` says what kind
├── InvalidArgument      fields break rules: `violations` has each with its path
├── NotFound             no such model, rebalance, portfolio in any model
├── AlreadyExists        a name, security or portfolio is taken
├── Aborted              another writer was first: read again, then try again
├── PreconditionFailed   no solution, no market value, missing data: `violations` has each cause
├── Unavailable          the service, its database or a sibling is down: try again later
├── DeadlineExceeded     time ran out; the work may have been done all the same. With the reason
│                        SOLVER_UNDECIDED it is the solver's: there may be an answer, or none
├── ResourceExhausted    too many calls in flight: try again later
├── Unauthenticated      the server asks for credentials: none were sent, or none that it accepts
├── PermissionDenied     the credentials lack a scope: metadata `scope` has the one that is needed
└── Unsupported          the server does not support what was asked for
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, cast

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule or cause: its subject (a field's path, a security), and the rule with its numbers."""

    subject: str
    rule: str
    kind: str = ""


class OrderGenerationError(Exception):
    """A call, or one portfolio of a run, failed.

    Attributes:
        code: the gRPC status code's name, such as `NOT_FOUND`.
        message: for people.
        reason: the kind of failure in UPPER_SNAKE; empty where the service was not reached.
        metadata: for programs, such as `current_version`, `rebalance_id`, `service`.
        violations: every broken rule or cause.
        retry_after_seconds: when to try again; None where the service does not say.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: tuple[Violation, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.violations = violations
        self.retry_after_seconds = retry_after_seconds


class InvalidArgument(OrderGenerationError):
    """One or more fields break a rule."""


class NotFound(OrderGenerationError):
    """Something named by an id does not exist."""


class AlreadyExists(OrderGenerationError):
    """Something that must be unique is taken."""


class Aborted(OrderGenerationError):
    """Another writer was first."""


class PreconditionFailed(OrderGenerationError):
    """The state of the world does not allow it."""


class Unavailable(OrderGenerationError):
    """The service, its database or a sibling is down."""


class DeadlineExceeded(OrderGenerationError):
    """Time ran out."""


class ResourceExhausted(OrderGenerationError):
    """Too many calls in flight."""


class Unauthenticated(OrderGenerationError):
    """The server asks for credentials: none were sent, or none that it accepts."""


class PermissionDenied(OrderGenerationError):
    """The credentials lack the scope that the call needs."""


class Unsupported(OrderGenerationError):
    """The server does not support what was asked for."""


_TYPES: dict[str, type[OrderGenerationError]] = {
    "INVALID_ARGUMENT": InvalidArgument,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "ABORTED": Aborted,
    "FAILED_PRECONDITION": PreconditionFailed,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "RESOURCE_EXHAUSTED": ResourceExhausted,
    "UNAUTHENTICATED": Unauthenticated,
    "PERMISSION_DENIED": PermissionDenied,
    "UNIMPLEMENTED": Unsupported,
}
_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def raise_from(error: grpc.RpcError) -> NoReturn:
    """Raise what a failed call means."""
    call = cast("grpc.Call", error)  # what a stub raises is both
    status = rpc_status.from_call(call)
    if status is not None:
        raise from_status(status) from error
    code = call.code().name
    raise _TYPES.get(code, OrderGenerationError)(code, call.details() or "") from error


def from_status(status: status_pb2.Status) -> OrderGenerationError:
    """The error that a google.rpc.Status tells of."""
    code = _CODE_NAMES.get(status.code, "UNKNOWN")
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    violations: tuple[Violation, ...] = ()
    delay = None
    for detail in status.details:
        detail.Unpack(info)
        violations += _violations(detail)
        if detail.Unpack(retry):
            delay = retry.retry_delay.ToNanoseconds() / 1e9
    return _TYPES.get(code, OrderGenerationError)(
        code,
        status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations=violations,
        retry_after_seconds=delay,
    )


def _violations(detail: object) -> tuple[Violation, ...]:
    bad_request, failure = error_details_pb2.BadRequest(), error_details_pb2.PreconditionFailure()
    unpack = detail.Unpack  # type: ignore[attr-defined] # google.rpc has no type stubs, so an Any is an object
    if unpack(bad_request):
        return tuple(
            Violation(one.field, one.description, one.reason) for one in bad_request.field_violations
        )
    if unpack(failure):
        return tuple(Violation(one.subject, one.description, one.type) for one in failure.violations)
    return ()
