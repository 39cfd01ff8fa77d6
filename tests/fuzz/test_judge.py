"""Every kind of wrong answer is told apart: the fuzzer can fail."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.fuzz.case import Case, Holding
from tests.fuzz.judge import judge
from tests.fuzz.oracle import Verdict, decide
from tests.fuzz.rules import Rules
from tests.fuzz.run import Effort, row_judged
from tests.fuzz.shrink import shrink
from tests.fuzz.subject import Said, ask

D = Decimal

CASE = Case(
    (
        Holding("A", D(10), D(0), D("0.5"), D("0.5"), D("0.5")),
        Holding("B", D(10), D(0), D("0.5"), D("0.5"), D("0.5")),
    ),
    D(100),
    D(10),
)
"""Ten shares in all, of which the floor takes one: the first by name has one less."""

REFUSED = Case((Holding("A", D(30), D(0), D("0.5"), D("0.01"), D("0.01")),), D(100), None)
"""A band of 49 to 51 holds no multiple of 30."""


def kinds(case: Case, said: Said) -> set[str]:
    rules = Rules(case)
    return {fault.kind for fault in judge(rules, said, decide(rules))}


def test_the_right_answer_is_right() -> None:
    said = ask(CASE, seconds=5)
    assert said.orders == (4, 5)
    assert kinds(CASE, said) == set()
    assert kinds(REFUSED, ask(REFUSED, seconds=5)) == set()


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ((5, 5), "rule broken"),
        ((4, 4), "called proven, not optimal"),
        ((5, 4), "order among equals missed"),
    ],
)
def test_wrong_orders_are_found(orders: tuple[int, int], expected: str) -> None:
    rules = Rules(CASE)
    drift = rules.drift(orders)
    numbers: dict[str, object] = {
        "drift": drift,
        "turnover": rules.turnover(orders),
        "cash_after": Fraction(100) - rules.spent(orders),
        "market_value": Fraction(100),
        "quantities": orders,
    }
    right = ask(CASE, seconds=5)
    said = replace(right, orders=orders, objective=drift, bound=drift, numbers=numbers, ties=True)
    assert expected in kinds(CASE, said)
    if expected == "order among equals missed":
        assert expected not in kinds(CASE, replace(said, ties=False))


def test_a_wrong_refusal_and_wrong_numbers_are_found() -> None:
    right = ask(CASE, seconds=5)
    assert kinds(CASE, Said("INFEASIBLE")) == {"called infeasible; the witness is feasible"}
    assert kinds(CASE, Said("UNDECIDED", bound=Fraction(11))) == {"bound above an answer"}
    assert kinds(CASE, Said("UNDECIDED", bound=Fraction(10))) == set()
    unproven = replace(right, status="FEASIBLE", bound=Fraction(0), ties=False)
    assert kinds(CASE, unproven) == set()
    assert kinds(CASE, replace(unproven, ties=True)) == {"wrong numbers"}
    assert kinds(CASE, replace(right, bound=Fraction(0))) == {"wrong numbers"}
    assert kinds(CASE, replace(right, numbers={**right.numbers, "cash_after": 0})) == {"wrong numbers"}
    assert kinds(CASE, Said("ERROR", error="OverflowError")) == {"error"}


def test_wrong_reasons_are_found() -> None:
    right = ask(CASE, seconds=5)
    assert right.reasons == ("REDUCED_FOR_CASH", "TRADED_TO_TARGET")
    assert kinds(CASE, replace(right, reasons=("TURNOVER_LIMIT", "TRADED_TO_TARGET"))) == {"wrong reason"}
    assert kinds(CASE, replace(right, reasons=("REDUCED_FOR_CASH",))) == {"wrong reason"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("needed_high_drift", Fraction("0.09")),
        ("needed_high_drift", Fraction("0.11")),
        ("needed_high_drift", None),
        ("needed_low_drift", Fraction("0.2")),
        ("needed_market_value", Fraction(110)),
        ("needed_market_value", Fraction(118)),
        (
            "description",
            "security A: band [51.00, 49.00] holds no multiple of 30.00; needs high drift >= 0.1",
        ),
        (
            "description",
            "security A: band [49.00, 51.00] holds no multiple of 30.00; needs high drift >= 1E-1",
        ),
        ("description", "security A: band [49.00, 51.00] holds no multiple of 30; needs low drift >= 0.2"),
        ("security_id", "B"),
    ],
)
def test_wrong_advice_is_found(name: str, value: object) -> None:
    right = ask(REFUSED, seconds=5)
    (conflict,) = right.conflicts
    wrong = replace(right, conflicts=(replace(conflict, **{name: value}),))  # type: ignore[arg-type]
    assert kinds(REFUSED, wrong) == {"advice not least, or false"}


def test_a_conflict_that_is_not_named_is_found() -> None:
    assert kinds(REFUSED, Said("INFEASIBLE")) == {"advice not least, or false"}


def test_nothing_is_claimed_about_what_was_not_decided() -> None:
    worse = replace(ask(CASE, seconds=5), orders=(0, 0))
    faults = judge(Rules(CASE), worse, Verdict())
    assert {fault.kind for fault in faults} <= {"wrong numbers", "wrong reason"}


def test_a_row_of_a_batch_that_is_answered_otherwise_is_found() -> None:
    effort, right = Effort(seconds=5, work=0), ask(CASE, seconds=5)
    refused, worthless = Said("INVALID"), replace(CASE, cash=D(0))
    assert row_judged(CASE, right, effort) == row_judged(worthless, refused, effort) == []
    for case, said in ((CASE, refused), (worthless, right), (CASE, replace(right, orders=(5, 4)))):
        assert [fault.kind for fault in row_judged(case, said, effort)] == ["batch differs"]


def test_the_smallest_case_is_what_matters_alone() -> None:
    """Two positions of six hold the fault; of their numbers stays what keeps the market value above 0."""
    many = Case(
        tuple(Holding(f"S{index}", D("12.3456"), D("1.234")) for index in range(6)),
        D("1000.5678"),
        D("12.34"),
        minimum=D(5),
        lots={"S1": 2},
    )

    def goes_wrong(case: Case) -> bool:
        return {"S2", "S4"} <= {one.id for one in case.positions}

    small = shrink(many, goes_wrong)
    assert [one.id for one in small.positions] == ["S2", "S4"]
    assert (small.floor, small.minimum, small.lots) == (None, None, {})
    assert {one.price for one in small.positions} == {D(12)}
    assert {one.quantity for one in small.positions} == {D(0), D(1)}
