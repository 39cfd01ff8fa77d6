"""What can be asked of portfolios."""

from collections.abc import Iterable

from globeco.ordergen.v1 import rebalance_service_pb2 as pb
from globeco.ordergen.v1.reference_service_pb2 import ResolvePortfoliosRequest

from ordergen_client.calls.call import Call, Stream, repeatable
from ordergen_client.records import checks, messages
from ordergen_client.records.checks import Number
from ordergen_client.records.desk import drift_messages
from ordergen_client.records.desk.drifts import PortfolioDrift
from ordergen_client.records.matches import PortfolioMatches
from ordergen_client.records.options import option_messages
from ordergen_client.records.options.options import DEFAULT_OPTIONS, RebalanceOptions
from ordergen_client.records.values import PortfolioRebalance


def rebalance(
    portfolio_id: str,
    options: RebalanceOptions = DEFAULT_OPTIONS,
    *,
    validate_only: bool = False,
    request_id: str = "",
    cash_flow: Number | None = None,
    explain_rules: bool = False,
) -> Call[PortfolioRebalance]:
    """Rebalance one portfolio to its model: a run of one, stored like any other.

    Args:
        portfolio_id: the portfolio.
        options: how.
        validate_only: compute everything, store nothing.
        request_id: a UUID4 that makes the call safe to repeat; without one it is given one of its own.
        cash_flow: money that comes (above 0) or is to be paid out (below 0).
        explain_rules: say what the rules of the options cost (`rule_prices`), and without which of them an
            INFEASIBLE portfolio has an answer (`relaxations`); such a one is then answered, and not raised.

    Raises:
        TypeError: `cash_flow` is a float.
        ValueError: it is no number.
    """
    request = pb.RebalancePortfolioRequest(
        portfolio_id=checks.text(portfolio_id, "portfolio_id"),
        options=option_messages.options_message(checks.record(options, "options", RebalanceOptions)),
        validate_only=checks.flag(validate_only, "validate_only"),
        request_id=repeatable(request_id),
        explain_rules=checks.flag(explain_rules, "explain_rules"),
    )
    messages.set_cash_flow(request, checks.optional_decimal(cash_flow, "cash_flow"))
    return Call("RebalancePortfolio", request, messages.portfolio_rebalance)


def drift(model_id: str = "", *, page_size: int = 0) -> Stream[PortfolioDrift]:
    """How far portfolios are from their models now, page after page, each page the worst first.

    Nothing is solved, and nothing is stored. A portfolio that fails comes first in its page, with its error;
    what stops the check is raised after what was read.

    Args:
        model_id: only portfolios of this model; empty are those of all models.
        page_size: how many are read together and sorted; 0 is 500, more than 1,000 is 1,000.
    """
    request = pb.CheckDriftRequest(
        model_id=checks.text(model_id, "model_id"), page_size=checks.whole(page_size, "page_size")
    )
    return Stream("CheckDrift", request, drift_messages.portfolio_drift)


def resolve(portfolios: Iterable[str]) -> Call[tuple[PortfolioMatches, ...]]:
    """Find out which portfolios texts stand for; what is found for each comes in the order given.

    Args:
        portfolios: 1 to 1,000 texts: each an id, a name, or with at least 4 characters the beginning of an
            id. A text that stands for nothing is no error.
    """
    request = ResolvePortfoliosRequest(portfolios=checks.texts(portfolios, "portfolios"))
    return Call("ResolvePortfolios", request, messages.portfolio_matches)
