"""The rules of models, each with the path of the field that breaks it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.changes import add_portfolios
from ordergen_server.domain.errors import InvalidArgument, Violation
from ordergen_server.domain.models import (
    MAXIMUM_PORTFOLIOS,
    ModelContent,
    Position,
    check_chosen,
    check_content,
    check_members,
)
from ordergen_server.domain.requests.violations import Violations
from tests.builders import content, model, portfolio_id, position, security_id


def broken(value: ModelContent) -> list[tuple[str, str]]:
    """Path and rule of everything that is wrong with a model."""
    violations = Violations()
    check_content(value, "model", violations)
    return [(one.subject, one.rule) for one in violations.found]


def broken_position(value: Position) -> list[tuple[str, str]]:
    return broken(content(positions=(value,)))


def test_a_good_model_breaks_nothing() -> None:
    assert broken(content(portfolio_ids=(portfolio_id(1), portfolio_id(2)))) == []


def test_a_model_needs_neither_positions_nor_portfolios() -> None:
    assert broken(content(positions=())) == []


@pytest.mark.parametrize("target", ["0", "0.005", "0.1", "0.950", "0.95", "95E-2"])
def test_good_targets(target: str) -> None:
    assert broken_position(position(1, target)) == []


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("0.001", "must be a multiple of 0.005, not 0.001"),
        ("0.0051", "must be a multiple of 0.005, not 0.0051"),
        ("0.00500000000000000000000000000000001", "must be a multiple of 0.005"),
        ("-0.005", "must be from 0 to 0.95, not -0.005"),
        ("0.955", "must be from 0 to 0.95, not 0.955"),
        ("1E+99", "must be from 0 to 0.95, not 1E+99"),
        ("1E-99", "must be a multiple of 0.005, not 1E-99"),
    ],
)
def test_bad_targets(target: str, rule: str) -> None:
    path, found = broken_position(position(1, target))[0]
    assert path == "model.positions[0].target"
    assert found.startswith(rule)


@given(st.integers(0, 190))
def test_every_step_up_to_the_maximum_is_a_good_target(steps: int) -> None:
    assert broken_position(position(1, str(Decimal("0.005") * steps))) == []


@given(st.decimals(0, Decimal("0.95"), allow_nan=False, places=6))
def test_no_other_number_is(target: Decimal) -> None:
    rules = broken_position(replace(position(1), target=target))
    assert (rules == []) == (target * 200 == int(target * 200))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("0", "0", []),
        ("0", "1", []),
        ("1", "1", []),
        ("-0.01", "0.1", [("low_drift", "must be from 0 to 1, not -0.01")]),
        ("0.1", "1.01", [("high_drift", "must be from 0 to 1, not 1.01")]),
        ("0.1", "0.05", [("low_drift", "must not exceed high_drift (0.05), not 0.1")]),
        (
            "0.1",
            "-2",
            [
                ("high_drift", "must be from 0 to 1, not -2"),
                ("low_drift", "must not exceed high_drift (-2), not 0.1"),
            ],
        ),
    ],
)
def test_drifts(low: str, high: str, expected: list[tuple[str, str]]) -> None:
    below = [(f"model.positions[0].{name}", rule) for name, rule in expected]
    assert below == broken_position(position(1, "0.1", low, high))


def test_targets_leave_five_percent_in_cash() -> None:
    assert broken(content(positions=(position(1, "0.5"), position(2, "0.45")))) == []
    assert broken(content(positions=(position(1, "0.5"), position(2, "0.455")))) == [
        ("model.positions", "must have targets that add up to at most 0.95, not 0.955")
    ]


def test_a_security_is_in_a_model_once() -> None:
    """Every repetition is named, the first one is not."""
    positions = (position(1), position(2), position(1), position(1))
    expected = [
        (f"model.positions[{index}].security_id", f"must be in the model only once, not {security_id(1)!r}")
        for index in (2, 3)
    ]
    assert expected == broken(content(positions=positions))


def test_at_most_a_hundred_positions_have_a_target() -> None:
    """Positions with target 0 do not count: they are dropped on saving."""
    hundred = tuple(position(number, "0.005") for number in range(100))
    zeros = tuple(position(number, "0") for number in range(100, 150))
    assert broken(content(positions=hundred + zeros)) == []
    assert broken(content(positions=(*hundred, position(200, "0.005")))) == [
        ("model.positions", "must have at most 100 positions with a target above 0, not 101")
    ]


def test_positions_without_a_target_are_dropped_on_saving() -> None:
    saved = content(positions=(position(1, "0"), position(2), position(3, "0.000")), portfolio_ids=("p",))
    assert content(positions=(position(2),), portfolio_ids=("p",)) == saved.without_zero_targets()


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "must not be blank, not ''"),
        (" \t\n\u00a0", "must not be blank, not"),
        ("x" * 256, "must have at most 255 characters, not 256"),
    ],
)
def test_bad_names(name: str, rule: str) -> None:
    path, found = broken(content(name))[0]
    assert path == "model.name"
    assert found.startswith(rule)


@pytest.mark.parametrize("name", ["x", "x" * 255, "\N{GREEK SMALL LETTER ALPHA}" * 255, " a "])
def test_good_names(name: str) -> None:
    assert broken(content(name)) == []


@pytest.mark.parametrize("one", ["", "short", "x" * 25, "-" * 24, "\u0660" * 24, "x" * 23 + "\n"])
def test_the_form_of_ids(one: str) -> None:
    rule = "must be exactly 24 alphanumeric characters, not "
    bad = replace(position(1), security_id=one)
    assert broken(content(positions=(bad,), portfolio_ids=(portfolio_id(1), one))) == [
        ("model.positions[0].security_id", rule + repr(one)),
        ("model.portfolio_ids[1]", rule + repr(one)),
    ]


def test_a_model_has_no_more_portfolios_than_fit_into_a_message() -> None:
    full = content(portfolio_ids=tuple(map(portfolio_id, range(MAXIMUM_PORTFOLIOS))))
    assert broken(full) == []
    rule = "must have at most 100000 portfolios, not 100001"
    one = portfolio_id(MAXIMUM_PORTFOLIOS)
    assert broken(replace(full, portfolio_ids=(*full.portfolio_ids, one))) == [("model.portfolio_ids", rule)]
    assert add_portfolios(full.portfolio_ids[:2])(full) == full
    with pytest.raises(InvalidArgument) as raised:
        add_portfolios([one])(full)
    assert raised.value.violations == (Violation("portfolio_ids", rule, "FIELD"),)


def test_a_portfolio_is_in_a_model_once() -> None:
    one = portfolio_id(1)
    assert broken(content(portfolio_ids=(one, portfolio_id(2), one))) == [
        ("model.portfolio_ids[2]", f"must be in the model only once, not {one!r}")
    ]


def test_everything_wrong_is_told_at_once() -> None:
    bad = ModelContent(
        "", (position(1), position(1, "0.9"), replace(position(3, "0.001"), security_id="?")), ("!",)
    )
    with pytest.raises(InvalidArgument) as raised, Violations() as violations:
        check_content(bad, "model", violations)
    paths = [violation.subject for violation in raised.value.violations]
    assert paths == [
        "model.name",
        "model.positions[2].security_id",
        "model.positions[2].target",
        "model.positions[1].security_id",
        "model.positions",
        "model.portfolio_ids[0]",
    ]
    broken = [f"{one.subject}: {one.rule}" for one in raised.value.violations]
    assert raised.value.message == "; ".join(broken)
    assert {violation.kind for violation in raised.value.violations} == {"FIELD"}


def test_a_model_reads_like_its_content() -> None:
    one = model(position(1), portfolios=2)
    assert (one.name, one.positions, one.portfolio_ids) == (
        one.content.name,
        one.content.positions,
        one.content.portfolio_ids,
    )


def test_long_values_are_shown_shortened() -> None:
    violations = Violations()
    violations.add("path", "must be short", "x" * 300)
    assert violations.found == (Violation("path", f"must be short, not '{'x' * 76}...", "FIELD"),)


def test_violations_do_not_hide_another_error() -> None:
    with pytest.raises(ZeroDivisionError), Violations() as violations:
        violations.add("path", f"rule {1 // 0}")


def test_one_violation_is_the_whole_message() -> None:
    with pytest.raises(InvalidArgument, match=r"^path: rule$"), Violations() as violations:
        violations.add("path", "rule")


def test_chosen_portfolios_keep_the_rules_of_a_models() -> None:
    violations = Violations()
    check_chosen([portfolio_id(1), "x", portfolio_id(1)], "portfolio_ids", violations)
    assert [(one.subject, one.rule) for one in violations.found] == [
        ("portfolio_ids[1]", "must be exactly 24 alphanumeric characters, not 'x'"),
        ("portfolio_ids[2]", f"must be in the list only once, not '{portfolio_id(1)}'"),
    ]
    too_many = Violations()
    check_chosen(list(map(portfolio_id, range(MAXIMUM_PORTFOLIOS + 1))), "portfolio_ids", too_many)
    assert [one.subject for one in too_many.found] == ["portfolio_ids"]


def test_chosen_portfolios_are_the_models() -> None:
    violations = Violations()
    check_members([portfolio_id(1), portfolio_id(2)], model(portfolios=2), "portfolio_ids", violations)
    assert [one.subject for one in violations.found] == ["portfolio_ids[1]"]


def test_a_model_with_other_positions_is_as_it_would_be_saved() -> None:
    before = model(position(1), portfolios=2)
    after = before.with_positions([position(2, "0"), position(3)])
    assert after == replace(before, content=replace(before.content, positions=(position(3),)))
