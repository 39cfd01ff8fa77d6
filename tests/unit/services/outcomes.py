"""Results of the use cases as the independent check reads them."""

from collections.abc import Mapping
from fractions import Fraction

from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Model
from ordergen_server.domain.rebalances.lines import Side
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.weights import line_weights, weight
from tests.verification import Inputs, Line, Outcome


def outcome(result: PortfolioRebalance) -> Outcome:
    """A solved result."""
    assert result.solution
    assert result.base_value
    lines = [(line.adjusted_market_value, line.security.target) for line in result.positions]
    weights = line_weights(result.base_value, lines)
    return Outcome(
        market_value=str(result.market_value),
        cash_before=str(result.cash_before),
        cash_after=str(result.cash_after),
        drift_before=str(result.drift_before),
        drift_after=str(result.drift_after),
        objective=str(result.solution.objective),
        lower_bound=str(result.solution.lower_bound),
        lines=[
            Line(
                security_id=line.security.security_id,
                price=str(line.security.price),
                original_quantity=str(line.original_quantity),
                adjusted_quantity=str(line.adjusted_quantity),
                original_market_value=str(line.original_market_value),
                adjusted_market_value=str(line.adjusted_market_value),
                target=str(line.security.target),
                low_drift=str(line.security.low_drift),
                high_drift=str(line.security.high_drift),
                actual=str(weight(actual)),
                actual_drift="" if drift is None else str(weight(drift)),
                order=line.trade_quantity,
            )
            for line, (actual, drift) in zip(result.positions, weights, strict=True)
        ],
        transactions=[
            (trade.security_id, trade.quantity if trade.side is Side.BUY else -trade.quantity)
            for trade in result.transactions
        ],
        proven=result.solution.proven_optimal,
        cash_flow="" if result.cash_flow is None else str(result.cash_flow),
    )


def inputs(
    holdings: Holdings, model: Model, prices: Mapping[str, str], cash_floor: Fraction | None = Fraction(0)
) -> Inputs:
    """What went in; prices by security id."""
    return Inputs(
        cash=Fraction(holdings.cash),
        quantities={key: Fraction(quantity) for key, quantity in holdings.quantities.items()},
        prices={key: Fraction(price) for key, price in prices.items()},
        weights={
            one.security_id: (Fraction(one.target), Fraction(one.low_drift), Fraction(one.high_drift))
            for one in model.positions
        },
        cash_floor=cash_floor,
    )
