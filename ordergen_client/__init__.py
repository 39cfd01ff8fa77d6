"""A typed client of the order generation service.

    from ordergen_client import Client, Position

    with Client("localhost:8088") as client:
        model = client.models.create("Balanced 60", positions=[...], portfolio_ids=[...])
        run = client.runs.start(model.model_id)
        for portfolio in run:
            ...

`AsyncClient` has the same for coroutines. A server that asks for TLS and tokens:
`Client("ordergen:8088", tls=Tls(ca="ca.pem"), token=Path("token"))`.

Money, weights, prices and quantities are Decimals, digit for digit as the service has them; texts and whole
numbers are read as such, and floats are refused. Every call has a deadline. Every failure is an
`OrderGenerationError`: see `ordergen_client.errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ordergen_client.async_client import AsyncClient
    from ordergen_client.asynchronous.run import AsyncRun
    from ordergen_client.asynchronous.submission import AsyncSubmission
    from ordergen_client.blocking.run import Run
    from ordergen_client.blocking.submission import Submission
    from ordergen_client.calls.portfolio_settings import UNCHANGED
    from ordergen_client.client import Client
    from ordergen_client.connecting.credentials import Tls
    from ordergen_client.errors import (
        Aborted,
        AlreadyExists,
        AlreadySubmitted,
        ApprovalCannotCount,
        ApprovalMissing,
        BadData,
        Cancelled,
        DatabaseUnavailable,
        DataProblem,
        DeadlineExceeded,
        HasOpenOrders,
        Infeasible,
        InternalError,
        InvalidArgument,
        MarketValueNotPositive,
        MissingData,
        ModelWithoutPositions,
        NotFound,
        NotToBeTraded,
        OrderGenerationError,
        PermissionDenied,
        PreconditionFailed,
        RebalanceInProgress,
        ResourceExhausted,
        SiblingUnavailable,
        SolverUndecided,
        StalePrice,
        StaleProposal,
        StoredDataDamaged,
        Unauthenticated,
        Unavailable,
        Unsupported,
        VersionMismatch,
        Violation,
    )
    from ordergen_client.records.desk.comparisons import (
        ComparedPortfolio,
        ComparedVariant,
        ComparisonEvent,
        Variant,
    )
    from ordergen_client.records.desk.drifts import PortfolioDrift, WorstPosition
    from ordergen_client.records.desk.settings import DoNotTrade, PortfolioSettings
    from ordergen_client.records.diagnoses import Caller, Dependency, Diagnosis
    from ordergen_client.records.explanations import Relaxations, Rule, RulePrice
    from ordergen_client.records.matches import Portfolio, PortfolioMatches, Security, SecurityMatches
    from ordergen_client.records.options.options import RebalanceOptions
    from ordergen_client.records.options.weight_limits import GroupLimit, LimitBreach, SecurityLimit
    from ordergen_client.records.orders.states import ActionType, DifferenceType, OrderState, SubmissionState
    from ordergen_client.records.orders.values import (
        Action,
        FillAllocation,
        Order,
        OrderBlock,
        OrderDifference,
        OrderSubmission,
        Reconciliation,
        StalePortfolio,
        SubmissionEvent,
    )
    from ordergen_client.records.price_ranges import PriceRange
    from ordergen_client.records.reviews import PortfolioReview, ReviewCounts
    from ordergen_client.records.states import (
        CredentialType,
        DependencyState,
        DriftState,
        OpenOrders,
        PortfolioOrderState,
        PortfolioState,
        PositionReason,
        PriceProblem,
        RebalanceState,
        Restriction,
        ReviewDecision,
        ReviewState,
        RuleKind,
        RuleSource,
        Side,
        Sides,
        SolutionStatus,
        Strategy,
        Unpriced,
        View,
    )
    from ordergen_client.records.summaries import RebalanceSummary
    from ordergen_client.records.values import (
        Model,
        PortfolioRebalance,
        Position,
        Rebalance,
        RebalanceEvent,
        RebalancePosition,
        Solution,
        Transaction,
    )
    from ordergen_client.whole_file import FileNotWrittenError

#: Where each name is: gRPC is read once something is used, and not for `ordergen --help`.
_PLACES = {
    "ordergen_client.async_client": ("AsyncClient",),
    "ordergen_client.asynchronous.run": ("AsyncRun",),
    "ordergen_client.asynchronous.submission": ("AsyncSubmission",),
    "ordergen_client.blocking.run": ("Run",),
    "ordergen_client.blocking.submission": ("Submission",),
    "ordergen_client.client": ("Client",),
    "ordergen_client.connecting.credentials": ("Tls",),
    "ordergen_client.errors": (
        "Aborted",
        "AlreadyExists",
        "AlreadySubmitted",
        "ApprovalCannotCount",
        "ApprovalMissing",
        "BadData",
        "Cancelled",
        "DataProblem",
        "DatabaseUnavailable",
        "DeadlineExceeded",
        "HasOpenOrders",
        "Infeasible",
        "InternalError",
        "InvalidArgument",
        "MarketValueNotPositive",
        "MissingData",
        "ModelWithoutPositions",
        "NotFound",
        "NotToBeTraded",
        "OrderGenerationError",
        "PermissionDenied",
        "PreconditionFailed",
        "RebalanceInProgress",
        "ResourceExhausted",
        "SiblingUnavailable",
        "SolverUndecided",
        "StalePrice",
        "StaleProposal",
        "StoredDataDamaged",
        "Unauthenticated",
        "Unavailable",
        "Unsupported",
        "VersionMismatch",
        "Violation",
    ),
    "ordergen_client.calls.portfolio_settings": ("UNCHANGED",),
    "ordergen_client.records.desk.comparisons": (
        "ComparedPortfolio",
        "ComparedVariant",
        "ComparisonEvent",
        "Variant",
    ),
    "ordergen_client.records.diagnoses": ("Caller", "Dependency", "Diagnosis"),
    "ordergen_client.records.desk.drifts": ("PortfolioDrift", "WorstPosition"),
    "ordergen_client.records.explanations": ("Relaxations", "Rule", "RulePrice"),
    "ordergen_client.records.options.options": ("RebalanceOptions",),
    "ordergen_client.records.price_ranges": ("PriceRange",),
    "ordergen_client.records.desk.settings": ("DoNotTrade", "PortfolioSettings"),
    "ordergen_client.records.matches": ("Portfolio", "PortfolioMatches", "Security", "SecurityMatches"),
    "ordergen_client.records.orders.states": (
        "ActionType",
        "DifferenceType",
        "OrderState",
        "SubmissionState",
    ),
    "ordergen_client.records.orders.values": (
        "Action",
        "FillAllocation",
        "Order",
        "OrderBlock",
        "OrderDifference",
        "OrderSubmission",
        "Reconciliation",
        "StalePortfolio",
        "SubmissionEvent",
    ),
    "ordergen_client.records.reviews": ("PortfolioReview", "ReviewCounts"),
    "ordergen_client.records.states": (
        "CredentialType",
        "DependencyState",
        "DriftState",
        "OpenOrders",
        "PortfolioOrderState",
        "PortfolioState",
        "PositionReason",
        "PriceProblem",
        "RebalanceState",
        "Restriction",
        "ReviewDecision",
        "ReviewState",
        "RuleKind",
        "RuleSource",
        "Side",
        "Sides",
        "SolutionStatus",
        "Strategy",
        "Unpriced",
        "View",
    ),
    "ordergen_client.records.summaries": ("RebalanceSummary",),
    "ordergen_client.records.values": (
        "Model",
        "PortfolioRebalance",
        "Position",
        "Rebalance",
        "RebalanceEvent",
        "RebalancePosition",
        "Solution",
        "Transaction",
    ),
    "ordergen_client.records.options.weight_limits": ("GroupLimit", "LimitBreach", "SecurityLimit"),
    "ordergen_client.whole_file": ("FileNotWrittenError",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "UNCHANGED",
    "Aborted",
    "Action",
    "ActionType",
    "AlreadyExists",
    "AlreadySubmitted",
    "ApprovalCannotCount",
    "ApprovalMissing",
    "AsyncClient",
    "AsyncRun",
    "AsyncSubmission",
    "BadData",
    "Caller",
    "Cancelled",
    "Client",
    "ComparedPortfolio",
    "ComparedVariant",
    "ComparisonEvent",
    "CredentialType",
    "DataProblem",
    "DatabaseUnavailable",
    "DeadlineExceeded",
    "Dependency",
    "DependencyState",
    "Diagnosis",
    "DifferenceType",
    "DoNotTrade",
    "DriftState",
    "FileNotWrittenError",
    "FillAllocation",
    "GroupLimit",
    "HasOpenOrders",
    "Infeasible",
    "InternalError",
    "InvalidArgument",
    "LimitBreach",
    "MarketValueNotPositive",
    "MissingData",
    "Model",
    "ModelWithoutPositions",
    "NotFound",
    "NotToBeTraded",
    "OpenOrders",
    "Order",
    "OrderBlock",
    "OrderDifference",
    "OrderGenerationError",
    "OrderState",
    "OrderSubmission",
    "PermissionDenied",
    "Portfolio",
    "PortfolioDrift",
    "PortfolioMatches",
    "PortfolioOrderState",
    "PortfolioRebalance",
    "PortfolioReview",
    "PortfolioSettings",
    "PortfolioState",
    "Position",
    "PositionReason",
    "PreconditionFailed",
    "PriceProblem",
    "PriceRange",
    "Rebalance",
    "RebalanceEvent",
    "RebalanceInProgress",
    "RebalanceOptions",
    "RebalancePosition",
    "RebalanceState",
    "RebalanceSummary",
    "Reconciliation",
    "Relaxations",
    "ResourceExhausted",
    "Restriction",
    "ReviewCounts",
    "ReviewDecision",
    "ReviewState",
    "Rule",
    "RuleKind",
    "RulePrice",
    "RuleSource",
    "Run",
    "Security",
    "SecurityLimit",
    "SecurityMatches",
    "SiblingUnavailable",
    "Side",
    "Sides",
    "Solution",
    "SolutionStatus",
    "SolverUndecided",
    "StalePortfolio",
    "StalePrice",
    "StaleProposal",
    "StoredDataDamaged",
    "Strategy",
    "Submission",
    "SubmissionEvent",
    "SubmissionState",
    "Tls",
    "Transaction",
    "Unauthenticated",
    "Unavailable",
    "Unpriced",
    "Unsupported",
    "Variant",
    "VersionMismatch",
    "View",
    "Violation",
    "WorstPosition",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
