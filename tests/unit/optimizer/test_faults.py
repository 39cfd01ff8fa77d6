"""Inputs that once broke the optimizer, each with its right value.

The values were found by plain enumeration or by CP-SAT, which share nothing with the package. The long
inputs are kept outside the tree and read where they are at hand.
"""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from optimizer import (
    Constraint,
    LotSize,
    MaximumTradeCount,
    MaximumTurnover,
    MinimumTradeValue,
    Position,
    Problem,
    Restriction,
    Side,
    Status,
    Strategy,
    solve,
)
from tests.unit.optimizer.problems import CASES, position

FAULTS = CASES.with_name("optimizer_faults.json")


def recorded(place: int) -> Problem:
    """One recorded input; skips the test where it is not at hand."""
    if not Path(FAULTS).exists():
        pytest.skip("the recorded faults are not at hand")
    case: dict[str, Any] = json.loads(FAULTS.read_text())[place]["case"]
    names = ("price", "quantity", "target", "low", "high")
    return Problem(
        tuple(Position(line["id"], *(Decimal(line[name]) for name in names)) for line in case["positions"]),
        Decimal(case["cash"]),
        None if case["floor"] is None else Decimal(case["floor"]),
        Strategy[case["strategy"]],
        tuple(map(constraint, case["constraints"])),
    )


def constraint(form: dict[str, Any]) -> Constraint:
    """A recorded constraint."""
    match form:
        case {"type": "min", "value": value}:
            return MinimumTradeValue(Decimal(value))
        case {"type": "lot", "id": security_id, "shares": shares}:
            return LotSize(security_id, shares)
        case {"type": "res", "id": security_id, "side": side}:
            return Restriction(security_id, Side[side])
        case {"type": "turn", "weight": weight}:
            return MaximumTurnover(Decimal(weight))
        case {"count": count}:
            return MaximumTradeCount(count)
    raise AssertionError(form)


def test_a_floor_over_prices_of_eight_decimals_and_a_fraction_of_a_share() -> None:
    """Moves beyond 2^60 units were dropped: (-14, 8) at 4949.4461 was called proven."""
    first = position("S0", price="670.78209798", quantity="22", target="0.465", low="0.3", high="0.3")
    other = position("S1", price="85.05716978", quantity="11.703139", target="0.245", low="0.3", high="0.3")
    answer = solve(Problem((first, other), Decimal("1136.93"), Decimal("9783.06")))
    assert answer.status is Status.PROVEN_OPTIMAL
    assert answer.orders == (-17, 32)


def test_a_floor_and_a_minimum_trade_over_weights_of_eight_decimals() -> None:
    """(-8, -4) at a drift of 295 was called proven."""
    lines = (
        position("A", price="23", quantity="16", target="0.2", low="0.25"),
        position("B", price="3", quantity="611", target="0.8", low="0.07826087", high="0.07826087"),
    )
    least = MinimumTradeValue(Decimal("9.01"))
    answer = solve(Problem(lines, Decimal(99), Decimal("288.00000001"), constraints=(least,)))
    assert answer.status is Status.PROVEN_OPTIMAL
    assert answer.orders == (-5, -25)
    assert answer.objective == 289


PROVEN = {
    16: ("549210434924069/10000000000", "a proof was false: moves beyond 2^60 units were dropped"),
    29: ("289", "a proof was false: moves beyond 2^60 units were dropped"),
}
"""The least objective by place of the recorded input, and what went wrong."""


@pytest.mark.parametrize("place", PROVEN, ids=str)
def test_the_least_objective_is_found_and_proven(place: int) -> None:
    answer = solve(recorded(place), timeout_seconds=20)
    assert answer.status is Status.PROVEN_OPTIMAL
    assert answer.objective == Fraction(PROVEN[place][0])
