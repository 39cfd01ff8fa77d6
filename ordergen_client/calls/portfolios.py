"""What can be asked of portfolios."""

from globeco.ordergen.v1 import rebalance_service_pb2 as pb

from ordergen_client.calls.call import Call, repeatable
from ordergen_client.records import checks, messages
from ordergen_client.records.values import DEFAULT_OPTIONS, PortfolioRebalance, RebalanceOptions


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
