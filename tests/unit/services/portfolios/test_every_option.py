"""Portfolios with every pair of options and money that comes or goes, against the oracle of the fuzzer."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import Infeasible
from ordergen_server.domain.market import Holdings, MarketSnapshot, Quote
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.options import (
    LotSides,
    LotSize,
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Sides,
    Strategy,
    TradingCosts,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.securities import Securities
from tests.builders import NOW, portfolio_id, result
from tests.fuzz.case import Case
from tests.fuzz.generate import case
from tests.fuzz.oracle import ALL_AIMS, decide
from tests.fuzz.rules import Rules
from tests.fuzz.why import reason
from tests.limits import PATIENCE, sized

SEED = 20_250_607
EACH = 50


def options_of(drawn: Case) -> RebalanceOptions:
    """The demands of a case, as a caller has them."""
    return RebalanceOptions(
        minimum_cash_amount=drawn.floor,
        allow_overdraft=drawn.floor is None,
        solver_timeout_seconds=0.5,
        strategy=Strategy[drawn.strategy],
        minimum_trade_value=drawn.minimum,
        restrictions=tuple(Restriction(key, RestrictionType[side]) for key, side in drawn.sides.items()),
        lot_sizes=tuple(
            LotSize(key, shares, LotSides.BUYS if key in drawn.odd_sells else LotSides.BOTH)
            for key, shares in drawn.lots.items()
        ),
        maximum_turnover_weight=drawn.turnover,
        maximum_trade_count=drawn.count,
        sides=Sides[drawn.only or "BUY_AND_SELL"],
        costs=TradingCosts(drawn.rate, drawn.fee) if drawn.rate or drawn.fee else None,
        security_limits=tuple(SecurityLimit(key, one.least, one.most) for key, one in drawn.weights.items()),
        group_limits=tuple(
            GroupLimit(key, one.ids, one.least, one.most) for key, one in drawn.groups.items()
        ),
    )


def answers(drawn: Case, flows: list[Decimal]) -> list[PortfolioRebalance]:
    """What becomes of portfolios that are the same but for how much of their cash is still to come."""
    positions = [Position(one.id, one.target, one.low, one.high) for one in drawn.positions]
    quotes = {one.id: Quote(one.id, one.price, NOW.date()) for one in drawn.positions}
    held = {one.id: one.quantity for one in drawn.positions if one.quantity}
    given = [
        (
            replace(result(number), cash_flow=flow or None),
            Holdings(portfolio_id(number), drawn.cash - flow, held),
        )
        for number, flow in enumerate(flows)
    ]
    securities = Securities(positions, MarketSnapshot(quotes, NOW))
    return rebalance_portfolios(given, securities, options_of(drawn), Deadline.after(PATIENCE))


def decided(answer: PortfolioRebalance) -> tuple[object, ...]:
    """What is the same of two portfolios whose cash is there, or still comes."""
    lines = [(one.security.security_id, one.trade_quantity, one.reason) for one in answer.positions]
    return answer.state, lines, answer.cash_after, answer.cost, answer.limit_breaches, answer.drift_after


def is_known(answer: PortfolioRebalance) -> bool:
    """Whether there is no answer, or one that is proven to its last aim."""
    if answer.solution is None:
        return answer.state is PortfolioState.INFEASIBLE
    return answer.solution.proven_optimal and answer.solution.tie_broken


def check(rules: Rules, answer: PortfolioRebalance) -> None:
    """Fail unless state, orders and reasons of an answer that is known are right, where the oracle knows."""
    verdict = decide(rules, work=0)
    if answer.state is PortfolioState.INFEASIBLE:
        assert isinstance(answer.error, Infeasible)
        assert verdict.orders is None
        return
    found = {one.security.security_id: one for one in answer.positions}
    lines = [found[one.id] for one in rules.case.positions]
    orders = tuple(one.trade_quantity for one in lines)
    assert not verdict.infeasible
    assert rules.broken(orders) == []
    assert (answer.state is PortfolioState.REBALANCED) == any(orders)
    if verdict.proven == ALL_AIMS:
        assert orders == verdict.orders
    for place, line in enumerate(lines):
        assert line.reason == (reason(rules, orders, place) or line.reason)


@pytest.mark.by_oracle
@pytest.mark.parametrize("first", range(0, sized(4, 40) * EACH, EACH))
def test_every_option_with_money_that_comes_and_goes(first: int) -> None:
    """Alone and among others: the same orders for the same reasons as of cash that is there."""
    known = 0
    for number in range(first, first + EACH):
        drawn = case(SEED, number)
        money = abs(drawn.cash) + 1
        flow = Random(number).choice((money, -money)) / 4  # noqa: S311 - test data, not secrets
        plain, *others = answers(drawn, [Decimal(0), flow, -flow])
        found = (plain, *others, *answers(drawn, [flow]))
        if all(map(is_known, found)):  # what is not proven in its time may be another answer each time
            check(Rules(drawn), plain)
            assert [decided(one) for one in found] == [decided(plain)] * 4, number
            known += 1
    assert known > EACH / 2
