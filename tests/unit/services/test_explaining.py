"""What rules do to a portfolio, in the language of its options."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest

import optimizer
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.explanations import Explanation, Relaxations, Rule, RuleKind, RulePrice
from ordergen_server.domain.desk.portfolio_settings import SettingsContent
from ordergen_server.domain.errors import DeadlineExceeded, Infeasible
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.options import (
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
from ordergen_server.services.explaining import KINDS, explain
from ordergen_server.services.portfolio import rebalance_portfolios
from ordergen_server.services.securities import Securities
from tests.builders import holdings, portfolio_id, position, result, security_id, snapshot
from tests.limits import PATIENCE
from tests.unit.services.runs import BUYS, OPTIONS, RESTS, WORTHLESS, house

#: Of a target of a tenth: a limit of five hundredths.
HALF = Decimal("0.05")
FLOOR = Rule(RuleKind.CASH_FLOOR)


def explained(
    held: Holdings,
    options: RebalanceOptions,
    *positions: Position,
    prices: Mapping[int, str] | None = None,
    seconds: float = PATIENCE,
    cash_flow: str | None = None,
) -> tuple[PortfolioRebalance, Explanation]:
    securities = Securities(positions or (position(1),), snapshot(prices or {1: "10", 2: "20"}))
    deadline = Deadline.after(PATIENCE)
    untried = replace(result(), cash_flow=Decimal(cash_flow) if cash_flow else None)
    [found] = rebalance_portfolios([(untried, held)], securities, options, deadline)
    told = explain(untried, held, securities, options, result=found, deadline=Deadline.after(seconds))
    return found, told


def test_every_constraint_of_the_optimizer_is_a_rule_or_known_to_be_none() -> None:
    none: set[str] = {"TradingCosts"}  # they are what trades cost, and cannot be left out
    assert {one.__name__ for one in get_args(optimizer.Constraint)} - none <= set(KINDS)
    assert set(KINDS.values()) == set(RuleKind)


def test_each_rule_that_costs_drift_has_its_price() -> None:
    """A restriction keeps 50 % where 10 % are wanted, and lots keep the other security from its target."""
    options = RebalanceOptions(
        restrictions=(Restriction(security_id(1), RestrictionType.HOLD),),
        lot_sizes=(LotSize(security_id(2), 7), LotSize(security_id(9), 2)),
        minimum_trade_value=Decimal(5),
    )
    found, told = explained(
        holdings("500", {1: "50"}), options, position(1), position(2, "0.2", "0.2", "0.2")
    )
    assert found.drift_after == Decimal("0.46")
    assert told == Explanation(
        (
            RulePrice(
                Rule(RuleKind.RESTRICTION, security_id(1), "T1"), Decimal("0.400000000000"), proven=True
            ),
            RulePrice(Rule(RuleKind.LOT_SIZE, security_id(2), "T2"), Decimal("0.060000000000"), proven=True),
        )
    )


def test_a_price_is_of_market_value_with_the_cash_flow() -> None:
    """Of 2,000 with what comes a tenth is 200, where the holding of 500 is kept; without that it is met."""
    options = RebalanceOptions(sides=Sides.BUY_ONLY)
    found, told = explained(holdings("500", {1: "50"}), options, cash_flow="1000")
    assert found.drift_after == Decimal("0.15")
    assert told == Explanation((RulePrice(Rule(RuleKind.SIDES), Decimal("0.150000000000"), proven=True),))


def test_without_the_floor_costs_bind_nothing() -> None:
    options = RebalanceOptions(
        costs=TradingCosts(per_trade_amount=Decimal(1)), minimum_cash_weight=Decimal("0.9")
    )
    found, told = explained(holdings("1000"), options)
    assert found.drift_after == Decimal("0.01")
    assert told == Explanation((RulePrice(FLOOR, Decimal("0.010000000000"), proven=True),))


def test_nothing_costs_anything_where_the_target_is_met() -> None:
    _, told = explained(holdings("90", {1: "1"}), RebalanceOptions(maximum_trade_count=0))
    assert told == Explanation()


def test_prices_of_the_strategy_that_trades_least() -> None:
    options = RebalanceOptions(strategy=Strategy.TO_BAND, lot_sizes=(LotSize(security_id(1), 8),))
    found, told = explained(holdings("1000"), options)
    assert found.drift_after == Decimal("0.02")
    assert told == Explanation()  # without lots it would trade less, and be farther from its target


def test_a_limit_is_told_with_what_it_is_about() -> None:
    security, group = security_id(1), GroupLimit("Tech", (security_id(1), security_id(9)), None, HALF)
    for options, rule in (
        (
            RebalanceOptions(security_limits=(SecurityLimit(security, None, HALF),)),
            Rule(RuleKind.SECURITY_LIMIT, security, "T1"),
        ),
        (RebalanceOptions(group_limits=(group,)), Rule(RuleKind.GROUP_LIMIT, name="Tech")),
    ):
        found, told = explained(holdings("1000"), options, position(1, "0.1", "0.1", "0.1"))
        assert found.drift_after == HALF
        assert told == Explanation((RulePrice(rule, HALF, proven=True),))


def test_an_infeasible_portfolio_has_the_smallest_sets_that_help() -> None:
    options = RebalanceOptions(
        minimum_cash_weight=Decimal("0.95"), maximum_trade_count=0, lot_sizes=(LotSize(security_id(1), 7),)
    )
    found, told = explained(holdings("1000"), options, position(1, "0.1", "0.01", "0.01"))
    assert found.state is PortfolioState.INFEASIBLE
    floor, lots, count = (
        FLOOR,
        Rule(RuleKind.LOT_SIZE, security_id(1), "T1"),
        Rule(RuleKind.MAXIMUM_TRADE_COUNT),
    )
    assert told == Explanation(relaxations=Relaxations(((floor, lots, count),), incomplete=False))


def test_bands_are_no_rules() -> None:
    _, told = explained(holdings("95"), RebalanceOptions(), position(1, "0.1", "0.001", "0.001"))
    assert told == Explanation(relaxations=Relaxations((), incomplete=False))


def test_without_time_it_is_said_that_nothing_is_known() -> None:
    options = RebalanceOptions(maximum_trade_count=0, solver_timeout_seconds=1e-9)
    _, told = explained(holdings("1000"), options)
    assert told == Explanation(relaxations=Relaxations((), incomplete=True))
    with pytest.raises(DeadlineExceeded):
        explained(holdings("1000"), options, seconds=0)


@pytest.mark.parametrize("held", [holdings("0"), holdings("-1")])
def test_where_nothing_was_solved_there_is_nothing_to_explain(held: Holdings) -> None:
    assert explained(held, RebalanceOptions())[1] == Explanation()


def test_a_rebalance_is_explained_from_the_same_reading_and_stored_without() -> None:
    with house(BUYS, RESTS, WORTHLESS) as parts:
        told: list[Explanation] = []
        found = parts.rebalancers.portfolio.rebalance(
            portfolio_id(0), OPTIONS, Deadline.after(PATIENCE), explained=told.append
        )
        assert (found.state, told) == (PortfolioState.REBALANCED, [Explanation()])
        assert parts.portfolios.asked == [portfolio_id(0)]
        assert len(parts.runs.results) == 1


def test_rules_of_settings_are_explained_as_those_of_the_run_are() -> None:
    """The portfolio keeps more cash than the options say, and what they say would cost nothing."""
    with house(BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(minimum_cash_amount=Decimal(950)))
        told: list[Explanation] = []
        found = parts.rebalancers.portfolio.rebalance(
            portfolio_id(0), OPTIONS, Deadline.after(PATIENCE), validate_only=True, explained=told.append
        )
        assert found.drift_after == Decimal("0.05")
        assert told == [Explanation((RulePrice(FLOOR, Decimal("0.050000000000"), proven=True),))]


def test_an_infeasible_portfolio_is_answered_where_it_is_explained() -> None:
    options = RebalanceOptions(maximum_trade_count=0)
    with house(BUYS) as parts:
        told: list[Explanation] = []
        found = parts.rebalancers.portfolio.rebalance(
            portfolio_id(0), options, Deadline.after(PATIENCE), validate_only=True, explained=told.append
        )
        assert isinstance(found.error, Infeasible)
        relaxed = Relaxations(((Rule(RuleKind.MAXIMUM_TRADE_COUNT),),), incomplete=False)
        assert told == [Explanation(relaxations=relaxed)]
        with pytest.raises(Infeasible):
            parts.rebalancers.portfolio.rebalance(
                portfolio_id(0), options, Deadline.after(PATIENCE), validate_only=True
            )
