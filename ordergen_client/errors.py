"""What a call can raise: one exception a reason, in one tree.

OrderGenerationError         anything the service or the way to it answers; `code` says what kind
├── InvalidArgument          fields break rules: `violations` has each with its path
├── NotFound                 no such model, rebalance, portfolio in any model
├── AlreadyExists            a name, security or portfolio is taken
├── Aborted                  another writer was first: read again, then try again
│   ├── VersionMismatch      the version given is not the current one: metadata `current_version`
│   └── RebalanceInProgress  a run of the model is in progress: metadata `rebalance_id`
├── PreconditionFailed       the state of the world does not allow it: `violations` has each cause
│   ├── ModelWithoutPositions
│   ├── MarketValueNotPositive
│   ├── NotToBeTraded        the settings of the portfolio say so: metadata `settings_version`
│   ├── ApprovalCannotCount  who started a run is none of the two who must approve it
│   ├── ApprovalMissing      a portfolio is not approved
│   ├── AlreadySubmitted     its orders were submitted before: metadata `submission_id`
│   ├── StaleProposal        the world is no longer as the run saw it: a violation a difference
│   ├── HasOpenOrders        orders of the portfolio may still trade: `violations` has them
│   ├── Infeasible           no whole shares satisfy the bands and the cash floor
│   └── DataProblem          a sibling service answered, and what is needed is missing or bad
│       ├── MissingData
│       ├── BadData
│       └── StalePrice       a price is older than it may be: metadata `oldest_date`
├── Unavailable              the service, or what it needs, is down: try again later
│   ├── DatabaseUnavailable
│   └── SiblingUnavailable   metadata `service` has which
├── DeadlineExceeded         time ran out; the work may have been done all the same
│   └── SolverUndecided      the solver's time ran out: there may be an answer, or none
├── ResourceExhausted        too many calls in flight: try again later
├── Unauthenticated          the server asks for credentials: none were sent, or none that it accepts
├── PermissionDenied         the credentials lack a scope: metadata `scope` has the one that is needed
├── Cancelled                a caller cancelled the run
├── Unsupported              the server does not support what was asked for
├── StoredDataDamaged        what the database has is not what was stored
└── InternalError            a bug of the server: metadata `correlation_id` finds it in its log

A reason that this client does not know is raised as the kind of its code. What gRPC itself raised is left out
of tracebacks; a client that is made with `grpc_causes=True` has it as the `__cause__` of every error.
"""

from collections.abc import Mapping
from contextlib import suppress
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


class VersionMismatch(Aborted):
    """The version given is not the current one."""


class RebalanceInProgress(Aborted):
    """A run of the model is in progress."""


class PreconditionFailed(OrderGenerationError):
    """The state of the world does not allow it."""


class ModelWithoutPositions(PreconditionFailed):
    """A model without positions is not rebalanced: that would sell everything."""


class MarketValueNotPositive(PreconditionFailed):
    """A portfolio whose market value is zero or negative has no weights."""


class NotToBeTraded(PreconditionFailed):
    """The settings of a portfolio say that it is not to be traded."""


class ApprovalCannotCount(PreconditionFailed):
    """Two people must approve, and whoever started the run is none of them."""


class ApprovalMissing(PreconditionFailed):
    """Orders of a portfolio are sent once it is approved, and it is not."""


class AlreadySubmitted(PreconditionFailed):
    """The orders of a portfolio of a run are submitted at most once."""


class StaleProposal(PreconditionFailed):
    """Holdings, cash, prices or time are no longer as the run saw them; a violation a difference."""


class Infeasible(PreconditionFailed):
    """No whole shares satisfy the bands and the cash floor; a violation a cause."""


class HasOpenOrders(PreconditionFailed):
    """Orders of the portfolio may still trade, and those of a run would come on top; a violation each."""


class DataProblem(PreconditionFailed):
    """A sibling service answered, and what is needed is missing or bad."""


class MissingData(DataProblem):
    """A sibling service does not know a security, or has no price for it."""


class BadData(DataProblem):
    """A sibling service answered something that cannot be."""


class StalePrice(DataProblem):
    """A price that is needed is older than the run allows, or nobody says how old it is."""


class Unavailable(OrderGenerationError):
    """The service, or what it needs, is down."""


class DatabaseUnavailable(Unavailable):
    """The service's database is down."""


class SiblingUnavailable(Unavailable):
    """A service that is asked for holdings, prices or names is down."""


class DeadlineExceeded(OrderGenerationError):
    """Time ran out."""


class SolverUndecided(DeadlineExceeded):
    """The solver's time ended before it found an answer, or proved that there is none."""


class ResourceExhausted(OrderGenerationError):
    """Too many calls in flight."""


class Unauthenticated(OrderGenerationError):
    """The server asks for credentials: none were sent, or none that it accepts."""


class PermissionDenied(OrderGenerationError):
    """The credentials lack the scope that the call needs."""


class Cancelled(OrderGenerationError):
    """A caller cancelled the run."""


class Unsupported(OrderGenerationError):
    """The server does not support what was asked for."""


class StoredDataDamaged(OrderGenerationError):
    """What the database has of a run is not what was stored."""


class InternalError(OrderGenerationError):
    """A bug of the server."""


#: By the code of a status: what is raised where its reason is not one of those below.
_KINDS: dict[str, type[OrderGenerationError]] = {
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
    "CANCELLED": Cancelled,
    "UNIMPLEMENTED": Unsupported,
    "DATA_LOSS": StoredDataDamaged,
    "INTERNAL": InternalError,
}
_REASONS: dict[str, type[OrderGenerationError]] = {
    "VERSION_MISMATCH": VersionMismatch,
    "REBALANCE_IN_PROGRESS": RebalanceInProgress,
    "MODEL_WITHOUT_POSITIONS": ModelWithoutPositions,
    "MARKET_VALUE_NOT_POSITIVE": MarketValueNotPositive,
    "DO_NOT_TRADE": NotToBeTraded,
    "APPROVAL_CANNOT_COUNT": ApprovalCannotCount,
    "APPROVAL_MISSING": ApprovalMissing,
    "ALREADY_SUBMITTED": AlreadySubmitted,
    "STALE_PROPOSAL": StaleProposal,
    "OPEN_ORDERS": HasOpenOrders,
    "INFEASIBLE": Infeasible,
    "DATA_PROBLEM": DataProblem,
    "MISSING_DATA": MissingData,
    "BAD_DATA": BadData,
    "STALE_PRICE": StalePrice,
    "DATABASE_UNAVAILABLE": DatabaseUnavailable,
    "SIBLING_UNAVAILABLE": SiblingUnavailable,
    "SOLVER_UNDECIDED": SolverUndecided,
}
_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def raise_from(error: grpc.RpcError, *, cause: bool = True) -> NoReturn:
    """Raise what a failed call means, with what gRPC raised as its cause, or with none."""
    raise meaning_of(error) from (error if cause else None)


def meaning_of(error: grpc.RpcError) -> OrderGenerationError:
    """What a failed call means."""
    call = cast("grpc.Call", error)  # what a stub raises is both
    with suppress(ValueError):  # of trailers that say another thing than the call
        status = rpc_status.from_call(call)
        if status is not None:
            return from_status(status)
    code = call.code().name
    return _kind(code, "")(code, call.details() or "")


def _kind(code: str, reason: str) -> type[OrderGenerationError]:
    kind = _KINDS.get(code, OrderGenerationError)
    known = _REASONS.get(reason, kind)
    return known if issubclass(known, kind) else kind


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
    return _kind(code, info.reason)(
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
