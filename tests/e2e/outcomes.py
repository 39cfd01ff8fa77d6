"""Answers of the API, and the world they were computed from, as the independent check reads them."""

from dataclasses import replace
from fractions import Fraction

from globeco.ordergen.v1 import rebalance_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.verification import Inputs, Line, Outcome, Rules, WeightLimit

pb = rebalance_pb2


def signed(kind: int, quantity: int) -> int:
    """Shares bought (above 0) or sold (below 0)."""
    if not quantity:
        assert kind == pb.TRANSACTION_TYPE_UNSPECIFIED
        return 0
    signs: dict[int, int] = {pb.TRANSACTION_TYPE_BUY: 1, pb.TRANSACTION_TYPE_SELL: -1}
    return signs[kind] * quantity


def as_streamed(answer: pb.PortfolioRebalance) -> pb.PortfolioRebalance:
    """A portfolio that was asked for, as streams tell it: without what may change, or is worked out for it.

    That is its review, and until which prices its orders are good.
    """
    found = pb.PortfolioRebalance.FromString(answer.SerializeToString())
    for line in found.positions:
        line.ClearField("good_until")
    found.ClearField("review")
    return found


def outcome(answer: pb.PortfolioRebalance) -> Outcome:
    """A solved portfolio."""
    return Outcome(
        market_value=answer.market_value.value,
        cash_before=answer.cash_before.value,
        cash_after=answer.cash_after.value,
        drift_before=answer.drift_before.value,
        drift_after=answer.drift_after.value,
        objective=answer.solution.objective.value,
        lower_bound=answer.solution.lower_bound.value,
        lines=[
            Line(
                security_id=line.security_id,
                price=line.price.value,
                original_quantity=line.original_quantity.value,
                adjusted_quantity=line.adjusted_quantity.value,
                original_market_value=line.original_market_value.value,
                adjusted_market_value=line.adjusted_market_value.value,
                target=line.target.value,
                low_drift=line.low_drift.value,
                high_drift=line.high_drift.value,
                actual=line.actual.value,
                actual_drift=line.actual_drift.value,
                order=signed(line.transaction_type, line.trade_quantity),
                cost=line.cost.value,
            )
            for line in answer.positions
        ],
        transactions=[
            (trade.security_id, signed(trade.transaction_type, trade.quantity))
            for trade in answer.transactions
        ],
        proven=answer.solution.status == pb.SOLUTION_STATUS_PROVEN_OPTIMAL,
        cash_flow=answer.cash_flow.value,
        cost=answer.cost.value,
        breaches={one.security_id or one.group: one.value.value for one in answer.limit_breaches},
    )


def rules(options: pb.RebalanceOptions) -> Rules:
    """What options demand beside cash."""
    kinds = {one.security_id: pb.RestrictionType.Name(one.type) for one in options.restrictions}
    return Rules(
        to_band=options.strategy == pb.STRATEGY_TO_BAND,
        restrictions={key: name.removeprefix("RESTRICTION_TYPE_") for key, name in kinds.items()},
        lots={one.security_id: one.shares for one in options.lot_sizes},
        odd_sells=frozenset(
            one.security_id for one in options.lot_sizes if one.applies_to == pb.LOT_SIDES_BUYS
        ),
        only={pb.SIDES_BUY_ONLY: "BUY", pb.SIDES_SELL_ONLY: "SELL"}.get(options.sides, ""),
        minimum_trade_value=_given(options.minimum_trade_value.value),
        maximum_turnover_weight=_given(options.maximum_turnover_weight.value),
        maximum_trade_count=(
            options.maximum_trade_count if options.HasField("maximum_trade_count") else None
        ),
        costs=_costs(options.costs) if options.HasField("costs") else None,
        limits=[
            *(_limit(one.security_id, (one.security_id,), one) for one in options.security_limits),
            *(_limit(one.name, tuple(one.security_ids), one) for one in options.group_limits),
        ],
    )


def _costs(costs: pb.TradingCosts) -> tuple[Fraction, Fraction]:
    return Fraction(costs.rate_weight.value or 0), Fraction(costs.per_trade_amount.value or 0)


def _limit(name: str, security_ids: tuple[str, ...], given: pb.SecurityLimit | pb.GroupLimit) -> WeightLimit:
    sides = (_given(given.minimum_weight.value), _given(given.maximum_weight.value))
    return WeightLimit(name, security_ids, *sides)


def cash_floor(options: pb.RebalanceOptions, base: Fraction) -> Fraction | None:
    """Cash to keep, in money; None where an overdraft is allowed."""
    if options.allow_overdraft:
        return None
    amount, weight = _given(options.minimum_cash.amount.value), _given(options.minimum_cash.weight.value)
    floors = [amount, None if weight is None else weight * base]
    return max((one for one in floors if one is not None), default=Fraction(0))


def _given(text: str) -> Fraction | None:
    return Fraction(text) if text else None


def inputs(
    siblings: SimulatedSiblings,
    portfolio_id: str,
    options: pb.RebalanceOptions | None = None,
    cash_flow: str = "0",
) -> Inputs:
    """What the siblings say of a portfolio, from where they take it themselves, and what a caller demands."""
    number = siblings.portfolios.number_of(portfolio_id)
    assert number is not None
    portfolio = siblings.portfolios.portfolio(number)
    given = Inputs(
        cash=Fraction(portfolio.cash),
        quantities={key: Fraction(held) for key, held in portfolio.holdings.items()},
        prices={key: Fraction(one.price) for key, one in siblings.portfolios.market.by_id.items()},
        weights={
            one.security_id: (Fraction(one.target), Fraction(one.low_drift), Fraction(one.high_drift))
            for one in siblings.model.positions
        },
        cash_flow=Fraction(cash_flow),
    )
    asked = options or pb.RebalanceOptions()
    return replace(given, cash_floor=cash_floor(asked, given.base), rules=rules(asked))
