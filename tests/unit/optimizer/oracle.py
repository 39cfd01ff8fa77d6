"""The oracle of `tests.fuzz` for the package's own problems: only their public inputs are read."""

from decimal import Decimal
from fractions import Fraction
from math import prod

from optimizer import (
    GroupLimit,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    Problem,
    Restriction,
    SecurityLimit,
    TradingCosts,
)
from tests.fuzz.case import Case, Holding, Weights
from tests.fuzz.rules import Rules, Score
from tests.fuzz.sat import NotDecided, Sat
from tests.fuzz.search import Search, size

ZERO = Decimal(0)


def rules_of(problem: Problem) -> Rules:
    """The problem as the oracle takes it."""
    kinds = {type(one): one for one in problem.constraints}
    minimum, turnover, count, sides, costs = (
        kinds.get(kind)
        for kind in (MinimumTradeValue, MaximumTurnover, MaximumTradeCount, OneSided, TradingCosts)
    )
    rate, fee = (
        (costs.rate_weight, costs.per_trade_amount) if isinstance(costs, TradingCosts) else (ZERO, ZERO)
    )
    lots = [one for one in problem.constraints if isinstance(one, LotSize)]
    return Rules(
        Case(
            tuple(
                Holding(one.security_id, one.price, one.quantity, one.target, one.low_drift, one.high_drift)
                for one in problem.positions
            ),
            problem.cash,
            problem.cash_floor,
            problem.strategy.name,
            minimum.value if isinstance(minimum, MinimumTradeValue) else None,
            {one.security_id: one.shares for one in lots},
            {one.security_id: one.side.name for one in problem.constraints if isinstance(one, Restriction)},
            turnover.weight if isinstance(turnover, MaximumTurnover) else None,
            count.count if isinstance(count, MaximumTradeCount) else None,
            sides.sides.name if isinstance(sides, OneSided) else None,
            frozenset(one.security_id for one in lots if one.buys_only),
            rate,
            fee,
            _weights([one for one in problem.constraints if isinstance(one, SecurityLimit)]),
            {
                one.name: Weights(one.minimum, one.maximum, one.security_ids)
                for one in problem.constraints
                if isinstance(one, GroupLimit)
            },
        )
    )


def _weights(limits: list[SecurityLimit]) -> dict[str, Weights]:
    """The limits by security: a minimum and a maximum may be two of them."""
    found = dict.fromkeys((one.security_id for one in limits), Weights())
    for one in limits:
        known = found[one.security_id]
        least = known.least if one.minimum is None else one.minimum
        most = known.most if one.maximum is None else one.maximum
        found[one.security_id] = Weights(least, most)
    return found


def market_value(problem: Problem) -> Fraction:
    """Cash plus holdings."""
    return rules_of(problem).market_value


def score(problem: Problem, orders: tuple[int, ...]) -> Score:
    """The strategy's aims, trades, and the orders by security id: less is better."""
    return rules_of(problem).score(orders)


def cash_after(problem: Problem, orders: tuple[int, ...]) -> Fraction:
    """Cash once the orders are filled."""
    return Fraction(problem.cash) - rules_of(problem).spent(orders)


def is_feasible(problem: Problem, orders: tuple[int, ...]) -> bool:
    """Whether the orders keep every demand."""
    return not rules_of(problem).broken(orders)


def keeps_limits(problem: Problem, orders: tuple[int, ...]) -> bool:
    """Whether the orders keep the floor, the turnover and the number of trades."""
    return not rules_of(problem).limits_broken(orders)


MOST_COMBINATIONS = 5_000
"""The search is soon through with these. Now and then a draw has a thousand times as many: minutes."""


def is_enumerable(problem: Problem) -> bool:
    """Whether the search soon has an answer."""
    return prod(sum(map(size, ways)) for ways in rules_of(problem).allowed) <= MOST_COMBINATIONS


def brute_force(problem: Problem) -> tuple[int, ...] | None:
    """The best orders of all, or None if there are none."""
    return Search(rules_of(problem), most=10**9).run()


NOTHING_FOUND = Fraction(10**30)
"""The value of an answer that the solver neither found nor excluded in its time."""


def cp_sat(problem: Problem) -> tuple[Fraction, Fraction] | None:
    """Bounds of the first aim, by OR-tools CP-SAT, equal unless its work ends; None if infeasible."""
    rules = rules_of(problem)
    try:
        found = Sat(rules, work=1).best()
    except NotDecided:
        return Fraction(0), NOTHING_FOUND
    if found is None:
        return None
    value = rules.score(found.orders)[0]
    return (value if found.proven else Fraction(0)), value
