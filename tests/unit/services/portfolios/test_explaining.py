"""What rules do to a portfolio, in the language of its options."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest

import optimizer
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.explanations import Explanation, Relaxations, Rule, RuleKind, RulePrice
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, SettingsContent
from ordergen_server.domain.errors import DeadlineExceeded, Infeasible
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.lines import RuleSource
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
from ordergen_server.services.portfolios.explaining import KINDS, NO_RULES, explain
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.securities import Securities
from tests.builders import holdings, portfolio_id, position, result, security_id, snapshot
from tests.limits import PATIENCE
from tests.unit.services.runs import BUYS, OPTIONS, RESTS, WORTHLESS, house

#: Of a target of a tenth: a limit of five hundredths.
HALF = Decimal("0.05")
RUN, SETTINGS = RuleSource.RUN, RuleSource.SETTINGS
FLOOR = Rule(RuleKind.CASH_FLOOR, source=RUN)
#: Of a band from 0 to 0.2 about its target, with shares of 0.01.
WIDE = position(1, "0.1", "0.1", "0.1")


def explained(
    held: Holdings,
    options: RebalanceOptions,
    *positions: Position,
    prices: Mapping[int, str] | None = None,
    seconds: float = PATIENCE,
    cash_flow: str | None = None,
    content: SettingsContent | None = None,
) -> tuple[PortfolioRebalance, Explanation]:
    securities = Securities(positions or (position(1),), snapshot(prices or {1: "10", 2: "20"}))
    deadline = Deadline.after(PATIENCE)
    untried = replace(result(), cash_flow=Decimal(cash_flow) if cash_flow else None)
    settings = {untried.portfolio_id: AppliedSettings(1, content)} if content else {}
    [found] = rebalance_portfolios([(untried, held)], securities, options, deadline, settings=settings)
    told = explain(
        untried,
        held,
        securities,
        options,
        result=found,
        deadline=Deadline.after(seconds),
        content=content or NO_RULES,
    )
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
                Rule(RuleKind.RESTRICTION, security_id(1), "T1", source=RuleSource.RUN),
                Decimal("0.400000000000"),
                proven=True,
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
            limit_of(RuleSource.RUN),
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
        floor = replace(FLOOR, source=RuleSource.SETTINGS)
        assert told == [Explanation((RulePrice(floor, Decimal("0.050000000000"), proven=True),))]


def limit_of(source: RuleSource) -> Rule:
    return Rule(RuleKind.SECURITY_LIMIT, security_id(1), "T1", source=source)


def limited(sides: str) -> SecurityLimit:
    """Of MIN:MAX."""
    least, most = (Decimal(side) if side else None for side in sides.split(":"))
    return SecurityLimit(security_id(1), least, most)


@pytest.mark.parametrize(
    ("of_run", "of_settings", "source"),
    [
        (":0.05", ":0.04", SETTINGS),
        (":0.05", ":0.050", RUN),
        (":0.04", ":0.05", RUN),
        ("0.02:", "0.01:0.05", SETTINGS),
        ("0.12:", ":0.15", RUN),
        ("0.12:0.15", "0.13:", SETTINGS),
    ],
)
def test_a_limit_of_settings_is_a_rule_with_its_source(
    of_run: str, of_settings: str, source: RuleSource
) -> None:
    """Of each side the stricter is the rule, which costs what no limit on that side would save."""
    options = RebalanceOptions(security_limits=(limited(of_run),))
    content = SettingsContent(security_limits=(limited(of_settings),))
    found, told = explained(holdings("1000"), options, WIDE, content=content)
    assert found.drift_after
    assert told == Explanation((RulePrice(limit_of(source), found.drift_after, proven=True),))


def test_of_two_limits_that_exclude_each_other_either_can_be_left_out() -> None:
    options = RebalanceOptions(security_limits=(limited(":0.05"),))
    content = SettingsContent(security_limits=(limited("0.15:"),))
    found, told = explained(holdings("1000"), options, WIDE, content=content)
    assert found.state is PortfolioState.INFEASIBLE
    assert found.error
    assert found.error.message.endswith(
        f"security {security_id(1)} (T1): its limits, of at least 150.00 and of at most 50.00, have together"
        " no whole shares in common with what its band and options leave, from 0.00 to 200.00; needs a"
        " maximum weight >= 0.1500 or a minimum weight <= 0.0500; its minimum weight is that of the"
        " portfolio's settings."
    )
    sets = ((limit_of(RUN),), (limit_of(SETTINGS),))
    assert told == Explanation(relaxations=Relaxations(sets, incomplete=False))


def test_a_restriction_is_of_settings_where_these_make_it_stricter() -> None:
    held = (
        RebalanceOptions(restrictions=(Restriction(security_id(1), RestrictionType.DO_NOT_BUY),)),
        SettingsContent(restrictions=(Restriction(security_id(1), RestrictionType.DO_NOT_SELL),)),
    )
    _, told = explained(holdings("400", {1: "60"}), held[0], position(1), content=held[1])
    restriction = Rule(RuleKind.RESTRICTION, security_id(1), "T1", source=SETTINGS)
    assert told == Explanation((RulePrice(restriction, Decimal("0.5"), proven=True),))


def test_the_stricter_of_an_option_and_a_setting_has_a_source() -> None:
    for of_run, source in ((15, SETTINGS), (20, RUN), (25, RUN)):
        _, told = explained(
            holdings("910", {1: "9"}),
            RebalanceOptions(minimum_trade_value=Decimal(of_run)),
            WIDE,
            content=SettingsContent(minimum_trade_value=Decimal(20)),
        )
        least = Rule(RuleKind.MINIMUM_TRADE_VALUE, source=source)
        assert told == Explanation((RulePrice(least, Decimal("0.01"), proven=True),))
    for text, source in (("0.06", SETTINGS), ("0.05", RUN), ("0.04", RUN)):
        _, told = explained(
            holdings("1000"),
            RebalanceOptions(maximum_turnover_weight=Decimal(text)),
            position(1, "0.1", "0.0", "0.1"),
            content=SettingsContent(maximum_turnover_weight=HALF),
        )
        turnover = Rule(RuleKind.MAXIMUM_TURNOVER, source=source)
        assert told == Explanation(relaxations=Relaxations(((turnover,),), incomplete=False))


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
