"""What a refusal suggests helps when it is entered as printed, and nothing less does."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import (
    Conflict,
    ConflictKind,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    Problem,
    Restriction,
    Side,
    Status,
    solve,
)
from tests.limits import PROOF_SECONDS
from tests.unit.optimizer.problems import constrained_problems, limited_problems, position, problem

NUMBER = r"([\d,]*\d(?:\.\d+)?)"


def printed(conflict: Conflict, words: str) -> list[Decimal]:
    """The numbers that stand behind these words."""
    return [Decimal(text.replace(",", "")) for text in re.findall(words + " " + NUMBER, str(conflict))]


def step(number: Decimal) -> Decimal:
    """One in its last place."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(1).scaleb(exponent)


def still(drawn: Problem, conflict: Conflict) -> bool:
    """Whether the security, or the limit, is still in the way."""
    known = {
        (other.security_id, other.security_id or other.kind)
        for other in solve(drawn, timeout_seconds=PROOF_SECONDS).conflicts
    }
    return (conflict.security_id, conflict.security_id or conflict.kind) in known


def with_drift(drawn: Problem, security_id: str | None, **drift: Decimal) -> Problem:
    """One position with another drift."""
    positions = tuple(
        replace(one, **drift) if one.security_id == security_id else one  # type: ignore[arg-type]
        for one in drawn.positions
    )
    return replace(drawn, positions=positions)


def with_constraint(drawn: Problem, constraint: MaximumTurnover | MaximumTradeCount) -> Problem:
    """One limit put in the place of its like."""
    others = [one for one in drawn.constraints if not isinstance(one, type(constraint))]
    return replace(drawn, constraints=(*others, constraint))


def test_the_sentence_and_its_numbers() -> None:
    """A low drift of 0.01 would help, but not beside a high drift of 0.0005, which it may not exceed."""
    drawn = problem(
        position("GOOG", price="11200", target="0.01", low="0.0005", high="0.0005"), cash="1000000"
    )
    answer = solve(drawn, timeout_seconds=PROOF_SECONDS)
    assert answer.status is Status.INFEASIBLE
    (conflict,) = answer.conflicts
    assert str(conflict) == (
        "security GOOG: band [9,500.00, 10,500.00] holds no multiple of 11,200.00;"
        " needs high drift >= 0.0012 or a market value >= 1,066,666.67 and <= 1,178,947.36"
    )
    assert conflict.needed_high_drift == Fraction(12, 10_000)
    assert conflict.needed_low_drift is None


def test_a_low_drift_is_suggested_up_to_the_high_one() -> None:
    """It is printed finer than the usual four places, which would round it past the high drift."""
    drawn = problem(
        position("A", price="300.1", target="0.31", low="0", high="0.009901"), cash="1000", floor=None
    )
    (conflict,) = solve(drawn, timeout_seconds=PROOF_SECONDS).conflicts
    assert conflict.needed_low_drift == Fraction("0.0099")
    assert "low drift >= 0.0099 " in str(conflict)
    (conflict,) = solve(with_drift(drawn, "A", high_drift=Decimal("0.009899"))).conflicts
    assert conflict.needed_low_drift is None


def test_a_drift_is_not_rounded_past_the_greatest_one() -> None:
    line = position("A", price="300.06", target="0.31", low="0", high="0.009945")
    (conflict,) = solve(problem(line, cash="1000", floor=None)).conflicts
    assert "low drift >= 0.00994 " in str(conflict)


def test_a_drift_above_one_is_not_suggested() -> None:
    (conflict,) = solve(problem(position("A", price="2500", target="0.5", high="0.1"), cash="1000")).conflicts
    assert conflict.needed_high_drift is None
    assert str(conflict) == (
        "security A: band [500.00, 600.00] holds no multiple of 2,500.00;"
        " needs a market value >= 4,166.67 and <= 5,000.00"
    )


def test_a_band_without_a_width_suggests_no_market_value() -> None:
    """And its edges are not printed upside down, but as fine as they are."""
    (conflict,) = solve(problem(position("A", price="1.00", target="0.491"), cash="33")).conflicts
    assert conflict.needed_market_value is None
    assert str(conflict) == (
        "security A: band [16.203, 16.203] holds no multiple of 1.00; needs high drift >= 0.0242"
    )


def test_where_no_drift_helps_that_is_said() -> None:
    (conflict,) = solve(problem(position("A", price="2500", target="0.5"), cash="1000")).conflicts
    assert str(conflict).endswith("; no drift that a model may have admits one")


def test_lots_remember_that_closing_is_exempt() -> None:
    """Selling both whole shares leaves half a share, which lots of ten shares do not forbid."""
    line = position("A", price="710.76196694", quantity="2.5", target="0.09", low="0.1", high="0")
    cash = Decimal(1400) - line.price * line.quantity
    drawn = replace(problem(line, cash=str(cash), floor=None), constraints=(LotSize("A", 10),))
    (conflict,) = solve(drawn, timeout_seconds=PROOF_SECONDS).conflicts
    residual = Fraction("710.76196694") / 2
    assert conflict.needed_high_drift == residual / 1400 - Fraction("0.09")
    assert conflict.needed_market_value == residual / Fraction("0.09")


def test_a_restriction_is_remembered() -> None:
    """Fifteen shares would be next below the band, but none of the seventeen may be sold."""
    line = position("A", price="10", quantity="17", target="0.16", low="0.001", high="0.001")
    drawn = problem(line, cash="830", floor=None)
    drawn = replace(drawn, constraints=(Restriction("A", Side.DO_NOT_SELL), LotSize("A", 2)))
    assert solve(drawn, timeout_seconds=PROOF_SECONDS).status is Status.PROVEN_OPTIMAL
    line = position("A", price="10", quantity="15", target="0.16", low="0.001", high="0.02")
    drawn = replace(problem(line, cash="850", floor=None), constraints=(LotSize("A", 4),))
    (conflict,) = solve(drawn, timeout_seconds=PROOF_SECONDS).conflicts
    assert conflict.needed_low_drift == Fraction("0.01")
    assert conflict.needed_high_drift == Fraction("0.03")
    restricted = (LotSize("A", 4), Restriction("A", Side.DO_NOT_SELL))
    assert solve(replace(drawn, constraints=restricted)).conflicts[0].needed_low_drift == Fraction("0.01")


def test_no_number_has_an_exponent() -> None:
    line = position("A", price="0.00000048", target="0.5", quantity="0.5")
    (conflict,) = solve(problem(line, cash="7", floor=None)).conflicts
    assert not re.search(r"\dE", str(conflict))
    assert "at a price of 0.00000048;" in str(conflict)


@pytest.mark.parametrize(
    ("cash", "floor", "sentence"),
    [
        (
            "1000",
            "500.01",
            (
                "cash floor 500.01 leaves 499.99 for positions whose bands need at least 500.00;"
                " needs a cash floor <= 500.00"
            ),
        ),
        (
            "1000",
            "1000.01",
            "cash floor 1,000.01 exceeds the market value of 1,000.00; needs a cash floor <= 500.00",
        ),
    ],
)
def test_the_cash_floor_and_its_numbers(cash: str, floor: str, sentence: str) -> None:
    (conflict,) = solve(problem(position(target="0.5"), cash=cash, floor=floor)).conflicts
    assert conflict.kind is ConflictKind.CASH_FLOOR
    assert conflict.needed_cash_floor == Fraction(500)
    assert str(conflict) == sentence


def test_an_account_of_cash_alone_cannot_keep_more_than_it_has() -> None:
    (conflict,) = solve(problem(cash="1000", floor="1000.01")).conflicts
    assert str(conflict) == (
        "cash floor 1,000.01 exceeds the market value of 1,000.00; needs a cash floor <= 1,000.00"
    )


def test_a_floor_below_zero_is_called_an_overdraft() -> None:
    (conflict,) = solve(problem(position(price="1200", target="1", high="0.3"), cash="1000")).conflicts
    assert str(conflict).endswith("; needs an overdraft of 200.00")


def test_one_trade_is_not_called_trades() -> None:
    drawn = problem(position(price="10", target="0.5", low="0.1", high="0.1"), cash="1000")
    (conflict,) = solve(replace(drawn, constraints=(MaximumTradeCount(0),))).conflicts
    assert str(conflict) == (
        "bringing every position inside its band takes 1 trade, and the limit is 0;"
        " needs a maximum trade count >= 1"
    )


def entered(drawn: Problem, conflict: Conflict) -> Iterator[tuple[Problem, Problem | None]]:
    """The problem with each suggestion as printed, and with the next smaller one of as many digits."""
    for name in ("high", "low"):
        for number in printed(conflict, f"{name} drift >="):
            assert number <= (1 if name == "high" else high_drift(drawn, conflict))
            enough, less = (
                with_drift(drawn, conflict.security_id, **{f"{name}_drift": each})
                for each in (number, max(number - step(number), Decimal(0)))
            )
            yield enough, less
    present = solve(drawn, timeout_seconds=PROOF_SECONDS).market_value
    for number in printed(conflict, "a market value >="):
        more, fewer = (Fraction(each) - present for each in (number, number - step(number)))
        yield with_cash(drawn, more), with_cash(drawn, fewer) if fewer >= 0 else None
    for number in printed(conflict, "and <="):
        yield with_cash(drawn, Fraction(number) - present), None
    for number in printed(conflict, "cash floor <="):
        yield replace(drawn, cash_floor=number), replace(drawn, cash_floor=number + step(number))
    for number in printed(conflict, "an overdraft of"):
        yield replace(drawn, cash_floor=-number), replace(drawn, cash_floor=step(number) - number)
    for number in printed(conflict, "maximum turnover >="):
        less = with_constraint(drawn, MaximumTurnover(number - step(number)))
        yield with_constraint(drawn, MaximumTurnover(number)), less
    for number in printed(conflict, "maximum trade count >="):
        fewer_trades = with_constraint(drawn, MaximumTradeCount(int(number) - 1))
        yield with_constraint(drawn, MaximumTradeCount(int(number))), fewer_trades


def high_drift(drawn: Problem, conflict: Conflict) -> Decimal:
    return next(one.high_drift for one in drawn.positions if one.security_id == conflict.security_id)


def with_cash(drawn: Problem, more: Fraction) -> Problem:
    """More cash: a terminating fraction."""
    return replace(drawn, cash=drawn.cash + Decimal(more.numerator) / Decimal(more.denominator))


@settings(max_examples=400, deadline=None)
@given(st.one_of(constrained_problems(), limited_problems()))
def test_what_is_suggested_helps_as_printed_and_nothing_less_does(drawn: Problem) -> None:
    for conflict in solve(drawn, timeout_seconds=5).conflicts:
        assert not re.search(r"\dE[+-]?\d", str(conflict))
        for enough, less in entered(drawn, conflict):
            assert not still(enough, conflict)
            assert less is None or still(less, conflict)
