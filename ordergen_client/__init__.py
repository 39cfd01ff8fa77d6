"""A typed client of the order generation service.

    from ordergen_client import Client, Position

    with Client("localhost:8088") as client:
        model = client.create_model("Balanced 60", positions=[...], portfolio_ids=[...])
        for event in client.rebalance_model(model.model_id):
            ...

A server that asks for TLS and tokens: `Client("ordergen:8088", tls=Tls(ca="ca.pem"), token=Path("token"))`.

Money, weights, prices and quantities are Decimals, digit for digit as the service has them. Every call has a
deadline. Every failure is an `OrderGenerationError`: see `ordergen_client.errors`.
"""

from ordergen_client.client import Client
from ordergen_client.credentials import Tls
from ordergen_client.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    OrderGenerationError,
    PermissionDenied,
    PreconditionFailed,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unsupported,
    Violation,
)
from ordergen_client.values import (
    Model,
    PortfolioRebalance,
    Position,
    Rebalance,
    RebalanceEvent,
    RebalanceOptions,
    RebalancePosition,
    Solution,
    Transaction,
)

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Client",
    "DeadlineExceeded",
    "InvalidArgument",
    "Model",
    "NotFound",
    "OrderGenerationError",
    "PermissionDenied",
    "PortfolioRebalance",
    "Position",
    "PreconditionFailed",
    "Rebalance",
    "RebalanceEvent",
    "RebalanceOptions",
    "RebalancePosition",
    "ResourceExhausted",
    "Solution",
    "Tls",
    "Transaction",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "Violation",
]
