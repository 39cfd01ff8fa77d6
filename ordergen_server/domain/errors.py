"""Everything that can go wrong, as values of the domain.

    OrderGenerationError
    ├── InvalidArgument            a field breaks a rule
    ├── NotFound                   no such model, rebalance, portfolio in any model
    ├── AlreadyExists              a name, security or portfolio is taken
    ├── Aborted                    another writer was first
    │   ├── VersionMismatch
    │   └── RebalanceInProgress
    ├── PreconditionFailed         the state of the world does not allow it
    │   ├── ModelWithoutPositions
    │   ├── MarketValueNotPositive
    │   ├── HasOpenOrders          orders of the portfolio may still trade
    │   ├── Infeasible             no whole shares satisfy the bands and the cash floor
    │   ├── ApprovalCannotCount    who began a run is none of two who must approve it
    │   ├── ApprovalMissing        orders may not be sent: too few approve, or somebody rejects
    │   ├── AlreadySubmitted       the orders of a portfolio of a run are sent at most once
    │   ├── StaleProposal          holdings or prices are not as the run saw them
    │   └── DataProblem            a sibling answered, and what is needed is missing or bad
    │       ├── MissingData
    │       ├── BadData
    │       └── StalePrice         a price is older than it may be
    ├── Unavailable                a service we need is down
    │   ├── DatabaseUnavailable
    │   └── SiblingUnavailable
    ├── DeadlineExceeded           the time of the call or a sibling ran out
    ├── SolverUndecided            time ended before an answer was found, or proven that there is none
    ├── ResourceExhausted          too much in flight
    ├── Unauthenticated            nobody knows who calls: credentials are missing, or are none
    ├── PermissionDenied           who calls is known, and may not do this
    ├── Cancelled                  a caller cancelled the run
    ├── Unsupported                the contract has it, this server does not
    ├── StoredDataDamaged          what the database answers is not what was stored
    └── InternalError              a bug; says nothing of its cause

An error is data: it is raised, stored with a portfolio's result, and read back as the same error.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    Attributes:
        subject: the path of the field (`model.positions[2].target`), or what the cause is about (a security).
        rule: the rule that is broken, with the value that breaks it.
        kind: UPPER_SNAKE name of the rule.
    """

    subject: str
    rule: str
    kind: str = "RULE"


@dataclass(frozen=True, slots=True)
class Resource:
    """What an error is about: its type (`Model`), its name (an id), and whoever owns it, if anyone."""

    type: str
    name: str
    owner: str = ""


class OrderGenerationError(Exception):
    """The root of the tree.

    Attributes:
        message: for people; safe to show to any caller.
        metadata: for machines; short strings by name.
        violations: every broken rule or cause, in the order they were found.
        resource: what was not found, or is taken.
        retry_after_seconds: when to try again; None where trying again does not help.
    """

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Iterable[Violation] = (),
        resource: Resource | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.resource = resource
        self.retry_after_seconds = retry_after_seconds

    def _values(self) -> tuple[object, ...]:
        return (self.message, self.metadata, self.violations, self.resource, self.retry_after_seconds)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == getattr(other, "_values")()  # noqa: B009 - other is Any

    def __hash__(self) -> int:
        return hash((type(self), self.message))


class InvalidArgument(OrderGenerationError):
    """One or more fields break a rule."""


class NotFound(OrderGenerationError):
    """Something named by an id does not exist."""


class AlreadyExists(OrderGenerationError):
    """Something that must be unique is taken."""


class Aborted(OrderGenerationError):
    """Another writer was first; read again, then try again."""


class VersionMismatch(Aborted):
    """The version given is not the current one."""


class RebalanceInProgress(Aborted):
    """A run of this model is in progress."""


class PreconditionFailed(OrderGenerationError):
    """The state of the world does not allow it, until someone changes it."""


class ModelWithoutPositions(PreconditionFailed):
    """A model without positions is not rebalanced: that would sell everything."""


class MarketValueNotPositive(PreconditionFailed):
    """A portfolio whose market value is zero or negative has no weights."""


class Infeasible(PreconditionFailed):
    """No whole shares satisfy the bands and the cash floor; a violation a cause."""


class ApprovalCannotCount(PreconditionFailed):
    """Two must approve, and whoever began the run is none of them."""


class ApprovalMissing(PreconditionFailed):
    """The orders of a portfolio may not be sent: too few people approve, or somebody rejects."""


class AlreadySubmitted(PreconditionFailed):
    """The orders of a portfolio of a run are submitted at most once, and were."""


class StaleProposal(PreconditionFailed):
    """What a run proposed does not hold any more; a violation a difference, with numbers."""


class HasOpenOrders(PreconditionFailed):
    """A portfolio has orders that may still trade, and those of a run would come on top; a violation each."""


class DataProblem(PreconditionFailed):
    """A sibling answered, and what is needed is missing or bad."""


class MissingData(DataProblem):
    """A sibling does not know a security, or has no price for it."""


class BadData(DataProblem):
    """A sibling answered something that cannot be: not a number, a price of zero."""


class StalePrice(DataProblem):
    """The pricing service has a price, which is older than a run allows, or says not how old it is."""


class Unavailable(OrderGenerationError):
    """A service we need is down."""


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""


class SiblingUnavailable(Unavailable):
    """A sibling service does not answer."""


class DeadlineExceeded(OrderGenerationError):
    """The time of the call or a sibling ran out."""


class SolverUndecided(OrderGenerationError):
    """The solver's time ended before it found an answer, or proved that there is none."""


class ResourceExhausted(OrderGenerationError):
    """Too much in flight."""


class Unauthenticated(OrderGenerationError):
    """Nobody knows who calls; says what is missing, and nothing of what is wrong with what was sent."""


class PermissionDenied(OrderGenerationError):
    """Who calls is known, and lacks the scope that the call needs."""


class Cancelled(OrderGenerationError):
    """A caller cancelled the run."""


class Unsupported(OrderGenerationError):
    """The contract has it, this server does not."""


class StoredDataDamaged(OrderGenerationError):
    """What the database answers is not what was stored, or was stored by a later release."""


class InternalError(OrderGenerationError):
    """A bug; says nothing of its cause but an id to find it in the log."""


def error_types(
    root: type[OrderGenerationError] = OrderGenerationError,
) -> dict[str, type[OrderGenerationError]]:
    """Every error of the tree below `root`, `root` included, by name."""
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found.update(error_types(child))
    return found
