"""Every line says why it trades as it does."""

from dataclasses import replace
from decimal import Decimal

import pytest

from optimizer import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    Position,
    Reason,
    solve,
)
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


def test_one_of_two_shares_equally_near_is_not_clipped() -> None:
    """50 in shares of 20: two and three are equally near, and the band forbids the smaller trade."""
    answer = solve(problem(position(price="20", target="0.5", high="0.1"), cash="100"))
    assert answer.orders == (3,)
    assert answer.reasons == (Reason.ROUNDED_TO_NEAREST_SHARE,)


def test_a_line_that_pays_for_what_the_trade_count_forbids_gives_way_to_cash() -> None:
    """The sale that was to pay for the last share is one trade too many."""
    drawn = problem(
        position("A", price="17", quantity="-0.07", target="0.19", low="0.05"),
        position("B", price="4", quantity="64", target="0.428", high="0.05"),
        position("C", price="16", target="0.38", low="0.05", high="0.05"),
        cash="306.19",
    )
    answer = solve(replace(drawn, constraints=(LotSize("B", 3), MaximumTradeCount(2))))
    assert answer.orders == (6, 0, 12)
    assert answer.reasons[1:] == (Reason.TRADE_COUNT_LIMIT, Reason.REDUCED_FOR_CASH)


def test_a_line_that_sells_more_than_its_own_best_gives_way_to_cash() -> None:
    """The turnover limit lets A buy no more, the floor lets B sell no less."""
    drawn = problem(
        position(
            "A", price="0.0123", quantity="776420", target="0.191", low="0.000001722", high="0.000001722"
        ),
        position(
            "B",
            price="0.0001",
            quantity="142500000.39119204",
            target="0.285",
            low="0.000000014",
            high="0.000000014",
        ),
        position(
            "C", price="0.0123", quantity="191058", target="0.047", low="0.000001722", high="0.000001722"
        ),
        position("D", price="1.00", quantity="21354", target="0.427", low="0.00014", high="0.00014"),
        cash="2496.020560880796",
        floor="2498.107260880796",
    )
    limits = (MaximumTurnover(Decimal("0.000041734")), MaximumTradeCount(4))
    answer = solve(replace(drawn, constraints=limits))
    assert answer.orders[1] == -6
    assert answer.reasons[1] is Reason.REDUCED_FOR_CASH


@pytest.mark.parametrize("backwards", [False, True])
def test_the_reason_does_not_hang_on_the_order_of_limits(backwards: bool) -> None:
    """One more share breaks both limits: the turnover is named."""
    limits: list[Constraint] = [MaximumTurnover(Decimal("0.1")), MaximumTradeCount(0)]
    drawn = problem(position(price="20", target="0.5", low="0.5"), cash="100")
    answer = solve(replace(drawn, constraints=tuple(limits[::-1] if backwards else limits)))
    assert answer.orders == (0,)
    assert answer.reasons == (Reason.TURNOVER_LIMIT,)
