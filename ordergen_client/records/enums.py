"""What the numbers of the contract's enums are called."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from globeco.ordergen.v1 import diagnostics_service_pb2, drift_pb2
from globeco.ordergen.v1 import rebalance_pb2 as pb

from ordergen_client.records.states import (
    CredentialType,
    DependencyState,
    DriftState,
    Named,
    PortfolioState,
    PositionReason,
    PriceProblem,
    RebalanceState,
    Restriction,
    RuleKind,
    RuleSource,
    Side,
    Sides,
    SolutionStatus,
    Strategy,
    Unpriced,
)

Member = TypeVar("Member", bound=Named)


class _Numbers(Protocol):
    def items(self) -> Iterable[tuple[str, int]]: ...


class Members(dict[int, Member]):
    """What the numbers of an enum are called; one that a newer server has is called by its number."""

    def __init__(self, enum: _Numbers, prefix: str, kind: type[Member]) -> None:
        known = {number: name.removeprefix(prefix) for name, number in enum.items()}
        super().__init__({number: kind(name) for number, name in known.items() if name in kind.__members__})
        self._kind = kind

    def __missing__(self, number: int) -> Member:
        return self._kind(str(number))


RUN_STATES = Members(pb.RebalanceState, "REBALANCE_STATE_", RebalanceState)
PORTFOLIO_STATES = Members(pb.PortfolioRebalanceState, "PORTFOLIO_REBALANCE_STATE_", PortfolioState)
DRIFT_STATES = Members(drift_pb2.DriftState, "DRIFT_STATE_", DriftState)
STRATEGIES = Members(pb.Strategy, "STRATEGY_", Strategy)
RESTRICTIONS = Members(pb.RestrictionType, "RESTRICTION_TYPE_", Restriction)
SIDES_ALLOWED = Members(pb.Sides, "SIDES_", Sides)
UNPRICED = Members(pb.Unpriced, "UNPRICED_", Unpriced)
RULES = Members(pb.RuleKind, "RULE_KIND_", RuleKind)
SIDES = Members(pb.TransactionType, "TRANSACTION_TYPE_", Side)
REASONS = Members(pb.PositionReason, "POSITION_REASON_", PositionReason)
SOURCES = Members(pb.RuleSource, "RULE_SOURCE_", RuleSource)
PRICE_PROBLEMS = Members(pb.PriceProblem, "PRICE_PROBLEM_", PriceProblem)
STATUSES = Members(pb.SolutionStatus, "SOLUTION_STATUS_", SolutionStatus)
CREDENTIALS = Members(diagnostics_service_pb2.CredentialType, "CREDENTIAL_TYPE_", CredentialType)
DEPENDENCY_STATES = Members(diagnostics_service_pb2.DependencyState, "DEPENDENCY_STATE_", DependencyState)
