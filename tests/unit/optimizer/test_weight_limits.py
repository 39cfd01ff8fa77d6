"""Limits on the weight of securities and of groups, against the independent oracle and by hand."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import assume, given, settings

from optimizer import (
    ConflictKind,
    Constraint,
    GroupLimit,
    LimitBreach,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OneSided,
    OptimizerError,
    Problem,
    Reason,
    Restriction,
    SecurityLimit,
    Side,
    Sides,
    Status,
    TradingCosts,
    solve,
)
from tests.fuzz.generate import case
from tests.fuzz.run import Effort, examine
from tests.limits import LONG, PROOF_SECONDS
from tests.unit.optimizer.agreement import check_enumerated
from tests.unit.optimizer.oracle import is_enumerable, is_feasible
from tests.unit.optimizer.problems import position, weighed_problems

D = Decimal
LEFT = " what its band and options leave, from 100.00 to 500.00; "
TWO = (
    position("A", price="10", quantity="20", target="0.3", low="0.2", high="0.2"),
    position("B", price="20", quantity="10", target="0.3", low="0.2", high="0.2"),
)
"""200 each of 1,000; at their targets they would be worth 300 each."""


def problem(*constraints: Constraint) -> Problem:
    return Problem(TWO, D(600), constraints=constraints)


def limit(name: str, least: str | None = None, most: str | None = None) -> SecurityLimit:
    return SecurityLimit(name, *(None if text is None else D(text) for text in (least, most)))


def group(*ids: str, least: str | None = None, most: str | None = None) -> GroupLimit:
    return GroupLimit("G", ids, *(None if text is None else D(text) for text in (least, most)))


@settings(max_examples=150, deadline=None)
@given(weighed_problems())
def test_limits_of_weights_agree_with_brute_force(drawn: Problem) -> None:
    assume(is_enumerable(drawn))
    check_enumerated(drawn)


WEIGHED = [number for number in range(1_000) if (drawn := case(11, number)).weights or drawn.groups]


@pytest.mark.by_oracle
@pytest.mark.parametrize("first", range(0, len(WEIGHED) if LONG else 150, 50))
def test_nothing_that_is_said_of_limits_is_wrong(first: int) -> None:
    """Answers, breaches, reasons, and every suggestion of a conflict, as printed."""
    for number in WEIGHED[first : first + 50]:
        outcome = examine(case(11, number), Effort(seconds=0.3, large=0), number)
        assert outcome.faults == [], number


@pytest.mark.parametrize(
    ("constraints", "orders", "reasons"),
    [
        ((limit("A", most="0.25"),), (5, 5), (Reason.SECURITY_LIMIT, Reason.TRADED_TO_TARGET)),
        ((limit("A", least="0.35"),), (15, 5), (Reason.SECURITY_LIMIT, Reason.TRADED_TO_TARGET)),
        ((limit("A", "0.3", "0.3"),), (10, 5), (Reason.TRADED_TO_TARGET, Reason.TRADED_TO_TARGET)),
        ((limit("C", "0.3"), group("C", "D", least="0.9")), (10, 5), (Reason.TRADED_TO_TARGET,) * 2),
        ((group("A", "B", most="0.5"),), (0, 5), (Reason.GROUP_LIMIT, Reason.TRADED_TO_TARGET)),
        ((group("A", "B", least="0.7"),), (10, 10), (Reason.TRADED_TO_TARGET, Reason.GROUP_LIMIT)),
        ((group("A", most="0.25"),), (5, 5), (Reason.GROUP_LIMIT, Reason.TRADED_TO_TARGET)),
    ],
)
def test_what_limits_make_of_orders(
    constraints: tuple[Constraint, ...], orders: tuple[int, ...], reasons: tuple[Reason, ...]
) -> None:
    answer = solve(problem(*constraints))
    assert answer.status is Status.PROVEN_OPTIMAL
    assert (orders, reasons) == (answer.orders, answer.reasons)
    assert answer.limit_breaches == answer.answer.limit_breaches == ()


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (
            limit("A", most="0.05"),
            "security A: its limit of at most 50.00 has no whole shares in common with"
            + LEFT
            + "needs a maximum weight >= 0.1000",
        ),
        (
            limit("A", "0.55", "0.6"),
            "security A: its limit [550.00, 600.00] has no whole shares in common with"
            + LEFT
            + "needs a minimum weight <= 0.5000",
        ),
        (
            limit("A", "0.301", "0.309"),
            "security A: its limit [301.00, 309.00] has no whole shares in common with"
            + LEFT
            + "needs a maximum weight >= 0.3100 or a minimum weight <= 0.3000",
        ),
        (
            (limit("A", "0.3"), limit("A", most="0.2")),
            "security A: its limits, of at least 300.00 and of at most 200.00, have together no whole shares"
            " in common with" + LEFT + "needs a maximum weight >= 0.3000 or a minimum weight <= 0.2000",
        ),
        (
            # Above what the band lets it have: only the other side helps, by what the first one lets in.
            (limit("A", "0.55"), limit("A", most="0.2")),
            "security A: its limits, of at least 550.00 and of at most 200.00, have together no whole shares"
            " in common with" + LEFT + "needs a minimum weight <= 0.2000",
        ),
        (
            group("A", "B", most="0.1"),
            (
                "group G: bands and options leave it worth at least 200.00 where 100.00 is allowed;"
                " needs a maximum weight >= 0.2000"
            ),
        ),
        (
            group("A", least="0.75"),
            (
                "group G: bands and options leave it worth at most 500.00 where at least 750.00 is asked;"
                " needs a minimum weight <= 0.5000"
            ),
        ),
    ],
)
def test_what_no_shares_keep_is_a_conflict_with_advice(
    limits: Constraint | tuple[Constraint, ...], sentence: str
) -> None:
    answer = solve(problem(*(limits if isinstance(limits, tuple) else (limits,))))
    assert answer.status is Status.INFEASIBLE
    assert [str(one) for one in answer.conflicts] == [sentence]
    assert answer.limit_breaches == ()


def above(security_id: str | None, name: str | None, value: int) -> LimitBreach:
    return LimitBreach(security_id, name, Fraction(value), is_above=True)


def below(security_id: str | None, name: str | None, value: int) -> LimitBreach:
    return LimitBreach(security_id, name, Fraction(value), is_above=False)


@pytest.mark.parametrize(
    ("constraints", "orders", "breaches"),
    [
        ((limit("A", most="0.15"), Restriction("A", Side.HOLD)), (0, 5), (above("A", None, 200),)),
        ((limit("A", most="0.15"), Restriction("A", Side.DO_NOT_SELL)), (0, 5), (above("A", None, 200),)),
        ((limit("A", most="0.15"), Restriction("A", Side.DO_NOT_BUY)), (-5, 5), ()),
        ((limit("A", least="0.25"), Restriction("A", Side.DO_NOT_BUY)), (0, 5), (below("A", None, 200),)),
        (
            (limit("A", "0.25"), limit("A", most="0.15"), Restriction("A", Side.HOLD)),
            (0, 5),
            (below("A", None, 200), above("A", None, 200)),
        ),
        # B could be sold, but not so far that the group would be within its limit: it is not made worse.
        ((group("A", "B", most="0.25"), Restriction("A", Side.HOLD)), (0, 0), (above(None, "G", 400),)),
        ((group("A", "B", most="0.3"), Restriction("A", Side.HOLD)), (0, -5), ()),
        ((group("A", "B", least="0.8"), Restriction("A", Side.HOLD)), (0, 5), (below(None, "G", 500),)),
        ((limit("A", most="0.15"), OneSided(Sides.BUY_ONLY)), (0, 5), (above("A", None, 200),)),
        ((limit("A", most="0.15"), OneSided(Sides.SELL_ONLY)), (-5, 0), ()),
        ((limit("A", least="0.25"), OneSided(Sides.SELL_ONLY)), (0, 0), (below("A", None, 200),)),
        ((group("A", "B", most="0.3"), OneSided(Sides.BUY_ONLY)), (0, 0), (above(None, "G", 400),)),
        ((group("A", "B", most="0.3"), OneSided(Sides.SELL_ONLY)), (-10, 0), ()),
        ((group("A", "B", least="0.5"), OneSided(Sides.SELL_ONLY)), (0, 0), (below(None, "G", 400),)),
        # Whole lots are bought, and any number is sold.
        ((limit("A", most="0.17"), LotSize("A", 10, buys_only=True)), (-3, 5), ()),
        # One trade alone is paid for: it keeps the group.
        (
            (group("A", "B", least="0.7"), TradingCosts(D(0), D(50)), Restriction("B", Side.HOLD)),
            (30, 0),
            (),
        ),
    ],
)
def test_what_restrictions_and_sides_keep_from_being_mended_is_a_breach(
    constraints: tuple[Constraint, ...], orders: tuple[int, ...], breaches: tuple[LimitBreach, ...]
) -> None:
    answer = solve(problem(*constraints))
    assert answer.status is Status.PROVEN_OPTIMAL
    assert (orders, breaches) == (answer.orders, answer.limit_breaches)


def test_what_would_be_worse_than_before_is_no_breach_but_a_conflict() -> None:
    """B must be bought into its band, which the group, broken already, does not leave room for."""
    lines = (TWO[0], replace(TWO[1], quantity=D(1)))
    held = Problem(lines, D(780), constraints=(group("A", "B", most="0.2"), Restriction("A", Side.HOLD)))
    answer = solve(held)
    assert answer.status is Status.INFEASIBLE
    assert str(answer.conflicts[0]).endswith("needs a maximum weight >= 0.3000")


def test_a_maximum_of_zero_leaves_what_no_whole_order_can_trade() -> None:
    lines = (
        position("A", price="10", quantity="20.5", target="0.1", low="0.1", high="0.2"),
        position("B", price="20", quantity="10.25", target="0.1", low="0.1", high="0.2"),
    )
    for constraints in ((limit("A", most="0"), limit("B", most="0")), (group("A", "B", most="0"),)):
        answer = solve(Problem(lines, D(600), constraints=constraints))
        assert answer.orders == (-20, -10)
        assert answer.limit_breaches == ()


def test_a_broken_limit_is_mended_by_a_trade_below_the_minimum() -> None:
    answer = solve(problem(limit("A", most="0.19"), MinimumTradeValue(D(50))))
    assert answer.orders == (-1, 5)


@settings(max_examples=150, deadline=None)
@given(weighed_problems())
def test_advice_for_limits_of_a_security_is_true_and_least(drawn: Problem) -> None:
    """Each suggested weight alone makes the conflict go away, and none that is tighter does."""
    for conflict in solve(drawn, timeout_seconds=PROOF_SECONDS).conflicts:
        if conflict.kind is ConflictKind.SECURITY_LIMIT and conflict.security_id:
            most, least = conflict.needed_maximum_weight, conflict.needed_minimum_weight
            if most is not None:
                assert not _is_refused(_with(drawn, conflict.security_id, "maximum", ceil(most * STEPS)))
                assert _is_refused(_with(drawn, conflict.security_id, "maximum", ceil(most * STEPS) - 1))
            if least is not None:
                assert not _is_refused(_with(drawn, conflict.security_id, "minimum", floor(least * STEPS)))
                assert _is_refused(_with(drawn, conflict.security_id, "minimum", floor(least * STEPS) + 1))


#: A weight is a number of these.
STEPS = 10**20


def _with(drawn: Problem, security_id: str, side: str, steps: int) -> tuple[Problem, str] | None:
    """The problem with another weight on a side; None where no limit may have that."""
    weight = D(steps) / STEPS
    if not 0 <= weight <= 1:
        return None
    constraints: list[Constraint] = []
    for one in drawn.constraints:
        if isinstance(one, SecurityLimit) and one.security_id == security_id:
            sides = {"minimum": one.minimum, "maximum": one.maximum}
            if sides[side] is not None:
                constraints.append(SecurityLimit(security_id, **{**sides, side: weight}))
                continue
        constraints.append(one)
    return replace(drawn, constraints=tuple(constraints)), security_id


def _is_refused(asked: tuple[Problem, str] | None) -> bool:
    """Whether the limits of the security still leave it no shares."""
    if asked is None:
        return True
    found = solve(asked[0], timeout_seconds=PROOF_SECONDS).conflicts
    return (ConflictKind.SECURITY_LIMIT, asked[1]) in {(one.kind, one.security_id) for one in found}


@pytest.mark.parametrize("turnover", ["0.1", "0.3"])
def test_twenty_groups_beside_all_other_limits_are_kept(turnover: str) -> None:
    """More limits than any grid of multipliers has dimensions for."""
    lines = tuple(
        position(f"S{index:02}", price=str(7 + index), quantity="10", target="0.02", low="0.02", high="0.03")
        for index in range(40)
    )
    groups = tuple(_twenty())
    limits = (MaximumTurnover(D(turnover)), MaximumTradeCount(30))
    drawn = Problem(lines, D(9_000), D(1_000), constraints=(*groups, *limits))
    answer = solve(drawn, timeout_seconds=2)
    assert answer.status in (Status.PROVEN_OPTIMAL, Status.FEASIBLE)
    assert is_feasible(drawn, answer.orders)


def test_groups_that_the_turnover_does_not_let_be_kept_are_refused() -> None:
    """Each can be kept alone; together they take more than may be traded."""
    groups = replace(group("A", least="0.4"), name="A"), replace(group("B", least="0.4"), name="B")
    answer = solve(problem(*groups, MaximumTurnover(D("0.3"))), timeout_seconds=PROOF_SECONDS)
    assert answer.status is Status.INFEASIBLE
    assert [one.kind for one in answer.conflicts] == [ConflictKind.COMBINATION]


def test_groups_without_a_security_in_common_are_proven_to_the_last_tie() -> None:
    """Hundreds of shares each: met one by one, with bounds that add up."""
    lines = tuple(
        position(f"S{index}", price=f"{7 + index}.{index}9", target="0.1", low="0.05", high="0.05")
        for index in range(8)
    )
    groups = (
        GroupLimit("Less", tuple(f"S{index}" for index in range(4)), None, D("0.35")),
        GroupLimit("More", tuple(f"S{index}" for index in range(4, 8)), D("0.45"), None),
    )
    answer = solve(Problem(lines, D(1_000_000), constraints=groups), timeout_seconds=PROOF_SECONDS)
    assert answer.status is Status.PROVEN_OPTIMAL
    assert answer.objective is not None
    assert D(100_000) <= answer.objective < D("100_000.10")


def _twenty() -> Iterator[GroupLimit]:
    for index in range(20):
        ids = tuple(f"S{(index * 2 + more) % 40:02}" for more in range(5))
        yield GroupLimit(f"G{index}", ids, D("0.02") if index % 2 else None, None if index % 2 else D("0.09"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: limit("A"), "security A: limit must have a minimum or a maximum"),
        (lambda: limit("A", "-0.1"), "security A: limit: minimum must be in [0, 1], not -0.1"),
        (lambda: limit("A", most="1.1"), "security A: limit: maximum must be in [0, 1], not 1.1"),
        (lambda: limit("A", "0.2", "0.1"), "security A: limit: minimum 0.2 must not exceed maximum 0.1"),
        (lambda: group("A", "A", most="0"), "group G: each security must appear once"),
        (
            lambda: problem(group("A", most="0"), group("B", most="0")),
            "groups must have different names, not G, G",
        ),
        (lambda: problem(limit("A", "0"), limit("A", "0.1")), "security A: must appear once, not twice"),
        (
            lambda: problem(limit("A", "0", "1"), limit("A", most="0.1")),
            "security A: must appear once, not twice",
        ),
    ],
)
def test_limits_that_cannot_be(make: Callable[[], object], message: str) -> None:
    with pytest.raises(OptimizerError) as raised:
        make()
    assert message in str(raised.value)
