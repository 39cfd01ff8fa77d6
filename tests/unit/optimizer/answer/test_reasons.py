"""Every line says why it trades as it does."""

import pytest

from optimizer import Position, Reason, solve
from tests.unit.optimizer.problems import position, problem


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (position(price="10", target="0.5", low="0.1", high="0.1"), Reason.TRADED_TO_TARGET),
        (position(price="30", target="0.5", low="0.1", high="0.1"), Reason.ROUNDED_TO_NEAREST_SHARE),
        (position(price="30", target="0.5", low="0.1", high="0"), Reason.CLIPPED_AT_BAND),
        (position(price="0.001", quantity="3", target="0"), Reason.NOT_IN_MODEL),
        (position(price="0.001", quantity="0.5", target="0"), Reason.FRACTIONAL_RESIDUAL),
        (position(price="0.001", quantity="-2.5", target="0", low="0.1"), Reason.FRACTIONAL_RESIDUAL),
    ],
)
def test_the_reason_of_a_line(line: Position, expected: Reason) -> None:
    held = line.price * line.quantity
    answer = solve(problem(line, cash=str(1000 - held), floor=None))
    assert answer.reasons == (expected,)


def test_a_holding_that_is_best_does_not_trade() -> None:
    answer = solve(problem(position(price="30", quantity="17", target="0.5", high="0.1"), cash="490"))
    assert answer.orders == (0,)
    assert answer.reasons == (Reason.ALREADY_NEAREST,)


def test_a_line_reduced_for_cash_says_so() -> None:
    line = position(price="10", target="0.5", low="0.5", high="0.1")
    answer = solve(problem(line, cash="1000", floor="600"))
    assert answer.orders == (40,)
    assert answer.reasons == (Reason.REDUCED_FOR_CASH,)


def test_an_infeasible_answer_has_no_reasons() -> None:
    assert solve(problem(position(price="300", target="0.5"), cash="1000")).reasons == ()
