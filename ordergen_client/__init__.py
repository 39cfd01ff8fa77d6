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

from ordergen_client.async_client import AsyncClient
from ordergen_client.asynchronous.run import AsyncRun
from ordergen_client.blocking.run import Run
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
    OrderGenerationError,
    PermissionDenied,
    PreconditionFailed,
    RebalanceInProgress,
    ResourceExhausted,
    SiblingUnavailable,
    SolverUndecided,
    StoredDataDamaged,
    Unauthenticated,
    Unavailable,
    Unsupported,
    VersionMismatch,
    Violation,
)
from ordergen_client.records.states import (
    PortfolioState,
    PositionReason,
    RebalanceState,
    Restriction,
    Side,
    SolutionStatus,
    Strategy,
    View,
)
from ordergen_client.records.values import (
    Model,
    Portfolio,
    PortfolioMatches,
    PortfolioRebalance,
    Position,
    Rebalance,
    RebalanceEvent,
    RebalanceOptions,
    RebalancePosition,
    Security,
    SecurityMatches,
    Solution,
    Transaction,
)

__all__ = [
    "Aborted",
    "AlreadyExists",
    "AsyncClient",
    "AsyncRun",
    "BadData",
    "Cancelled",
    "Client",
    "DataProblem",
    "DatabaseUnavailable",
    "DeadlineExceeded",
    "Infeasible",
    "InternalError",
    "InvalidArgument",
    "MarketValueNotPositive",
    "MissingData",
    "Model",
    "ModelWithoutPositions",
    "NotFound",
    "OrderGenerationError",
    "PermissionDenied",
    "Portfolio",
    "PortfolioMatches",
    "PortfolioRebalance",
    "PortfolioState",
    "Position",
    "PositionReason",
    "PreconditionFailed",
    "Rebalance",
    "RebalanceEvent",
    "RebalanceInProgress",
    "RebalanceOptions",
    "RebalancePosition",
    "RebalanceState",
    "ResourceExhausted",
    "Restriction",
    "Run",
    "Security",
    "SecurityMatches",
    "SiblingUnavailable",
    "Side",
    "Solution",
    "SolutionStatus",
    "SolverUndecided",
    "StoredDataDamaged",
    "Strategy",
    "Tls",
    "Transaction",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "VersionMismatch",
    "View",
    "Violation",
]
