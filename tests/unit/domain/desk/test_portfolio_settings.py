"""Settings of portfolios: their rules, the stricter of a setting and an option, and their last day."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.desk.portfolio_settings import (
    FIELDS,
    MAXIMUM_RESTRICTIONS,
    MAXIMUM_SECURITY_LIMITS,
    AppliedSettings,
    DoNotTrade,
    SettingsContent,
    check_settings,
    held_for,
    joined,
    take_fields,
)
from ordergen_server.domain.errors import InvalidArgument
from ordergen_server.domain.rebalances.options import RebalanceOptions, Restriction, RestrictionType
from ordergen_server.domain.rebalances.weight_limits import SecurityLimit, stricter_sides
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.services.portfolios.constraints import cash_floor
from tests.builders import portfolio_id, result, security_id

DAY = date(2026, 3, 2)
NUMBERS = st.none() | st.decimals(0, 1000, places=2)
WEIGHTS = st.none() | st.decimals(0, 1, places=3)
RESTRICTIONS = st.dictionaries(st.sampled_from(range(4)), st.sampled_from(RestrictionType)).map(
    lambda found: tuple(Restriction(security_id(number), kind) for number, kind in found.items())
)
CONTENTS = st.builds(
    SettingsContent,
    minimum_cash_amount=NUMBERS,
    minimum_cash_weight=WEIGHTS,
    minimum_trade_value=NUMBERS,
    restrictions=RESTRICTIONS,
    maximum_turnover_weight=WEIGHTS,
)


@st.composite
def options(draw: st.DrawFn) -> RebalanceOptions:
    overdraft = draw(st.booleans())
    return RebalanceOptions(
        minimum_cash_amount=None if overdraft else draw(NUMBERS),
        minimum_cash_weight=None if overdraft else draw(WEIGHTS),
        allow_overdraft=overdraft,
        minimum_trade_value=draw(NUMBERS),
        restrictions=draw(RESTRICTIONS),
        maximum_turnover_weight=draw(WEIGHTS),
    )


def floor_of(amount: Decimal | None, weight: Decimal | None, value: Fraction) -> Fraction | None:
    """What is to be kept, where anything is said of it."""
    floors = [] if amount is None else [Fraction(amount)]
    floors += [] if weight is None else [Fraction(weight) * value]
    return max(floors, default=None)


@given(options(), CONTENTS, st.decimals(1, 10_000, places=2))
def test_the_floor_is_the_greater_of_both(
    of_run: RebalanceOptions, content: SettingsContent, value: Decimal
) -> None:
    own = floor_of(content.minimum_cash_amount, content.minimum_cash_weight, Fraction(value))
    runs = floor_of(of_run.minimum_cash_amount, of_run.minimum_cash_weight, Fraction(value))
    if runs is None and not of_run.allow_overdraft:
        runs = Fraction(0)
    expected = max((one for one in (own, runs) if one is not None), default=None)
    found = cash_floor(value, joined(of_run, content))
    assert (None if found is None else Fraction(found)) == expected


@given(options(), CONTENTS)
def test_each_other_rule_is_as_strict_as_either(of_run: RebalanceOptions, content: SettingsContent) -> None:
    both = joined(of_run, content)
    least = [one for one in (of_run.minimum_trade_value, content.minimum_trade_value) if one is not None]
    assert both.minimum_trade_value == (max(least) if least else None)
    most = [
        one for one in (of_run.maximum_turnover_weight, content.maximum_turnover_weight) if one is not None
    ]
    assert both.maximum_turnover_weight == (min(most) if most else None)
    assert len({one.security_id for one in both.restrictions}) == len(both.restrictions)
    assert forbidden(both.restrictions) == forbidden(of_run.restrictions) | forbidden(content.restrictions)


def forbidden(restrictions: tuple[Restriction, ...]) -> set[tuple[str, str]]:
    """Each security with each side that is forbidden."""
    sides = {"DO_NOT_BUY": ["BUY"], "DO_NOT_SELL": ["SELL"], "HOLD": ["BUY", "SELL"]}
    return {(one.security_id, side) for one in restrictions for side in sides[one.type.value]}


def test_what_one_forbids_to_buy_and_the_other_to_sell_is_held() -> None:
    of_run = RebalanceOptions(restrictions=(Restriction(security_id(1), RestrictionType.DO_NOT_BUY),))
    content = SettingsContent(restrictions=(Restriction(security_id(1), RestrictionType.DO_NOT_SELL),))
    assert joined(of_run, content).restrictions == (Restriction(security_id(1), RestrictionType.HOLD),)


def test_settings_that_say_nothing_leave_options_as_they_are() -> None:
    of_run = RebalanceOptions(Decimal(5), Decimal("0.1"), minimum_trade_value=Decimal(7))
    assert joined(of_run, SettingsContent(note="a text")) == of_run
    overdraft = RebalanceOptions(allow_overdraft=True)
    assert joined(overdraft, SettingsContent()) == overdraft


@given(options(), CONTENTS)
def test_what_held_for_a_portfolio_is_read_from_its_result(
    of_run: RebalanceOptions, content: SettingsContent
) -> None:
    """Its floor and its limits, which is what a run promises of the orders that it proposes."""
    limits = (SecurityLimit(security_id(1), None, Decimal("0.2")),)
    content = replace(content, security_limits=limits)
    known = replace(result(), settings_floor=content.floor, settings_limits=limits)
    both, held = joined(of_run, content), held_for(known, of_run)
    for value in (Decimal(1), Decimal(10_000)):
        assert cash_floor(value, held) == cash_floor(value, both)
    assert held.security_limits == both.security_limits
    assert held_for(result(), of_run) == of_run


@pytest.mark.parametrize("days", [-400, -1, 0])
def test_until_its_last_day_a_portfolio_is_not_traded(days: int) -> None:
    applied = AppliedSettings(4, SettingsContent(DoNotTrade("Tax lots are being moved.", DAY)))
    why = applied.not_to_be_traded(portfolio_id(1), DAY + timedelta(days=days))
    assert why
    assert why.message == (
        f"Portfolio {portfolio_id(1)} is not to be traded, until 2026-03-02 (UTC) inclusive:"
        " Tax lots are being moved."
    )
    assert why.metadata == {"portfolio_id": portfolio_id(1), "settings_version": "4"}
    assert [one.kind for one in why.violations] == ["DO_NOT_TRADE"]


def test_from_the_day_after_it_is_traded() -> None:
    applied = AppliedSettings(4, SettingsContent(DoNotTrade("Tax lots are being moved.", DAY)))
    assert applied.not_to_be_traded(portfolio_id(1), DAY + timedelta(days=1)) is None


def test_without_a_last_day_it_is_never_traded() -> None:
    applied = AppliedSettings(1, SettingsContent(DoNotTrade("Closed.")))
    assert applied.not_to_be_traded(portfolio_id(1), date.max)
    assert AppliedSettings(1, SettingsContent()).not_to_be_traded(portfolio_id(1), DAY) is None


def limit(key: str, least: str | None, most: str | None) -> SecurityLimit:
    return SecurityLimit(key, *(None if side is None else Decimal(side) for side in (least, most)))


@st.composite
def limits(draw: st.DrawFn) -> tuple[SecurityLimit, ...]:
    found = []
    for number in draw(st.lists(st.integers(1, 3), unique=True)):
        low, high = sorted(draw(st.lists(st.decimals(0, 1, places=1), min_size=2, max_size=2)))
        sides = draw(st.sampled_from([(low, None), (None, high), (low, high)]))
        found.append(SecurityLimit(security_id(number), *sides))
    return tuple(found)


def sides(limits: Iterable[SecurityLimit]) -> list[tuple[str, str, Decimal]]:
    """Each side by itself."""
    found = [(one.security_id, "minimum", one.minimum_weight) for one in limits]
    found += [(one.security_id, "maximum", one.maximum_weight) for one in limits]
    return [(key, side, weight) for key, side, weight in found if weight is not None]


@given(limits(), limits())
def test_of_each_side_of_a_limit_the_stricter_is_left(
    of_run: tuple[SecurityLimit, ...], own: tuple[SecurityLimit, ...]
) -> None:
    """Once: the run's where both are alike."""
    left, others = map(sides, stricter_sides(of_run, own))
    assert left == [
        (key, side, weight)
        for key, side, weight in sides(of_run)
        if not any(looser(side, weight, other) for at, of, other in sides(own) if (at, of) == (key, side))
    ]
    assert others == [
        (key, side, weight)
        for key, side, weight in sides(own)
        if all(looser(side, other, weight) for at, of, other in sides(of_run) if (at, of) == (key, side))
    ]
    both = joined(RebalanceOptions(security_limits=of_run), SettingsContent(security_limits=own))
    assert sorted(sides(both.security_limits)) == sorted(left + others)


def looser(side: str, one: Decimal, other: Decimal) -> bool:
    return one < other if side == "minimum" else one > other


WRONG: dict[str, tuple[SettingsContent, list[str]]] = {
    "blank reason": (SettingsContent(DoNotTrade(" \t")), ["do_not_trade.reason"]),
    "long reason": (SettingsContent(DoNotTrade("é" * 513)), ["do_not_trade.reason"]),
    "long note": (SettingsContent(note="x" * 1025), ["note"]),
    "negative amount": (SettingsContent(minimum_cash_amount=Decimal(-1)), ["minimum_cash.amount"]),
    "weight above 1": (SettingsContent(minimum_cash_weight=Decimal("1.01")), ["minimum_cash.weight"]),
    "negative weight": (SettingsContent(minimum_cash_weight=Decimal("-0.01")), ["minimum_cash.weight"]),
    "negative trade": (SettingsContent(minimum_trade_value=Decimal("-0.01")), ["minimum_trade_value"]),
    "negative turnover": (
        SettingsContent(maximum_turnover_weight=Decimal("-0.01")),
        ["maximum_turnover_weight"],
    ),
    "no security": (
        SettingsContent(restrictions=(Restriction("x", RestrictionType.HOLD),)),
        ["restrictions[0].security_id"],
    ),
    "a security twice": (
        SettingsContent(restrictions=(Restriction(security_id(1), RestrictionType.HOLD),) * 2),
        ["restrictions[1].security_id"],
    ),
    "a limit of no security": (
        SettingsContent(security_limits=(limit("x", "0.1", None),)),
        ["security_limits[0].security_id"],
    ),
    "a security limited twice": (
        SettingsContent(security_limits=(limit(security_id(1), "0.1", None),) * 2),
        ["security_limits[1].security_id"],
    ),
    "limits out of their bounds": (
        SettingsContent(
            security_limits=(
                limit(security_id(1), "-0.1", "1.1"),
                limit(security_id(2), "0.2", "0.1"),
            )
        ),
        [
            "security_limits[0].minimum_weight",
            "security_limits[0].maximum_weight",
            "security_limits[1].minimum_weight",
        ],
    ),
    "too many limits": (
        SettingsContent(
            security_limits=tuple(
                limit(security_id(number), "0", None) for number in range(MAXIMUM_SECURITY_LIMITS + 1)
            )
        ),
        ["security_limits"],
    ),
    "too many": (
        SettingsContent(
            restrictions=tuple(
                Restriction(security_id(number), RestrictionType.HOLD)
                for number in range(MAXIMUM_RESTRICTIONS + 1)
            )
        ),
        ["restrictions"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_breaks_a_rule_is_named(name: str) -> None:
    content, paths = WRONG[name]
    with pytest.raises(InvalidArgument) as raised, Violations() as violations:
        check_settings(content, "settings", violations)
    assert [one.subject for one in raised.value.violations] == [f"settings.{path}" for path in paths]


def test_only_the_fields_that_are_named_are_taken() -> None:
    before = SettingsContent(DoNotTrade("Closed."), Decimal(1), Decimal("0.1"), note="old")
    after = SettingsContent(minimum_cash_weight=Decimal("0.2"), note="new")
    assert take_fields(after, ["minimum_cash"])(before) == SettingsContent(
        DoNotTrade("Closed."), None, Decimal("0.2"), note="old"
    )
    assert take_fields(after, FIELDS)(before) == after
