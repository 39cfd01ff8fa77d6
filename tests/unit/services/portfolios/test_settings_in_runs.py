"""Settings in runs: the stricter rule holds, each line says whose it was; a run keeps what it began with."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.drifts import DriftState
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, DoNotTrade, SettingsContent
from ordergen_server.domain.desk.price_ranges import PriceRange, good_until
from ordergen_server.domain.errors import Cancelled, NotToBeTraded, OrderGenerationError
from ordergen_server.domain.market import Holdings, MarketSnapshot
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.lines import RuleSource
from ordergen_server.domain.rebalances.options import (
    MinimumCash,
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Strategy,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState, RunFinished
from ordergen_server.domain.rebalances.weight_limits import SecurityLimit
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.securities import Securities
from tests.builders import MODEL_ID, TODAY, holdings, portfolio_id, position, result, security_id, snapshot
from tests.limits import PATIENCE
from tests.unit.services.desk.test_drift_checks import checks
from tests.unit.services.runs import (
    BUYS,
    OPTIONS,
    RESTS,
    Clock,
    carry_out,
    each,
    house,
    only_run,
    rebalance_one,
)
from tests.waiting import eventually

POSITIONS = (position(1, "0.3"), position(2, "0.25"), position(3, "0.4"))
MARKET = snapshot({1: "10", 2: "7.25", 3: "133.7", 4: "3.3333"})
HOLDINGS = st.builds(
    holdings,
    st.decimals(0, 20_000, places=2).map(str),
    st.dictionaries(st.sampled_from([1, 2, 3, 4]), st.integers(0, 300).map(str)),
)
STRATEGIES = st.sampled_from(Strategy)
CLOSED = SettingsContent(DoNotTrade("The owner has died."))


def rebalanced(
    held: Holdings,
    options: RebalanceOptions,
    content: SettingsContent | None = None,
    positions: tuple[Position, ...] = POSITIONS,
    market: MarketSnapshot = MARKET,
) -> PortfolioRebalance:
    known = {portfolio_id(0): AppliedSettings(7, content)} if content else {}
    [answer] = rebalance_portfolios(
        [(result(), held)], Securities(positions, market), options, Deadline.after(PATIENCE), settings=known
    )
    return answer


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


def limited(number: int, sides: str) -> SecurityLimit:
    """Of MIN:MAX."""
    least, most = (Decimal(side) if side else None for side in sides.split(":"))
    return SecurityLimit(security_id(number), least, most)


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


def test_a_portfolio_that_is_not_to_be_traded_is_skipped_unread_and_the_run_is_complete() -> None:
    with house(BUYS, RESTS, BUYS) as parts:
        parts.settings.put(portfolio_id(1), CLOSED)
        ended = carry_out(parts)
        results = {one.portfolio_id: one for one in parts.runs.results}
        asked = parts.portfolios.asked
    closed = results[portfolio_id(1)]
    assert (ended.state, ended.counts, ended.not_traded) == (
        RebalanceState.COMPLETED,
        {PortfolioState.REBALANCED: 2, PortfolioState.SKIPPED: 1},
        1,
    )
    assert (closed.state, closed.settings_version, closed.market_value) == (PortfolioState.SKIPPED, 1, None)
    assert isinstance(closed.error, NotToBeTraded)
    assert closed.error.message.endswith("The owner has died.")
    assert sorted(asked) == [portfolio_id(0), portfolio_id(2)]


def test_cash_flows_and_settings_of_a_run_hold_together() -> None:
    """A floor is a weight of market value with the flow; who is not to be traded has one, and no orders."""
    flows = {portfolio_id(0): Decimal(1000), portfolio_id(1): Decimal(-100)}
    with house(BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(minimum_cash_weight=Decimal("0.95")))
        parts.settings.put(portfolio_id(1), CLOSED)
        told = parts.rebalancers.previews.preview(
            MODEL_ID, OPTIONS, Deadline.after(PATIENCE), cash_flows=flows
        )
        _, *results, finished = [one.event for one in each(told)]
        started = parts.rebalancers.model.start(MODEL_ID, OPTIONS, PATIENCE, cash_flows=flows)
        eventually(lambda: parts.runs.get(started.rebalance_id).finish_time)
        stored = {one.portfolio_id: one for one in parts.runs.results}
    tried = {one.portfolio_id: one for one in results if isinstance(one, PortfolioRebalance)}
    for found in (tried, stored):
        first, second = found[portfolio_id(0)], found[portfolio_id(1)]
        assert (first.cash_after, first.cash_flow) == (Decimal(1900), Decimal(1000))
        assert (first.settings_version, first.settings_floor) == (1, MinimumCash(weight=Decimal("0.95")))
        assert (second.state, second.cash_flow) == (PortfolioState.SKIPPED, Decimal(-100))
        assert isinstance(second.error, NotToBeTraded)
    assert isinstance(finished, RunFinished)
    assert finished.rebalance.summary is not None
    assert finished.rebalance.summary.cash_flow == Decimal(1000)


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
    found = rebalanced_of_one(asked, SettingsContent(**content))  # type: ignore[arg-type] # each its own type
    assert found.positions[0].trade_quantity == 10
    assert good_until(found, asked) == (PriceRange(Decimal("5.00000000"), Decimal(high)),)


def rebalanced_of_one(options: RebalanceOptions, content: SettingsContent) -> PortfolioRebalance:
    known = {portfolio_id(0): AppliedSettings(1, content)}
    [answer] = rebalance_portfolios(
        [(result(), holdings("1000"))],
        Securities((position(1),), snapshot({1: "10"})),
        options,
        Deadline.after(PATIENCE),
        settings=known,
    )
    return answer


def test_a_run_of_none_that_may_be_traded_is_complete() -> None:
    with house(BUYS, BUYS) as parts:
        for number in range(2):
            parts.settings.put(portfolio_id(number), CLOSED)
        ended = carry_out(parts)
        assert (ended.state, ended.counts) == (RebalanceState.COMPLETED, {PortfolioState.SKIPPED: 2})
        assert parts.models.get(MODEL_ID).last_rebalance_time is None
        assert parts.portfolios.asked == []


def test_one_that_failed_beside_it_makes_a_run_with_errors() -> None:
    with house(BUYS, holdings("-1"), BUYS) as parts:
        parts.settings.put(portfolio_id(2), CLOSED)
        assert carry_out(parts).state is RebalanceState.COMPLETED_WITH_ERRORS


def test_a_run_that_is_cancelled_beside_it_is_cancelled() -> None:
    with house(*[RESTS] * 6, workers=1, window=1) as parts:
        parts.settings.put(portfolio_id(0), CLOSED)
        held = parts.held()

        def cancel(one: str) -> None:
            if one == portfolio_id(2):
                held.cancelled.set()
                eventually(lambda: parts.runs.get(held.rebalance_id).finish_time)

        parts.portfolios.before = cancel
        parts.execution.carry_out(held)
        ended = parts.runs.get(held.rebalance_id)
        kinds = [type(one.error) for one in parts.runs.results if one.state is PortfolioState.SKIPPED]
    assert ended.state is RebalanceState.CANCELLED
    assert (ended.not_traded, kinds.count(NotToBeTraded)) == (1, 1)
    assert kinds.count(Cancelled) == len(kinds) - 1 > 0


def test_what_is_infeasible_says_that_settings_were_applied() -> None:
    """Which of the rules are the run's its options say."""
    with house(BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(minimum_cash_weight=Decimal("0.99")))
        carry_out(parts)
        (refused,) = [one for one in parts.runs.results if one.state is PortfolioState.INFEASIBLE]
    assert refused.error
    assert "floor, with the portfolio's settings (version 1) applied: cash floor " in refused.error.message


def test_a_run_goes_on_with_the_settings_it_began_with() -> None:
    """What is set, changed and deleted under it changes nothing, though another server takes it over."""
    with house(BUYS, BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), CLOSED)
        floor = parts.settings.put(portfolio_id(1), SettingsContent(minimum_cash_amount=Decimal(950)))
        held = parts.held()
        parts.settings.delete(portfolio_id(0), 1)
        parts.settings.put(portfolio_id(1), SettingsContent(minimum_cash_amount=Decimal(1)))
        parts.settings.put(portfolio_id(2), CLOSED)
        parts.execution.carry_out(held)
        results = {one.portfolio_id: one for one in parts.runs.results}
    first, second, third = (results[portfolio_id(number)] for number in range(3))
    assert (first.state, first.settings_version) == (PortfolioState.SKIPPED, 1)
    assert (second.cash_after, second.settings_version) == (Decimal(950), floor.version)
    assert (third.state, third.settings_version) == (PortfolioState.REBALANCED, 0)


def test_settings_of_all_portfolios_of_a_run_are_read_together() -> None:
    with house(*[RESTS] * 30) as parts:
        parts.settings.put(portfolio_id(3), CLOSED)
        carry_out(parts)
        assert [len(one) for one in parts.settings.reads] == [30]


def test_a_single_portfolio_reads_its_own_settings() -> None:
    with house(BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(minimum_cash_amount=Decimal(950)))
        done = rebalance_one(parts)
        assert (done.cash_after, done.settings_version) == (Decimal(950), 1)
        assert parts.settings.reads == [[portfolio_id(0)]]
        assert only_run(parts).state is RebalanceState.COMPLETED


def test_a_single_portfolio_that_is_not_to_be_traded_is_refused_and_stored() -> None:
    with house(BUYS) as parts:
        parts.settings.put(portfolio_id(0), CLOSED)
        with pytest.raises(NotToBeTraded) as raised:
            rebalance_one(parts)
        run = only_run(parts)
        assert raised.value.metadata["rebalance_id"] == run.rebalance_id
        assert (run.state, run.counts) == (RebalanceState.COMPLETED, {PortfolioState.SKIPPED: 1})
        assert (parts.market.asked, parts.portfolios.asked) == ([], [])


def test_until_midnight() -> None:
    """The day is that of the clock at the beginning, in UTC."""
    clock = Clock()
    with house(BUYS, clock=clock) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(DoNotTrade("Closed.", TODAY)))
        midnight = clock.now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        clock.now = midnight - timedelta(milliseconds=1)
        with pytest.raises(NotToBeTraded):
            rebalance_one(parts)
        clock.now = midnight
        assert rebalance_one(parts).state is PortfolioState.REBALANCED


def test_a_preview_applies_settings_and_reads_them_once() -> None:
    with house(BUYS, BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), CLOSED)
        parts.settings.put(portfolio_id(1), SettingsContent(minimum_cash_amount=Decimal(950)))
        told = parts.rebalancers.previews.preview(MODEL_ID, OPTIONS, Deadline.after(PATIENCE))
        _, *results, finished = [one.event for one in each(told)]
        reads = parts.settings.reads
    assert isinstance(finished, RunFinished)
    assert (finished.rebalance.state, finished.rebalance.not_traded) == (RebalanceState.COMPLETED, 1)
    cash = {one.portfolio_id: one.cash_after for one in results if isinstance(one, PortfolioRebalance)}
    assert cash == {portfolio_id(0): None, portfolio_id(1): Decimal(950), portfolio_id(2): Decimal(900)}
    assert [len(one) for one in reads] == [3]


def test_a_check_of_drift_tells_who_is_not_to_be_traded_with_every_number() -> None:
    with house(BUYS, BUYS) as parts:
        parts.settings.put(portfolio_id(0), SettingsContent(DoNotTrade("Closed.", TODAY)))
        parts.settings.put(portfolio_id(1), SettingsContent(DoNotTrade("Closed.", TODAY - timedelta(days=1))))
        with checks(parts) as checking:
            (page,) = checking.check(MODEL_ID, 0, Deadline.after(PATIENCE))
        reads = parts.settings.reads
    first, second = sorted(page, key=lambda one: one.portfolio_id)
    assert (first.state, second.state) == (DriftState.DO_NOT_TRADE, DriftState.NEW)
    assert replace(first, portfolio_id="", portfolio_name="", state=second.state) == replace(
        second, portfolio_id="", portfolio_name=""
    )
    assert [len(one) for one in reads] == [2]
