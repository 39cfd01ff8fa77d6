"""A batch gives the answers of `solve`, row by row."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Batch, BatchStatus, OptimizerError, Position, Status, solve, solve_batch
from tests.unit.optimizer.problems import position

STATUSES = {
    Status.PROVEN_OPTIMAL: BatchStatus.PROVEN_OPTIMAL,
    Status.FEASIBLE: BatchStatus.FEASIBLE,
    Status.INFEASIBLE: BatchStatus.INFEASIBLE,
}


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Small batches full of ties, edges, shorts, overdrafts and floors."""
    width, count = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    prices = st.sampled_from(["1", "2.5", "7.25", "40", "0.00000001", "123.45678901"])
    weights = st.sampled_from(["0", "0.05", "0.1", "0.125", "0.25"])
    drifts = st.sampled_from(["0", "0.01", "0.05", "0.25", "1"])
    positions = [
        position(f"S{index}", price=draw(prices), target=draw(weights), low=draw(drifts), high=draw(drifts))
        for index in range(width)
    ]
    step = draw(st.sampled_from([Decimal(1), Decimal(1), Decimal("0.25")]))
    quantities = np.array(
        draw(st.lists(st.integers(-3, 40), min_size=width * count, max_size=width * count)), dtype=np.int64
    ).reshape(count, width)
    worth = draw(st.lists(st.integers(100, 10_000_000), min_size=count, max_size=count))
    held = [
        sum((one.price * int(q) * step for one, q in zip(positions, row, strict=True)), Decimal(0))
        for row in quantities
    ]
    cash = np.array([total - int(value * 100) for total, value in zip(worth, held, strict=True)])
    floors = draw(st.none() | st.lists(st.integers(-500, 90_000), min_size=count, max_size=count))
    return Batch(positions, quantities, cash, None if floors is None else np.array(floors), step)


def assert_as_solve(batch: Batch, rows: Sequence[int]) -> None:
    """Orders and statuses of the rows are those of `solve`."""
    answer = solve_batch(batch)
    for row in rows:
        expected = solve(batch.problem(row))
        assert STATUSES[expected.status] == answer.statuses[row]
        assert list(expected.orders or [0] * len(batch.positions)) == answer.orders[row].tolist()
        assert expected.objective == answer.solution(row).objective
        assert expected.conflicts == answer.solution(row).conflicts


@settings(max_examples=400, deadline=None)
@given(batches())
def test_small_batches_agree_with_solve(batch: Batch) -> None:
    assert_as_solve(batch, range(len(batch.cash)))


@pytest.mark.parametrize("worth", [10**4, 10**8, 10**13, 10**17])
def test_large_batches_agree_with_solve(worth: int) -> None:
    random = np.random.default_rng(worth)
    prices = random.integers(100, 90_000, 40)
    positions = [
        position(
            f"S{index}",
            price=f"{price / 100:.2f}",
            target="0.0235",
            low="0.0235" if index % 2 else "0.004",
            high="0.01",
        )
        for index, price in enumerate(prices)
    ]
    quantities = (worth * 0.0235 / prices * random.uniform(0.5, 1.5, (1_000, 40))).astype(np.int64)
    cash = worth - quantities @ prices
    batch = Batch(positions, quantities, cash, np.zeros(1_000, dtype=np.int64))
    assert_as_solve(batch, range(0, 1_000, 50))


def test_no_rows_and_no_columns_are_answered() -> None:
    nothing = np.zeros((0, 1), dtype=np.int64)
    none = np.zeros(0, dtype=np.int64)
    assert solve_batch(Batch([position()], nothing, none, none)).orders.shape == (0, 1)
    cash = np.array([100], dtype=np.int64)
    bare = Batch([], np.zeros((1, 0), dtype=np.int64), cash, None)
    assert solve_batch(bare).statuses.tolist() == [BatchStatus.PROVEN_OPTIMAL]


@pytest.mark.parametrize(
    ("quantities", "cash", "message"),
    [
        (np.zeros((2, 1), np.int64), np.zeros(1, np.int64), "quantities must be int64 of shape (1, 1)"),
        (np.zeros((1, 1), np.float64), np.zeros(1, np.int64), "quantities must be int64 of shape (1, 1)"),
        (np.zeros((1, 1), np.int64), np.zeros(1, np.float64), "cash must be int64 of shape (1,)"),
    ],
)
def test_mismatched_arrays_are_refused(
    quantities: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    cash: np.ndarray[tuple[int], np.dtype[np.int64]],
    message: str,
) -> None:
    with pytest.raises(OptimizerError) as raised:
        Batch([position()], quantities, cash, None)
    assert message in str(raised.value)


def test_bad_rows_and_steps_are_named() -> None:
    one, two = np.zeros((1, 1), np.int64), np.zeros((1, 2), np.int64)
    cash = np.zeros(1, np.int64)
    with pytest.raises(OptimizerError) as empty:
        solve_batch(Batch([position()], one, cash, None))
    assert str(empty.value) == "row 0: market value must be > 0, not 0"
    with pytest.raises(OptimizerError) as twice:
        Batch([position("A"), position("A")], two, cash, None)
    assert str(twice.value) == "security A: must appear once, not twice"
    with pytest.raises(OptimizerError) as step:
        Batch([position()], one, cash, None, quantity_step=Decimal(0))
    assert str(step.value) == "quantity_step must be > 0, not 0"


def test_prices_beyond_float_are_solved_one_by_one() -> None:
    fine = Position("A", Decimal("123456789.123456789123"), Decimal(0), Decimal("0.5"), Decimal("0.5"))
    batch = Batch([fine], np.array([[1]]), np.array([10**12]), None)
    assert_as_solve(batch, [0])
