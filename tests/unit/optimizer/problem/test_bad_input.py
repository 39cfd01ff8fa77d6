"""Bad input raises one error that names the security and the rule."""

from decimal import Decimal

import pytest

from optimizer import OptimizerError, Position, Problem
from tests.unit.optimizer.problems import position, problem


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"price": "0"}, "security A: price must be > 0, not 0"),
        ({"price": "-1"}, "security A: price must be > 0, not -1"),
        ({"price": "NaN"}, "security A: price must be finite, not NaN"),
        ({"quantity": "Infinity"}, "security A: quantity must be finite, not Infinity"),
        ({"target": "1.01"}, "security A: target must be in [0, 1], not 1.01"),
        ({"target": "-0.01"}, "security A: target must be in [0, 1], not -0.01"),
        ({"low": "-0.1"}, "security A: low_drift must be >= 0, not -0.1"),
        ({"high": "-0.1"}, "security A: high_drift must be >= 0, not -0.1"),
        ({"price": "1E-41"}, "security A: price must have at most 40 digits on each side of the point"),
        ({"price": "1E+40"}, "security A: price must have at most 40 digits on each side of the point"),
        ({"security_id": ""}, "security_id must be a non-empty str, not ''"),
    ],
)
def test_a_bad_position_is_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(OptimizerError) as raised:
        position(**changes)
    assert message == str(raised.value)


def test_a_float_is_refused() -> None:
    with pytest.raises(OptimizerError) as raised:
        Position("A", 1.5, Decimal(1))  # type: ignore[arg-type]  # what is tested
    assert str(raised.value) == "security A: price must be a Decimal, not float"


def test_an_id_that_is_no_text_is_refused() -> None:
    with pytest.raises(OptimizerError) as raised:
        Position(7, Decimal(1), Decimal(1))  # type: ignore[arg-type]  # what is tested
    assert str(raised.value) == "security_id must be a non-empty str, not 7"


@pytest.mark.parametrize(
    ("cash", "floor", "message"),
    [
        ("-10", "0", "market value must be > 0, not 0"),
        ("-20.5", "0", "market value must be > 0, not -21/2"),
        ("NaN", "0", "cash must be finite, not NaN"),
        ("1", "sNaN", "cash_floor must be finite, not sNaN"),
    ],
)
def test_a_bad_problem_is_refused(cash: str, floor: str, message: str) -> None:
    with pytest.raises(OptimizerError) as raised:
        problem(position(quantity="1"), cash=cash, floor=floor)
    assert message == str(raised.value)


def test_a_security_twice_is_refused() -> None:
    with pytest.raises(OptimizerError) as raised:
        Problem((position("A"), position("B"), position("A")), Decimal(1))
    assert str(raised.value) == "security A: must appear once, not twice"
