"""The table of every error a caller can meet, and how an error becomes a google.rpc.Status."""

from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from ordergen_server.domain import errors
from ordergen_server.domain.errors import OrderGenerationError, Violation
from ordergen_server.domain.requests.violations import MAXIMUM_VIOLATIONS

DOMAIN = "ordergen.globeco"

#: Each error with its status code and its ErrorInfo reason. A test fails if an error has no row.
TABLE: dict[type[OrderGenerationError], tuple[grpc.StatusCode, str]] = {
    errors.InvalidArgument: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
    errors.NotFound: (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
    errors.AlreadyExists: (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS"),
    errors.Aborted: (grpc.StatusCode.ABORTED, "ABORTED"),
    errors.VersionMismatch: (grpc.StatusCode.ABORTED, "VERSION_MISMATCH"),
    errors.RebalanceInProgress: (grpc.StatusCode.ABORTED, "REBALANCE_IN_PROGRESS"),
    errors.PreconditionFailed: (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION"),
    errors.ModelWithoutPositions: (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_WITHOUT_POSITIONS"),
    errors.MarketValueNotPositive: (grpc.StatusCode.FAILED_PRECONDITION, "MARKET_VALUE_NOT_POSITIVE"),
    errors.NotToBeTraded: (grpc.StatusCode.FAILED_PRECONDITION, "DO_NOT_TRADE"),
    errors.HasOpenOrders: (grpc.StatusCode.FAILED_PRECONDITION, "OPEN_ORDERS"),
    errors.Infeasible: (grpc.StatusCode.FAILED_PRECONDITION, "INFEASIBLE"),
    errors.ApprovalCannotCount: (grpc.StatusCode.FAILED_PRECONDITION, "APPROVAL_CANNOT_COUNT"),
    errors.ApprovalMissing: (grpc.StatusCode.FAILED_PRECONDITION, "APPROVAL_MISSING"),
    errors.AlreadySubmitted: (grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_SUBMITTED"),
    errors.StaleProposal: (grpc.StatusCode.FAILED_PRECONDITION, "STALE_PROPOSAL"),
    errors.DataProblem: (grpc.StatusCode.FAILED_PRECONDITION, "DATA_PROBLEM"),
    errors.MissingData: (grpc.StatusCode.FAILED_PRECONDITION, "MISSING_DATA"),
    errors.StalePrice: (grpc.StatusCode.FAILED_PRECONDITION, "STALE_PRICE"),
    errors.BadData: (grpc.StatusCode.FAILED_PRECONDITION, "BAD_DATA"),
    errors.Unavailable: (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
    errors.DatabaseUnavailable: (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE"),
    errors.SiblingUnavailable: (grpc.StatusCode.UNAVAILABLE, "SIBLING_UNAVAILABLE"),
    errors.DeadlineExceeded: (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    errors.SolverUndecided: (grpc.StatusCode.DEADLINE_EXCEEDED, "SOLVER_UNDECIDED"),
    errors.ResourceExhausted: (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS"),
    errors.Unauthenticated: (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
    errors.PermissionDenied: (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
    errors.Cancelled: (grpc.StatusCode.CANCELLED, "CANCELLED"),
    errors.Unsupported: (grpc.StatusCode.UNIMPLEMENTED, "UNSUPPORTED"),
    errors.StoredDataDamaged: (grpc.StatusCode.DATA_LOSS, "STORED_DATA_DAMAGED"),
    errors.InternalError: (grpc.StatusCode.INTERNAL, "INTERNAL"),
}

#: Rich details above 8 KiB fail in some clients and proxies, so we stay well below.
MAXIMUM_STATUS_BYTES = 7500
MAXIMUM_TEXT_BYTES = 500
#: The message has the first violations in it, for tools that show no details.
MAXIMUM_MESSAGE_BYTES = 1200
#: Tags and lengths of a violation, and those of all else.
_VIOLATION_FRAME, _FRAME = 12, 400
#: What gRPC leaves as it is in the text of a status: printable ASCII but the percent sign.
_UNENCODED = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def to_status(error: OrderGenerationError) -> status_pb2.Status:
    """The error with ErrorInfo, and the BadRequest, PreconditionFailure, ResourceInfo, RetryInfo it has."""
    code, _ = TABLE[type(error)]
    message = _shortened(error.message, MAXIMUM_MESSAGE_BYTES)
    kept = _fitting(error.violations, MAXIMUM_STATUS_BYTES - _other_bytes(error, message))
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in _details(error, kept):
        packed = any_pb2.Any()
        packed.Pack(detail, deterministic=True)  # the same error has the same bytes
        status.details.append(packed)
    return status


def _details(error: OrderGenerationError, kept: tuple[Violation, ...]) -> Iterator[Message]:
    code, reason = TABLE[type(error)]
    more = len(error.violations) - len(kept) + int(error.metadata.get("more_violations", 0))
    metadata = {**error.metadata, **({"more_violations": str(more)} if more else {})}
    yield error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata)
    if kept and code is grpc.StatusCode.INVALID_ARGUMENT:
        yield _bad_request(kept)
    elif kept:
        yield _precondition_failure(kept)
    if error.resource:
        yield error_details_pb2.ResourceInfo(
            resource_type=error.resource.type,
            resource_name=error.resource.name,
            owner=error.resource.owner,
            description=_shortened(error.message),
        )
    if error.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(round(error.retry_after_seconds * 1e9))
        yield error_details_pb2.RetryInfo(retry_delay=delay)


def _bad_request(violations: tuple[Violation, ...]) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.subject, description=_shortened(violation.rule), reason=violation.kind
            )
            for violation in violations
        ]
    )


def _precondition_failure(violations: tuple[Violation, ...]) -> error_details_pb2.PreconditionFailure:
    return error_details_pb2.PreconditionFailure(
        violations=[
            error_details_pb2.PreconditionFailure.Violation(
                type=violation.kind, subject=violation.subject, description=_shortened(violation.rule)
            )
            for violation in violations
        ]
    )


def _other_bytes(error: OrderGenerationError, message: str) -> int:
    """How much of a status is taken by all but the violations, at the most."""
    # The message is there twice: in the status, and percent-encoded beside it.
    texts = [message, quote(message, safe=_UNENCODED)]
    texts += [part for pair in error.metadata.items() for part in pair]
    if error.resource:
        texts += [_shortened(message), error.resource.type, error.resource.name, error.resource.owner]
    return _FRAME + sum(map(_bytes, texts))


def _fitting(violations: tuple[Violation, ...], room: int) -> tuple[Violation, ...]:
    """The first violations, as many as a status may carry and `room` bytes can hold."""
    kept = []
    for violation in islice(violations, MAXIMUM_VIOLATIONS):
        texts = (violation.subject, _shortened(violation.rule), violation.kind)
        room -= sum(map(_bytes, texts)) + _VIOLATION_FRAME
        if room < 0:
            break
        kept.append(violation)
    return tuple(kept)


def _bytes(text: str) -> int:
    return len(text.encode())


def _shortened(text: str, maximum: int = MAXIMUM_TEXT_BYTES) -> str:
    encoded = text.encode()
    if len(encoded) <= maximum:
        return text
    return encoded[: maximum - 3].decode(errors="ignore") + "..."
