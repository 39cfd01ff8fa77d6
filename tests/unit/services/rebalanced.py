"""Portfolios rebalanced by the service, with what went in and what came of it."""

from fractions import Fraction

from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Model
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from tests import builders
from tests.builders import result, security_id, snapshot
from tests.unit.services.outcomes import inputs, outcome
from tests.verification import verify


def rebalanced(
    held: Holdings, wanted: Model, prices: dict[int, str], options: RebalanceOptions | None = None
) -> PortfolioRebalance:
    """What becomes of a portfolio; prices by the numbers of securities."""
    return builders.rebalanced(result(), held, wanted.positions, snapshot(prices), options)


def verified(
    held: Holdings,
    wanted: Model,
    prices: dict[int, str],
    options: RebalanceOptions | None = None,
    cash_floor: Fraction | None = Fraction(0),
) -> PortfolioRebalance:
    """The result, checked by an independent recomputation."""
    answer = rebalanced(held, wanted, prices, options)
    by_id = {security_id(number): price for number, price in prices.items()}
    verify(outcome(answer), inputs(held, wanted, by_id, cash_floor))
    return answer


def orders(answer: PortfolioRebalance) -> dict[str, int]:
    """Shares bought (above 0) or sold (below 0), by the last letter of a security's id."""
    return {line.security.security_id[-1]: line.trade_quantity for line in answer.positions}
