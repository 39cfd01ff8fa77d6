"""A batch gives the answers of `solve`, row by row."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Batch, BatchStatus, OptimizerError, Position, Reason, Status, solve, solve_batch
from tests.limits import PROOF_SECONDS
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
    """Everything known of the rows is what `solve` says."""
    answer = solve_batch(batch, timeout_seconds=PROOF_SECONDS)
    for row in rows:
        expected = solve(batch.problem(row), timeout_seconds=PROOF_SECONDS)
        assert STATUSES[expected.status] == answer.statuses[row]
        assert list(expected.orders or [0] * len(batch.positions)) == answer.orders[row].tolist()
        assert expected.answer == answer.answer(row)
        assert expected == answer.solution(row)


@settings(max_examples=400, deadline=None)
@given(batches())
def test_small_batches_agree_with_solve(batch: Batch) -> None:
    assert_as_solve(batch, range(len(batch.cash)))


@st.composite
def round_batches(draw: st.DrawFn) -> Batch:
    """Whole shares, wide bands and no floor: exact targets, near ties, weights long and short, zero targets.

    Nearly every row is decided without `solve`, and prices and weights span what counts in int64 and beyond.
    """
    width, count = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    prices = st.sampled_from(["1", "2.5", "10", "33.33", "0.01", "0.00000001", "123.45678901"])
    weights = st.sampled_from(
        ["0", "0.05", "0.1", "0.15", "0.0333333333333333333333333333", "0.1000000000001", "0.0125"]
    )
    positions = []
    for index in range(width):
        target = draw(weights)
        drift = "0" if target == "0" and draw(st.booleans()) else "1"
        positions.append(position(f"S{index}", price=draw(prices), target=target, low=drift, high=drift))
    worth = draw(st.sampled_from([100_00, 4_000_00, 1_000_000_00, 1_000_000_01]))
    quantities = np.empty((count, width), dtype=np.int64)
    for column, one in enumerate(positions):
        nearest = round(Decimal(worth) / 100 * one.target / one.price)
        shares = st.sampled_from([nearest, nearest, nearest + 1, 0, -3, 100])
        quantities[:, column] = draw(st.lists(shares, min_size=count, max_size=count))
    value = [
        sum((one.price * int(q) for one, q in zip(positions, row, strict=True)), Decimal(0))
        for row in quantities
    ]
    cash = np.array([worth - int(held * 100) for held in value])
    return Batch(positions, quantities, cash, None)


@settings(max_examples=400, deadline=None)
@given(round_batches())
def test_rows_decided_at_once_say_what_solve_says(batch: Batch) -> None:
    assert_as_solve(batch, range(len(batch.cash)))


@pytest.mark.parametrize(
    ("price", "target", "drift", "held", "expected"),
    [
        ("10", "0.5", "1", 0, Reason.TRADED_TO_TARGET),
        ("30", "0.5", "1", 0, Reason.ROUNDED_TO_NEAREST_SHARE),
        ("30", "0.5000000000000001", "1", 0, Reason.ROUNDED_TO_NEAREST_SHARE),
        ("10", "0.5000000000000001", "1", 0, Reason.ROUNDED_TO_NEAREST_SHARE),
        ("10", "0.5", "1", 50, Reason.ALREADY_NEAREST),
        ("10", "0", "0", 5, Reason.NOT_IN_MODEL),
        ("10", "0", "0", 0, Reason.NOT_IN_MODEL),
        ("10", "0", "1", -5, Reason.TRADED_TO_TARGET),
    ],
)
def test_the_reason_of_a_row(price: str, target: str, drift: str, held: int, expected: Reason) -> None:
    line = position(price=price, target=target, low=drift, high=drift)
    batch = Batch([line], np.array([[held]]), np.array([1000_00 - held * int(price) * 100]), None)
    answer = solve_batch(batch)
    assert not answer.kept
    assert (expected,) == answer.answer(0).reasons
    assert_as_solve(batch, [0])


def test_rows_may_be_asked_for_in_any_order() -> None:
    lines = [position(f"S{index}", price="7", target="0.001", low="1", high="1") for index in range(700)]
    cash = np.arange(10_000_00, 10_000_00 + 150 * 900, 900)
    batch = Batch(lines, np.zeros((150, 700), dtype=np.int64), cash, None)
    answer = solve_batch(batch)
    straight = [answer.answer(row) for row in range(150)]
    assert straight[::-7] == [answer.answer(row) for row in range(149, -1, -7)]
    for row in (-1, 150):
        with pytest.raises(IndexError):
            answer.answer(row)


@pytest.mark.by_oracle
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
        solve_batch(Batch([position()], one, cash, None)).answer(0)
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
