"""What can be asked of portfolios."""

from collections.abc import Iterable

from globeco.ordergen.v1 import rebalance_service_pb2 as pb
from globeco.ordergen.v1.reference_service_pb2 import ResolvePortfoliosRequest

from ordergen_client.calls.call import Call, repeatable
from ordergen_client.records import checks, messages
from ordergen_client.records.values import (
    DEFAULT_OPTIONS,
    PortfolioMatches,
    PortfolioRebalance,
    RebalanceOptions,
)


def rebalance(
    portfolio_id: str,
    options: RebalanceOptions = DEFAULT_OPTIONS,
    *,
    validate_only: bool = False,
    request_id: str = "",
) -> Call[PortfolioRebalance]:
    """Rebalance one portfolio to its model: a run of one, stored like any other.

    Args:
        portfolio_id: the portfolio.
        options: how.
        validate_only: compute everything, store nothing.
        request_id: a UUID4 that makes the call safe to repeat; without one it is given one of its own.
    """
    request = pb.RebalancePortfolioRequest(
        portfolio_id=checks.text(portfolio_id, "portfolio_id"),
        options=messages.options_message(checks.record(options, "options", RebalanceOptions)),
        validate_only=checks.flag(validate_only, "validate_only"),
        request_id=repeatable(request_id),
    )
    return Call("RebalancePortfolio", request, messages.portfolio_rebalance)


def resolve(portfolios: Iterable[str]) -> Call[tuple[PortfolioMatches, ...]]:
    """Find out which portfolios texts stand for; what is found for each comes in the order given.

    Args:
        portfolios: 1 to 1,000 texts: each an id, a name, or with at least 4 characters the beginning of an
            id. A text that stands for nothing is no error.
    """
    request = ResolvePortfoliosRequest(portfolios=checks.texts(portfolios, "portfolios"))
    return Call("ResolvePortfolios", request, messages.portfolio_matches)
