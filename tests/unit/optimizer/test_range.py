"""Numbers far beyond those of money and of 64 bits: right answers, never an overflow."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from optimizer import (
    Batch,
    BatchStatus,
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    OptimizerError,
    Problem,
    Status,
    Strategy,
    solve,
    solve_batch,
)
from tests.limits import PATIENCE
from tests.unit.optimizer.oracle import cash_after, keeps_limits, score
from tests.unit.optimizer.problems import position

PENNY = position("A", price="0.00000001", target="0.4", low="0.4", high="0.4")
DEAR = position("B", price="1000000000000", quantity="0.5", target="0.4", low="0.4", high="0.4")

LIMITS: list[tuple[Constraint, ...]] = [
    (),
    (MaximumTurnover(Decimal("0.1")),),
    (MaximumTradeCount(1),),
    (MaximumTurnover(Decimal("0.1")), MaximumTradeCount(1)),
    (MinimumTradeValue(Decimal(5)),),
    (LotSize("A", 10**20),),
]


@pytest.mark.parametrize("constraints", LIMITS)
@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("held", ["0", "1E+19", "1E+20"])
def test_bands_of_more_shares_than_64_bits_count(
    constraints: tuple[Constraint, ...], strategy: Strategy, held: str
) -> None:
    positions = (replace(PENNY, quantity=Decimal(held)), DEAR)
    drawn = Problem(positions, Decimal("1E+12"), Decimal("3E+11"), strategy, constraints)
    answer = solve(drawn, timeout_seconds=PATIENCE)
    assert answer.status in {Status.PROVEN_OPTIMAL, Status.FEASIBLE}
    assert keeps_limits(drawn, answer.orders)
    assert cash_after(drawn, answer.orders) == answer.cash_after
    assert score(drawn, answer.orders)[0] == answer.objective


def test_a_floor_is_filled_to_the_last_of_pennies() -> None:
    positions = (PENNY, replace(PENNY, security_id="B", price=Decimal("0.00000003")))
    answer = solve(Problem(positions, Decimal("1E+13"), Decimal("3E+12")))
    assert answer.status is Status.PROVEN_OPTIMAL
    assert answer.cash_after == Fraction(3 * 10**12)
    assert answer.objective == Fraction(10**12)


def rows(cash: list[int], quantities: list[int], *, price: str, step: str = "1") -> Batch:
    """Portfolios of one security that may take up to all."""
    one = position("A", price=price, target="0.5", low="0.5", high="0.5")
    return Batch(
        [one],
        np.array([[quantity] for quantity in quantities]),
        np.array(cash),
        np.zeros(len(cash), dtype=np.int64),
        cash_step=Decimal(step),
    )


def test_a_row_without_a_market_value_is_no_matter_to_the_others() -> None:
    answer = solve_batch(rows([100, 0, -500, 300], [0, 0, 1, 1], price="1", step="1"))
    good, invalid = BatchStatus.PROVEN_OPTIMAL, BatchStatus.INVALID
    assert answer.statuses.tolist() == [good, invalid, invalid, good]
    assert answer.orders.tolist() == [[50], [0], [0], [149]]
    assert answer.answer(3).orders == (149,)
    with pytest.raises(OptimizerError) as refused:
        answer.answer(1)
    assert str(refused.value) == "row 1: market value must be > 0, not 0"
    with pytest.raises(OptimizerError):
        answer.solution(2)


def test_a_row_of_orders_beyond_64_bits_is_no_matter_to_the_others() -> None:
    batch = rows([10**18, 2], [0, 0], price="0.00000001", step="1000000")
    answer = solve_batch(batch)
    assert answer.statuses.tolist() == [BatchStatus.INVALID, BatchStatus.PROVEN_OPTIMAL]
    assert answer.orders.tolist() == [[0], [10**14]]
    with pytest.raises(OptimizerError, match="row 0: an order of 2\\^63 shares or more"):
        answer.answer(0)
    assert solve(batch.problem(0)).orders == (5 * 10**31,)
