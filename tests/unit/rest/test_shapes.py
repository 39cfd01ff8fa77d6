"""The API's messages in the forms of version 1: every digit is kept, and zero has no sign."""

import json
from decimal import Decimal
from typing import Any

import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2
from hypothesis import example, given
from hypothesis import strategies as st

from ordergen_server.rest.answering.answers import encode
from ordergen_server.rest.v1 import shapes
from tests.builders import MODEL_ID, RUN_ID, portfolio_id, security_id

pb = rebalance_pb2
NUMBERS = (
    "price", "original_quantity", "adjusted_quantity", "original_market_value", "adjusted_market_value",
    "target", "high_drift", "low_drift", "actual",
)  # fmt: skip
LONG = "123456789012345678901.2345678901234"
#: As the API writes them: up to 34 digits, and no exponent.
digits = st.tuples(st.integers(-(10**34) + 1, 10**34 - 1), st.integers(0, 40)).map(
    lambda one: f"{Decimal(one[0]).scaleb(-one[1]):f}"
)


def read(value: object) -> Any:  # noqa: ANN401 - JSON
    """What callers read, digit for digit."""
    return json.loads(encode(value), parse_float=Decimal, parse_int=Decimal)


@given(st.fixed_dictionaries(dict.fromkeys(NUMBERS, digits)), digits)
@example(dict.fromkeys(NUMBERS, LONG), LONG)
@example(dict.fromkeys(NUMBERS, "0.0000"), "0.0000")
def test_every_number_of_a_line_is_a_number_with_its_digits(numbers: dict[str, str], drift: str) -> None:
    message = pb.PortfolioRebalance(portfolio_id=portfolio_id(1))
    line = message.positions.add(security_id=security_id(1))
    for name, value in numbers.items():
        getattr(line, name).value = value
    line.actual_drift.value = drift
    (found,) = read(shapes.positions(message))
    names = {"original_market_value": "original_position_market_value"}
    names["adjusted_market_value"] = "adjusted_position_market_value"
    for name, value in numbers.items():
        assert exactly(found[names.get(name, name)]) == exactly(Decimal(value)), name
    expected = Decimal(drift)
    assert exactly(found["actual_drift"]) == exactly(expected.copy_negate() if expected else abs(expected))


def exactly(number: Decimal) -> object:
    """A number with all its places."""
    return number.as_tuple()


@given(digits, digits, digits)
def test_weights_of_a_model_are_strings_as_they_are(target: str, high: str, low: str) -> None:
    message = model_pb2.Model(model_id=MODEL_ID)
    line = message.positions.add(security_id=security_id(1))
    line.target.value, line.high_drift.value, line.low_drift.value = target, high, low
    (found,) = read(shapes.model(message))["positions"]
    assert (found["target"], found["high_drift"], found["low_drift"]) == (target, high, low)


@given(st.integers(1, 2**63 - 1))
def test_orders_count_whole_shares(quantity: int) -> None:
    message = pb.PortfolioRebalance()
    one = message.transactions.add(transaction_type=pb.TRANSACTION_TYPE_SELL, quantity=quantity)
    one.trade_date.year, one.trade_date.month, one.trade_date.day = 2026, 1, 2
    (found,) = shapes.transactions(message)
    assert (found["quantity"], found["transaction_type"], found["trade_date"]) == (
        quantity,
        "SELL",
        "2026-01-02",
    )


def test_a_line_that_does_not_trade_has_every_key() -> None:
    """Null, and not nothing; numbers that the API leaves out are 0."""
    message = pb.PortfolioRebalance()
    message.positions.add(security_id=security_id(1))
    (found,) = shapes.positions(message)
    assert (found["transaction_type"], found["trade_quantity"], found["trade_date"]) == (None, None, None)
    assert {found[name] for name in ("price", "target", "actual", "actual_drift")} == {Decimal(0)}


def test_a_line_that_is_frozen_counts_nothing_and_says_so() -> None:
    message = pb.PortfolioRebalance()
    line = message.positions.add(security_id=security_id(1), reason=pb.POSITION_REASON_FROZEN)
    line.original_quantity.value = line.adjusted_quantity.value = "7.5"
    (found,) = shapes.positions(message)
    assert (found["adjusted_quantity"], found["adjusted_position_market_value"], found["reason"]) == (
        Decimal("7.5"),
        Decimal(0),
        "FROZEN",
    )


@pytest.mark.parametrize("state", pb.RebalanceState.keys())
def test_every_state_of_a_run_has_a_name(state: str) -> None:
    message = pb.Rebalance(rebalance_id=RUN_ID, state=state)  # type: ignore[arg-type] # names are taken, too
    assert f"REBALANCE_STATE_{shapes.rebalance(message)['state']}" == state


@pytest.mark.parametrize(
    ("nanoseconds", "told"),
    [
        (1_764_071_841_001_000_000, "2025-11-25T11:57:21.001000"),
        (1_764_071_841_000_000_000, "2025-11-25T11:57:21"),
        (0, "1970-01-01T00:00:00"),
    ],
)
def test_times_are_utc_without_a_zone(nanoseconds: int, told: str) -> None:
    message = pb.Rebalance()
    message.create_time.FromNanoseconds(nanoseconds)
    found = shapes.rebalance(message)
    assert (found["rebalance_date"], found["created_at"]) == (told, told)
