"""Limits of securities in settings and in a run: of each side the stricter holds, and says whose it is."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import optimizer
from ordergen_server.domain.desk.portfolio_settings import SettingsContent
from ordergen_server.domain.desk.price_ranges import PriceRange, good_until
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.rebalances.lines import RuleSource
from ordergen_server.domain.rebalances.options import (
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Sides,
    Strategy,
)
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.weight_limits import LimitBreach, SecurityLimit, stricter_sides
from tests.builders import holdings, position, security_id, snapshot
from tests.unit.optimizer.oracle import brute_force, is_enumerable, score
from tests.unit.services.portfolios.with_settings import limited, rebalanced

RUN, SETTINGS = RuleSource.RUN, RuleSource.SETTINGS
NUMBERS = (1, 2, 3)
WEIGHTS = st.sampled_from([Decimal(text) for text in ("0", "0.1", "0.15", "0.2", "0.25", "0.3", "0.5")])
POSITIONS = (position(1, "0.2", "0.2", "0.2"), position(2, "0.3", "0.2", "0.2"))
PRICES = {1: "10", 2: "7.25", 3: "13"}
HOLDINGS = st.builds(
    holdings,
    st.integers(20, 60).map(str),
    st.dictionaries(st.sampled_from(NUMBERS), st.sampled_from(["1", "2", "3.5"])),
)


@st.composite
def limits(draw: st.DrawFn) -> tuple[SecurityLimit, ...]:
    found = []
    for number in draw(st.lists(st.sampled_from(NUMBERS), unique=True, max_size=2)):
        low, high = sorted((draw(WEIGHTS), draw(WEIGHTS)))
        sides = draw(st.sampled_from([(low, None), (None, high), (low, high)]))
        found.append(SecurityLimit(security_id(number), *sides))
    return tuple(found)


def problem(
    held: Holdings, strategy: Strategy, sides: Mapping[tuple[int, bool], Decimal]
) -> optimizer.Problem:
    """The portfolio by hand, with a limit for each side of a security (True: a maximum)."""
    wanted = {one.security_id: one for one in POSITIONS}
    lines = []
    for number in NUMBERS:
        key = security_id(number)
        one = wanted.get(key)
        weights = (one.target, one.low_drift, one.high_drift) if one else (0, 0, 0)
        quantity = held.quantities.get(key, Decimal(0))
        if key in wanted or quantity:
            numbers = map(Decimal, (PRICES[number], quantity, *weights))
            lines.append(optimizer.Position(key, *numbers))
    constraints = [
        optimizer.SecurityLimit(security_id(number), *((None, one) if is_maximum else (one, None)))
        for (number, is_maximum), one in sides.items()
    ]
    return optimizer.Problem(
        tuple(lines), held.cash, Decimal(0), optimizer.Strategy[strategy.name], tuple(constraints)
    )


@settings(max_examples=150, deadline=None)
@given(HOLDINGS, limits(), limits(), st.sampled_from(Strategy))
def test_the_stricter_of_each_side_holds_by_every_order_there_is(
    held: Holdings, of_run: tuple[SecurityLimit, ...], own: tuple[SecurityLimit, ...], strategy: Strategy
) -> None:
    """Also where a minimum of the one is above a maximum of the other: then there is no answer."""
    sides: dict[tuple[int, bool], Decimal] = {}
    for one in (*of_run, *own):
        number = int(one.security_id[-1])
        for weight, is_maximum, stricter in (
            (one.minimum_weight, False, max),
            (one.maximum_weight, True, min),
        ):
            if weight is not None:
                key = number, is_maximum
                sides[key] = stricter(sides.get(key, weight), weight)
    drawn = problem(held, strategy, sides)
    assume(is_enumerable(drawn))
    expected = brute_force(drawn)
    options = RebalanceOptions(strategy=strategy, security_limits=of_run)
    found = rebalanced(held, options, SettingsContent(security_limits=own), POSITIONS, snapshot(PRICES))
    if expected is None:
        assert (found.state, found.positions) == (PortfolioState.INFEASIBLE, ())
        return
    assert found.solution
    assert [line.trade_quantity for line in found.positions] == list(expected)
    assert Fraction(found.solution.objective) == score(drawn, expected)[0]


@settings(max_examples=100, deadline=None)
@given(HOLDINGS, limits(), limits(), st.sampled_from(Strategy))
def test_a_line_is_bound_by_settings_where_without_them_it_would_be_another(
    held: Holdings, of_run: tuple[SecurityLimit, ...], own: tuple[SecurityLimit, ...], strategy: Strategy
) -> None:
    """Where cash couples nothing, what the settings change is what they bind."""
    options = RebalanceOptions(strategy=strategy, security_limits=of_run, allow_overdraft=True)
    market = snapshot(PRICES)
    both = rebalanced(held, options, SettingsContent(security_limits=own), POSITIONS, market)
    alone = rebalanced(held, options, None, POSITIONS, market)
    assume(both.positions and alone.positions)
    _, stricter = stricter_sides(of_run, own)
    ids = {one.security_id for one in stricter}
    for line, before in zip(both.positions, alone.positions, strict=True):
        if line.trade_quantity != before.trade_quantity:
            assert (line.reason, line.bound_by) == ("SECURITY_LIMIT", SETTINGS)
        if line.bound_by is SETTINGS:
            assert line.security.security_id in ids
        assert (line.bound_by is None) == (line.reason != "SECURITY_LIMIT")


CASH = holdings("1000")
ONE = (position(1, "0.2", "0.2", "0.2"),)
#: Of a position of a fifth of 1,000 at 10 a share.
HELD = holdings("700", {1: "30"})


@pytest.mark.parametrize(
    ("held", "of_run", "own", "strategy", "trade", "source"),
    [
        (CASH, None, ":0.1", "TO_TARGET", 10, SETTINGS),
        (CASH, ":0.15", ":0.1", "TO_TARGET", 10, SETTINGS),
        (CASH, ":0.1", ":0.10", "TO_TARGET", 10, RUN),
        (CASH, ":0.1", ":0.15", "TO_TARGET", 10, RUN),
        (CASH, "0.25:", ":0.3", "TO_TARGET", 25, RUN),
        (CASH, ":0.3", "0.25:", "TO_TARGET", 25, SETTINGS),
        (CASH, "0.21:", "0.25:0.25", "TO_TARGET", 25, SETTINGS),
        (HELD, "0.05:", ":0.25", "TO_BAND", -5, SETTINGS),
        (HELD, ":0.25", "0.05:", "TO_BAND", -5, RUN),
        (CASH, ":0.3", "0.25:", "TO_BAND", 25, SETTINGS),
        (CASH, "0.25:", ":0.25", "TO_BAND", 25, RUN),
    ],
)
def test_a_limit_is_whose_side_the_line_keeps(  # noqa: PLR0917 - a row
    held: Holdings, of_run: str | None, own: str, strategy: str, trade: int, source: RuleSource
) -> None:
    options = RebalanceOptions(
        strategy=Strategy[strategy], security_limits=(limited(1, of_run),) if of_run else ()
    )
    content = SettingsContent(security_limits=(limited(1, own),))
    (line,) = rebalanced(held, options, content, ONE, snapshot(PRICES)).positions
    assert (line.trade_quantity, line.reason, line.bound_by) == (trade, "SECURITY_LIMIT", source)


@pytest.mark.parametrize(
    ("of_run", "own", "kind", "breaches"),
    [
        (None, ":0.2", RestrictionType.HOLD, [True]),
        (":0.2", ":0.25", RestrictionType.DO_NOT_SELL, [False]),
        (":0.25", ":0.2", RestrictionType.DO_NOT_SELL, [True]),
        ("0.32:", ":0.2", RestrictionType.HOLD, [False, True]),
        (":0.2", "0.32:", RestrictionType.HOLD, [False, True]),
        ("0.1:", ":0.4", RestrictionType.HOLD, []),
    ],
)
def test_a_limit_that_stays_broken_says_whose_it_is(
    of_run: str | None, own: str, kind: RestrictionType, breaches: list[bool]
) -> None:
    """The run's come first; restrictions of either excuse limits of either."""
    options = RebalanceOptions(security_limits=(limited(1, of_run),) if of_run else ())
    restrictions = (Restriction(security_id(1), kind),)
    content = SettingsContent(security_limits=(limited(1, own),))
    expected = tuple(LimitBreach(security_id(1), "", Decimal(300), one) for one in breaches)
    for asked, known in (
        (replace(options, restrictions=restrictions), content),
        (options, replace(content, restrictions=restrictions)),
    ):
        found = rebalanced(HELD, asked, known, ONE, snapshot(PRICES))
        assert (found.state, found.limit_breaches) == (PortfolioState.NO_ACTION, expected)


def test_limits_that_exclude_each_other_are_a_conflict_where_they_can_be_mended() -> None:
    """What only selling could mend does not forbid to buy: so the minimum has to be kept, and cannot be."""
    content = SettingsContent(security_limits=(limited(1, "0.35:"),))
    options = RebalanceOptions(security_limits=(limited(1, ":0.2"),), sides=Sides.BUY_ONLY)
    found = rebalanced(HELD, options, content, ONE, snapshot(PRICES))
    assert found.state is PortfolioState.INFEASIBLE
    assert found.error
    (violation,) = found.error.violations
    assert (violation.kind, violation.subject) == ("SECURITY_LIMIT", security_id(1))
    assert violation.rule.endswith("; its minimum weight is that of the portfolio's settings")
    both = SettingsContent(security_limits=(limited(1, "0.45:0.5"),))
    found = rebalanced(HELD, RebalanceOptions(), both, ONE, snapshot(PRICES))
    assert found.error
    assert found.error.message.endswith(
        "needs a minimum weight <= 0.4000; its minimum and maximum weight are those of the portfolio's"
        " settings."
    )


def test_where_the_portfolio_has_no_such_security_nothing_is_limited() -> None:
    content = SettingsContent(security_limits=(limited(3, "0.5:"),))
    options = RebalanceOptions(security_limits=(limited(3, ":0.2"),))
    found = rebalanced(CASH, options, content, ONE, snapshot(PRICES))
    assert (found.state, found.limit_breaches, found.settings_limits) == (PortfolioState.REBALANCED, (), ())


@pytest.mark.parametrize(
    ("of_run", "own", "kept", "low", "high"),
    [
        (None, ":0.25", ":0.25", None, "13.33333333"),
        (":0.25", ":0.3", None, None, "13.33333333"),
        (":0.3", ":0.25", ":0.25", None, "13.33333333"),
        ("0.1:", ":0.25", ":0.25", "4.44444445", "13.33333333"),
        ("0.1:", "0.15:", "0.15:", "7.05882353", "26.66666666"),
    ],
)
def test_orders_are_good_until_a_limit_of_options_or_settings_is_reached(
    of_run: str | None, own: str, kept: str | None, low: str | None, high: str
) -> None:
    """Twenty shares are held, of a fifth of 1,000, in a band from 0 to 0.4; nothing trades."""
    held = holdings("800", {1: "20"})
    options = RebalanceOptions(security_limits=(limited(1, of_run),) if of_run else ())
    found = rebalanced(
        held, options, SettingsContent(security_limits=(limited(1, own),)), ONE, snapshot(PRICES)
    )
    assert found.settings_limits == ((limited(1, kept),) if kept else ())
    ends = (None if low is None else Decimal(low), Decimal(high))
    assert good_until(found, options) == (PriceRange(*ends),)
