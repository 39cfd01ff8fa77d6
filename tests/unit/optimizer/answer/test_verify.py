"""The last gate lets nothing pass that breaks a requirement."""

from decimal import Decimal

import pytest

from optimizer import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    Problem,
    Restriction,
    Side,
    VerificationError,
)
from optimizer.answer.verify import verify
from tests.unit.optimizer.problems import position, problem

TWO = (
    position("A", price="10", quantity="20", target="0.3", low="0.2", high="0.2"),
    position("B", price="20", quantity="10", target="0.3", low="0.2", high="0.2"),
)


@pytest.mark.parametrize(
    ("shares", "constraint", "message"),
    [
        ((51, 10), None, "security A: 51 shares break the band"),
        ((-1, 10), None, "security A: -1 shares break the band"),
        ((50, 25), None, "the cash floor is broken"),
        ((21, 10), Restriction("A", Side.DO_NOT_BUY), "Restriction(security_id='A'"),
        ((19, 10), Restriction("A", Side.DO_NOT_SELL), "Restriction(security_id='A'"),
        ((19, 10), Restriction("A", Side.HOLD), "Restriction(security_id='A'"),
        ((23, 10), LotSize("A", 2), "LotSize(security_id='A', shares=2, buys_only=False) is broken"),
        ((21, 10), MinimumTradeValue(Decimal(11)), "MinimumTradeValue(value=Decimal('11')) is broken"),
        ((31, 10), MaximumTurnover(Decimal("0.1")), "MaximumTurnover(weight=Decimal('0.1')) is broken"),
        ((21, 11), MaximumTradeCount(1), "MaximumTradeCount(count=1) is broken"),
    ],
)
def test_a_broken_requirement_is_named(
    shares: tuple[int, ...], constraint: Constraint | None, message: str
) -> None:
    drawn = problem(*TWO, cash="600", floor="10")
    if constraint:
        drawn = Problem(TWO, Decimal(600), Decimal(10), constraints=(constraint,))
    with pytest.raises(VerificationError) as raised:
        verify(drawn, shares)
    assert message in str(raised.value)


def test_constraints_on_other_securities_are_no_concern() -> None:
    elsewhere = (Restriction("X", Side.HOLD), LotSize("X", 100))
    verify(Problem(TWO, Decimal(600), constraints=elsewhere), (21, 11))
