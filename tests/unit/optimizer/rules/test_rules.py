"""The price of rules and the smallest sets that help, against every subset by an oracle of its own."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer import (
    CashFloor,
    Constraint,
    GroupLimit,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    Problem,
    Relaxations,
    Restriction,
    Rule,
    RulePrice,
    SecurityLimit,
    Side,
    Sides,
    Status,
    Strategy,
    TradingCosts,
    relaxations,
    rule_prices,
    rules_of,
    solve,
)
from tests.unit.optimizer.oracle import brute_force, is_enumerable, score
from tests.unit.optimizer.problems import position, problem

TURNOVER = MaximumTurnover(Decimal("0.2"))
COUNT = MaximumTradeCount(1)


@st.composite
def sides_of_limits(draw: st.DrawFn) -> tuple[Decimal | None, Decimal | None]:
    """The least, the greatest weight, or both."""
    weights = st.sampled_from([Decimal(text) for text in ("0", "0.05", "0.1", "0.2", "0.3", "0.5")])
    low, high = sorted((draw(weights), draw(weights)))
    return draw(st.sampled_from([(low, None), (None, high), (low, high)]))


@st.composite
def weight_limits(draw: st.DrawFn, ids: list[str]) -> list[Constraint]:
    """Of a security, of a group that may have others in it, of both or of none.

    Both sides of a security may be limits of their own, which no shares keep where they exclude each other.
    """
    limits: list[Constraint] = []
    if draw(st.booleans()):
        security, (low, high) = draw(st.sampled_from(ids)), draw(sides_of_limits())
        if low is None or high is None or draw(st.booleans()):
            limits.append(SecurityLimit(security, low, high))
        else:
            least, most = draw(st.permutations((low, high)))
            limits += [SecurityLimit(security, minimum=least), SecurityLimit(security, maximum=most)]
    if draw(st.booleans()):
        members = draw(st.lists(st.sampled_from([*ids, "S9"]), unique=True, min_size=1))
        limits.append(GroupLimit("G", tuple(members), *draw(sides_of_limits())))
    return limits


@st.composite
def ruled_problems(draw: st.DrawFn) -> Problem:
    """Rules of every kind together, so tight that they often leave no answer."""
    positions = tuple(
        position(
            f"S{index}",
            price=draw(st.sampled_from(["3", "5", "7.25"])),
            quantity=draw(st.sampled_from(["0", "1", "3", "4.5", "-1"])),
            target=draw(st.sampled_from(["0.1", "0.2", "0.3"])),
            low=draw(st.sampled_from(["0.05", "0.1", "0.2"])),
            high=draw(st.sampled_from(["0.1", "0.2"])),
        )
        for index in range(draw(st.integers(1, 3)))
    )
    rules: list[Constraint] = []
    for one in positions:
        if draw(st.booleans()):
            rules.append(LotSize(one.security_id, draw(st.integers(3, 6)), buys_only=draw(st.booleans())))
        if draw(st.booleans()):
            rules.append(Restriction(one.security_id, draw(st.sampled_from(Side))))
    if draw(st.booleans()):
        rules.append(MaximumTurnover(draw(st.sampled_from([Decimal(0), Decimal("0.1"), Decimal("0.2")]))))
    if draw(st.booleans()):
        rules.append(MaximumTradeCount(draw(st.integers(0, 1))))
    if draw(st.booleans()):
        rules.append(MinimumTradeValue(draw(st.sampled_from([Decimal(4), Decimal(15)]))))
    if draw(st.booleans()):
        rules.append(OneSided(draw(st.sampled_from(Sides))))
    if draw(st.booleans()):
        rules.append(TradingCosts(Decimal("0.05"), draw(st.sampled_from([Decimal(0), Decimal(2)]))))
    rules += draw(weight_limits([one.security_id for one in positions]))
    value = sum((one.price * one.quantity for one in positions), Decimal(0))
    worth = Decimal(draw(st.integers(20, 50)))
    floor = draw(st.sampled_from([None, Decimal(0), worth / 2, worth * Decimal("0.8")]))
    return Problem(
        positions,
        worth - value,
        floor,
        draw(st.sampled_from(Strategy)),
        tuple(draw(st.permutations(rules))[:6]),
    )


def left_out(whole: Problem, rules: tuple[Rule, ...]) -> Problem:
    """The problem without rules, made by hand."""
    kept = [one for one in whole.constraints if one not in rules]
    return Problem(
        whole.positions,
        whole.cash,
        None if any(isinstance(one, CashFloor) for one in rules) else whole.cash_floor,
        whole.strategy,
        tuple(kept),
    )


def all_that_help(whole: Problem) -> list[tuple[Rule, ...]]:
    """Every minimal set, the smallest first: by asking of every subset."""
    rules = may_go(whole)
    found: list[tuple[int, ...]] = []
    for size in range(len(rules) + 1):
        for places in combinations(range(len(rules)), size):
            smaller = any({*one} <= {*places} for one in found)
            if not smaller and brute_force(left_out(whole, tuple(rules[place] for place in places))):
                found.append(places)
    return [tuple(rules[place] for place in places) for places in found]


def may_go(whole: Problem) -> list[Rule]:
    """All but costs, which are what trades cost."""
    return [one for one in rules_of(whole) if not isinstance(one, TradingCosts)]


def is_small(whole: Problem) -> bool:
    """Whether the oracle is soon through with every subset."""
    rules = may_go(whole)
    return len(rules) <= 7 and is_enumerable(left_out(whole, tuple(rules)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(ruled_problems().filter(is_small))
def test_every_set_that_is_named_helps_and_no_smaller_one_does(whole: Problem) -> None:
    """With an answer, that is the empty set; and none that helps is missing."""
    found = relaxations(whole, may_go(whole), most=1000)
    assert found == Relaxations(tuple(all_that_help(whole)), is_complete=True)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(ruled_problems().filter(is_small))
def test_a_price_is_the_drift_that_is_saved(whole: Problem) -> None:
    best = brute_force(whole)
    if best is None:
        return
    rules = may_go(whole)
    expected = []
    for rule in rules:
        other = left_out(whole, (rule,))
        freed = brute_force(other)
        saved = drift_of(whole, best) - (drift_of(whole, best) if freed is None else drift_of(other, freed))
        if saved > 0:
            expected.append((rule, saved))
    solution = solve(whole)
    found = rule_prices(whole, solution.orders, rules, is_proven=True)
    assert [(one.rule, one.drift_saved) for one in found if one.is_proven] == expected
    assert [one for one in found if not one.is_proven] == []


def drift_of(whole: Problem, orders: tuple[int, ...]) -> Fraction:
    """From the oracle's own score, whose first aim is drift TO_TARGET and whose second is it TO_BAND."""
    aims = score(replace(whole, strategy=Strategy.TO_TARGET), orders)
    return Fraction(aims[0])


def test_rules_on_securities_that_are_not_there_are_none() -> None:
    absent = (
        Restriction("Z", Side.HOLD),
        LotSize("Z", 5),
        SecurityLimit("Z", Decimal(1)),
        GroupLimit("G", ("Y", "Z"), Decimal(1)),
    )
    whole = replace(problem(position(target="0.5", high="1"), cash="100"), constraints=(*absent, TURNOVER))
    assert rules_of(whole) == (CashFloor(), TURNOVER)
    assert rules_of(replace(whole, cash_floor=None)) == (TURNOVER,)


def test_each_of_two_rules_that_forbid_the_same_has_no_price() -> None:
    """Alone either of them holds the drift as it is; together they would save it."""
    one = position(target="0.5", high="0.5", low="0.5")
    whole = replace(problem(one, cash="100"), constraints=(MaximumTurnover(Decimal(0)), MaximumTradeCount(0)))
    assert rule_prices(whole, (0,), rules_of(whole), is_proven=True) == ()
    single = replace(whole, constraints=(MaximumTradeCount(0),))
    assert rule_prices(single, (0,), rules_of(single), is_proven=True) == (
        RulePrice(MaximumTradeCount(0), Fraction(50), is_proven=True),
    )
    assert rule_prices(single, (0,), rules_of(single), is_proven=False) == (
        RulePrice(CashFloor(), None, is_proven=False),
        RulePrice(MaximumTradeCount(0), Fraction(50), is_proven=False),
    )


def test_without_time_nothing_is_known() -> None:
    whole = replace(
        problem(position(target="0.5", low="0.1", high="0.1"), cash="100"), constraints=(COUNT, TURNOVER)
    )
    assert solve(whole).status is Status.INFEASIBLE
    assert relaxations(whole, rules_of(whole), timeout_seconds=0) == Relaxations((), is_complete=False)
    prices = rule_prices(whole, (0,), (TURNOVER,), is_proven=True, timeout_seconds=0)
    assert prices == (RulePrice(TURNOVER, None, is_proven=False),)


def test_who_no_longer_wants_it_gets_what_there_is() -> None:
    whole = lots(3)
    assert relaxations(whole, rules_of(whole), stopped=lambda: True) == Relaxations((), is_complete=False)
    asked = iter([False, True, True, True])
    prices = rule_prices(
        replace(whole, constraints=(COUNT,)),
        (0, 0, 0),
        (COUNT, TURNOVER),
        is_proven=True,
        stopped=lambda: next(asked),
    )
    assert [one.rule for one in prices if one.drift_saved is None] == [TURNOVER]


def lots(count: int) -> Problem:
    """So many positions whose lots pass over their bands, each by itself."""
    positions = [position(f"S{n:02}", target="0.03", low="0.005", high="0.005") for n in range(count)]
    rules = tuple(LotSize(one.security_id, 7) for one in positions)
    return replace(problem(*positions, cash="1000"), constraints=rules)


def test_many_conflicts_of_their_own_are_one_set() -> None:
    """Every subset of twenty would be a million."""
    whole = lots(20)
    found = relaxations(whole, rules_of(whole))
    assert found == Relaxations((whole.constraints,), is_complete=True)


@pytest.mark.parametrize("rules", [(), (CashFloor(),)])
def test_bands_that_nothing_meets_have_no_set(rules: tuple[Rule, ...]) -> None:
    whole = problem(position(price="40", target="0.5", low="0.05", high="0.05"), cash="100")
    assert relaxations(whole, rules) == Relaxations((), is_complete=True)


def test_a_restriction_that_excuses_a_band_may_have_to_go_with_others() -> None:
    """What it holds pays for nothing: sold, there is cash for the floor."""
    held = position("A", quantity="8", target="0.2", low="0.05", high="0.05")
    whole = replace(problem(held, cash="20", floor="60"), constraints=(Restriction("A", Side.DO_NOT_SELL),))
    assert relaxations(whole, rules_of(whole)) == Relaxations(
        ((CashFloor(),), (Restriction("A", Side.DO_NOT_SELL),)), is_complete=True
    )
    one = relaxations(whole, rules_of(whole), most=1)
    assert one == Relaxations(((CashFloor(),),), is_complete=False)
    all_of_them = relaxations(whole, rules_of(whole), most=2)
    assert all_of_them.is_complete


def test_one_side_alone_that_excuses_a_band_may_have_to_go_with_others() -> None:
    held = position("A", quantity="8", target="0.2", low="0.05", high="0.05")
    whole = replace(problem(held, cash="20", floor="60"), constraints=(OneSided(Sides.BUY_ONLY),))
    assert relaxations(whole, rules_of(whole)) == Relaxations(
        ((CashFloor(),), (OneSided(Sides.BUY_ONLY),)), is_complete=True
    )


def test_a_lot_may_have_to_go_where_a_group_is_excused() -> None:
    """In lots the short is no matter of the group. Without the other lot, too, the group is within reach."""
    short = position("A", price="5", quantity="-1", target="0.1", low="0.05", high="0.1")
    other = position("B", price="3", target="0.1", low="0.1", high="0.1")
    lots = LotSize("A", 3), LotSize("B", 3)
    group = GroupLimit("G", ("A", "B"), Decimal(0), Decimal(0))
    whole = replace(
        problem(short, other, cash="35", floor=None),
        constraints=(*lots, Restriction("A", Side.DO_NOT_BUY), group),
    )
    assert relaxations(whole, rules_of(whole)) == Relaxations(((lots[0],), (group,)), is_complete=True)
    assert brute_force(left_out(whole, lots)) is None


def test_costs_go_with_the_floor_that_they_are_paid_from() -> None:
    """Two shares are wanted, and one that is paid for besides leaves too little."""
    one = position(price="10", target="0.2", low="0.05", high="0.05")
    costs = TradingCosts(Decimal(0), Decimal(1))
    whole = replace(problem(one, cash="100", floor="80"), constraints=(costs, COUNT))
    assert relaxations(whole, may_go(whole)) == Relaxations(((CashFloor(),),), is_complete=True)
    assert relaxations(replace(whole, cash_floor=Decimal(79)), may_go(whole)) == Relaxations(
        ((),), is_complete=True
    )
