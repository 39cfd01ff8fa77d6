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
    from ordergen_client.blocking.run import Run
    from ordergen_client.calls.portfolio_settings import UNCHANGED
    from ordergen_client.client import Client
    from ordergen_client.connecting.credentials import Tls
    from ordergen_client.errors import (
        Aborted,
        AlreadyExists,
        BadData,
        Cancelled,
        DatabaseUnavailable,
        DataProblem,
        DeadlineExceeded,
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
        StoredDataDamaged,
        Unauthenticated,
        Unavailable,
        Unsupported,
        VersionMismatch,
        Violation,
    )
    from ordergen_client.records.comparisons import (
        ComparedPortfolio,
        ComparedVariant,
        ComparisonEvent,
        Variant,
    )
    from ordergen_client.records.diagnoses import Caller, Dependency, Diagnosis
    from ordergen_client.records.drifts import PortfolioDrift, WorstPosition
    from ordergen_client.records.explanations import Relaxations, Rule, RulePrice
    from ordergen_client.records.options import RebalanceOptions
    from ordergen_client.records.price_ranges import PriceRange
    from ordergen_client.records.settings import DoNotTrade, PortfolioSettings
    from ordergen_client.records.states import (
        CredentialType,
        DependencyState,
        DriftState,
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
        View,
    )
    from ordergen_client.records.summaries import RebalanceSummary
    from ordergen_client.records.values import (
        Model,
        Portfolio,
        PortfolioMatches,
        PortfolioRebalance,
        Position,
        Rebalance,
        RebalanceEvent,
        RebalancePosition,
        Security,
        SecurityMatches,
        Solution,
        Transaction,
    )
    from ordergen_client.records.weight_limits import GroupLimit, LimitBreach, SecurityLimit
    from ordergen_client.whole_file import FileNotWrittenError

#: Where each name is: gRPC is read once something is used, and not for `ordergen --help`.
_PLACES = {
    "ordergen_client.async_client": ("AsyncClient",),
    "ordergen_client.asynchronous.run": ("AsyncRun",),
    "ordergen_client.blocking.run": ("Run",),
    "ordergen_client.client": ("Client",),
    "ordergen_client.connecting.credentials": ("Tls",),
    "ordergen_client.errors": (
        "Aborted",
        "AlreadyExists",
        "BadData",
        "Cancelled",
        "DatabaseUnavailable",
        "DataProblem",
        "DeadlineExceeded",
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
        "StoredDataDamaged",
        "Unauthenticated",
        "Unavailable",
        "Unsupported",
        "VersionMismatch",
        "Violation",
    ),
    "ordergen_client.calls.portfolio_settings": ("UNCHANGED",),
    "ordergen_client.records.comparisons": (
        "ComparedPortfolio",
        "ComparedVariant",
        "ComparisonEvent",
        "Variant",
    ),
    "ordergen_client.records.diagnoses": ("Caller", "Dependency", "Diagnosis"),
    "ordergen_client.records.drifts": ("PortfolioDrift", "WorstPosition"),
    "ordergen_client.records.explanations": ("Relaxations", "Rule", "RulePrice"),
    "ordergen_client.records.options": ("RebalanceOptions",),
    "ordergen_client.records.price_ranges": ("PriceRange",),
    "ordergen_client.records.settings": ("DoNotTrade", "PortfolioSettings"),
    "ordergen_client.records.states": (
        "CredentialType",
        "DependencyState",
        "DriftState",
        "PortfolioState",
        "PositionReason",
        "PriceProblem",
        "PriceProblem",
        "RebalanceState",
        "Restriction",
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
        "Portfolio",
        "PortfolioMatches",
        "PortfolioRebalance",
        "Position",
        "Rebalance",
        "RebalanceEvent",
        "RebalancePosition",
        "Security",
        "SecurityMatches",
        "Solution",
        "Transaction",
    ),
    "ordergen_client.records.weight_limits": ("GroupLimit", "LimitBreach", "SecurityLimit"),
    "ordergen_client.whole_file": ("FileNotWrittenError",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "UNCHANGED",
    "Aborted",
    "AlreadyExists",
    "AsyncClient",
    "AsyncRun",
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
    "DoNotTrade",
    "DriftState",
    "FileNotWrittenError",
    "GroupLimit",
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
    "OrderGenerationError",
    "PermissionDenied",
    "Portfolio",
    "PortfolioDrift",
    "PortfolioMatches",
    "PortfolioRebalance",
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
    "Relaxations",
    "ResourceExhausted",
    "Restriction",
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
    "StalePrice",
    "StoredDataDamaged",
    "Strategy",
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
