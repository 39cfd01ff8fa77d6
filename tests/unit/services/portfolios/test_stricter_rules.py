"""Settings and a run's options in one portfolio: the stricter rule holds, and each line says whose it was."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.domain.desk.portfolio_settings import SettingsContent
from ordergen_server.domain.desk.price_ranges import PriceRange, good_until
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.rebalances.lines import RuleSource
from ordergen_server.domain.rebalances.options import RebalanceOptions, Restriction, RestrictionType, Strategy
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from tests.builders import holdings, position, security_id, snapshot
from tests.unit.services.portfolios.with_settings import limited, rebalanced

HOLDINGS = st.builds(
    holdings,
    st.decimals(0, 20_000, places=2).map(str),
    st.dictionaries(st.sampled_from([1, 2, 3, 4]), st.integers(0, 300).map(str)),
)
STRATEGIES = st.sampled_from(Strategy)


def plain(one: PortfolioRebalance) -> PortfolioRebalance:
    """A result without how long solving took, and what is said of the settings: whose rules they were."""
    lines = tuple(line._replace(by_settings=False) for line in one.positions)
    quality = one.solution and replace(one.solution, solve_duration=timedelta())
    breaches = tuple(replace(each, by_settings=False) for each in one.limit_breaches)
    return replace(
        one,
        solution=quality,
        positions=lines,
        settings_floor=None,
        settings_limits=(),
        limit_breaches=breaches,
        error=without_sources(one.error),
    )


def without_sources(error: OrderGenerationError | None) -> OrderGenerationError | None:
    """The same without whose the sides of limits are."""
    if error is None:
        return None
    told = (
        "; its (minimum|maximum|minimum and maximum) weight (is that|are those) of the portfolio's settings"
    )
    violations = [replace(one, rule=re.sub(told, "", one.rule)) for one in error.violations]
    return type(error)(re.sub(told, "", error.message), metadata=error.metadata, violations=violations)


def restricted(number: int, kind: RestrictionType) -> tuple[Restriction, ...]:
    return (Restriction(security_id(number), kind),)


@st.composite
def rules(draw: st.DrawFn) -> tuple[RebalanceOptions, SettingsContent]:
    """The same rules, some of them, as options of a run and as settings."""
    found: dict[str, object] = {
        "minimum_cash_amount": draw(st.none() | st.decimals(0, 500, places=2)),
        "minimum_cash_weight": draw(st.none() | st.decimals(0, "0.2", places=3)),
        "minimum_trade_value": draw(st.none() | st.decimals(0, 2000, places=2)),
        "maximum_turnover_weight": draw(st.none() | st.decimals("0.5", 2, places=3)),
        "restrictions": draw(
            st.dictionaries(st.sampled_from([1, 2, 3, 4]), st.sampled_from(RestrictionType)).map(
                lambda kinds: tuple(Restriction(security_id(key), kind) for key, kind in kinds.items())
            )
        ),
        "security_limits": draw(
            st.dictionaries(st.sampled_from([1, 2, 4]), st.sampled_from([":0.2", "0.1:", "0.2:0.3"])).map(
                lambda sides: tuple(limited(key, one) for key, one in sides.items())
            )
        ),
    }
    return RebalanceOptions(**found), SettingsContent(**found)  # type: ignore[arg-type] # each its own type


@settings(max_examples=60)
@given(HOLDINGS, rules(), STRATEGIES)
def test_a_setting_does_what_the_same_option_does(
    held: Holdings, same: tuple[RebalanceOptions, SettingsContent], strategy: Strategy
) -> None:
    """Also where both are given; and only then is a rule the run's."""
    options, content = replace(same[0], strategy=strategy, solver_timeout_seconds=2), same[1]
    bare = RebalanceOptions(strategy=strategy, solver_timeout_seconds=2)
    expected = rebalanced(held, options)
    by_settings, by_both = rebalanced(held, bare, content), rebalanced(held, options, content)
    assert expected.settings_version == 0
    assert plain(by_settings) == plain(by_both) == plain(expected)
    for line in (*expected.positions, *by_both.positions):
        assert line.bound_by is (RuleSource.RUN if line.reason in SHARED else None)
    for line in by_settings.positions:
        if line.reason in SHARED - {"REDUCED_FOR_CASH"}:
            assert line.bound_by is RuleSource.SETTINGS


#: Reasons that are rules which settings can have.
SHARED = {"REDUCED_FOR_CASH", "RESTRICTED", "BELOW_MINIMUM_TRADE", "TURNOVER_LIMIT", "SECURITY_LIMIT"}
RUN, SETTINGS = RuleSource.RUN, RuleSource.SETTINGS
CASH = holdings("10000")
#: Of security 1, whose target is 0.3 of 10,000 at 10 a share.
ONE_OVER = holdings("6000", {1: "400"})


def cash(amount: str | None = None, weight: str | None = None) -> dict[str, object]:
    return {
        "minimum_cash_amount": None if amount is None else Decimal(amount),
        "minimum_cash_weight": None if weight is None else Decimal(weight),
    }


def turnover(weight: str) -> dict[str, object]:
    return {"maximum_turnover_weight": Decimal(weight)}


@pytest.mark.parametrize(
    ("options", "content", "reason", "source"),
    [
        ({}, cash("700"), "REDUCED_FOR_CASH", SETTINGS),
        (cash("600"), cash(weight="0.07"), "REDUCED_FOR_CASH", SETTINGS),
        (cash(weight="0.07"), cash("700"), "REDUCED_FOR_CASH", RUN),
        (cash(weight="0.08"), cash("700"), "REDUCED_FOR_CASH", RUN),
        ({"allow_overdraft": True}, cash("700"), "REDUCED_FOR_CASH", SETTINGS),
        ({}, turnover("0.9"), "TURNOVER_LIMIT", SETTINGS),
        (turnover("0.92"), turnover("0.9"), "TURNOVER_LIMIT", SETTINGS),
        (turnover("0.90"), turnover("0.9"), "TURNOVER_LIMIT", RUN),
    ],
)
def test_a_limit_is_the_runs_unless_the_setting_is_stricter(
    options: dict[str, object], content: dict[str, object], reason: str, source: RuleSource
) -> None:
    answer = rebalanced(CASH, RebalanceOptions(**options), SettingsContent(**content))  # type: ignore[arg-type] # each its own type
    bound = {line.bound_by for line in answer.positions if line.reason == reason}
    assert bound == {source}
    assert {line.bound_by for line in answer.positions if line.reason != reason} <= {None}


@pytest.mark.parametrize(
    ("held", "of_run", "of_settings", "source"),
    [
        (CASH, None, RestrictionType.DO_NOT_BUY, SETTINGS),
        (CASH, RestrictionType.DO_NOT_BUY, RestrictionType.HOLD, RUN),
        (CASH, RestrictionType.DO_NOT_SELL, RestrictionType.HOLD, SETTINGS),
        (CASH, RestrictionType.DO_NOT_BUY, RestrictionType.DO_NOT_SELL, RUN),
        (CASH, RestrictionType.HOLD, None, RUN),
        (ONE_OVER, RestrictionType.DO_NOT_BUY, RestrictionType.DO_NOT_SELL, SETTINGS),
        (ONE_OVER, RestrictionType.DO_NOT_SELL, RestrictionType.DO_NOT_SELL, RUN),
    ],
)
def test_a_restriction_is_whose_who_forbids_the_way_to_the_target(
    held: Holdings, of_run: RestrictionType | None, of_settings: RestrictionType | None, source: RuleSource
) -> None:
    options = RebalanceOptions(restrictions=restricted(1, of_run) if of_run else ())
    content = SettingsContent(restrictions=restricted(1, of_settings) if of_settings else ())
    answer = rebalanced(held, options, content)
    assert (answer.positions[0].reason, answer.positions[0].bound_by) == ("RESTRICTED", source)
    assert answer.settings_version == 0  # who reads the portfolio says it


def test_a_minimum_trade_is_the_settings_where_it_is_greater() -> None:
    held = holdings("970", {1: "295", 2: "344", 3: "29"})
    content = SettingsContent(minimum_trade_value=Decimal(200))
    for least, source in (
        (None, SETTINGS),
        (Decimal(100), SETTINGS),
        (Decimal(200), RUN),
        (Decimal(300), RUN),
    ):
        answer = rebalanced(held, RebalanceOptions(minimum_trade_value=least), content)
        bound = {line.bound_by for line in answer.positions if line.reason == "BELOW_MINIMUM_TRADE"}
        assert bound == {source}


@pytest.mark.parametrize(
    ("options", "content", "high"),
    [
        ({}, {}, "15"),  # the band's end: the floor would be reached at 100
        ({}, cash("860"), "14"),
        ({}, cash(weight="0.86"), "14"),
        (cash("850"), cash("860"), "14"),
        (cash("870"), cash("860"), "13"),
        (cash(weight="0.87"), cash("860"), "13"),
        ({"allow_overdraft": True}, cash("860"), "14"),
    ],
)
def test_orders_are_good_until_the_floor_of_options_and_settings_is_reached(
    options: dict[str, object], content: dict[str, object], high: str
) -> None:
    """Ten shares are bought at 10 of a cash of 1,000."""
    asked = RebalanceOptions(**options)  # type: ignore[arg-type] # each its own type
    own = SettingsContent(**content)  # type: ignore[arg-type] # each its own type
    found = rebalanced(holdings("1000"), asked, own, (position(1),), snapshot({1: "10"}))
    assert found.positions[0].trade_quantity == 10
    assert good_until(found, asked) == (PriceRange(Decimal("5.00000000"), Decimal(high)),)
