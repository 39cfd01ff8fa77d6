"""Changes of a problem whose effect on the answer is known."""

from dataclasses import replace
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Problem, Status, solve
from tests.limits import PROOF_SECONDS
from tests.unit.optimizer.problems import constrained_problems, tiny_problems


@settings(max_examples=300, deadline=None)
@given(constrained_problems(), st.randoms(use_true_random=False))
def test_permuting_positions_permutes_the_answer(drawn: Problem, random: Random) -> None:
    order = list(range(len(drawn.positions)))
    random.shuffle(order)
    shuffled = replace(drawn, positions=tuple(drawn.positions[index] for index in order))
    straight, permuted = (
        solve(drawn, timeout_seconds=PROOF_SECONDS),
        solve(shuffled, timeout_seconds=PROOF_SECONDS),
    )
    assert straight.status is permuted.status
    if straight.orders:
        assert tuple(straight.orders[index] for index in order) == permuted.orders


@settings(max_examples=300, deadline=None)
@given(tiny_problems(), st.sampled_from(["0.01", "3", "1E+6", "0.37"]))
def test_scaling_prices_and_cash_scales_the_objective(drawn: Problem, factor: str) -> None:
    times = Decimal(factor)
    floor = None if drawn.cash_floor is None else drawn.cash_floor * times
    positions = tuple(replace(line, price=line.price * times) for line in drawn.positions)
    scaled = solve(replace(drawn, positions=positions, cash=drawn.cash * times, cash_floor=floor))
    plain = solve(drawn, timeout_seconds=PROOF_SECONDS)
    assert plain.orders == scaled.orders
    if plain.objective is not None:
        numerator, denominator = times.as_integer_ratio()
        assert plain.objective * numerator / denominator == scaled.objective


@settings(max_examples=300, deadline=None)
@given(tiny_problems(), st.sampled_from(["0.01", "0.1", "0.5"]))
def test_looser_bands_and_floors_are_never_worse(drawn: Problem, slack: str) -> None:
    strict, more = solve(drawn, timeout_seconds=PROOF_SECONDS), Decimal(slack)
    wider = replace(
        drawn,
        positions=tuple(
            replace(line, low_drift=line.low_drift + more, high_drift=line.high_drift + more)
            if line.target > 0
            else line
            for line in drawn.positions
        ),
    )
    lower = replace(drawn, cash_floor=None if drawn.cash_floor is None else drawn.cash_floor - more)
    for loose in map(solve, (wider, lower)):
        if strict.status is Status.PROVEN_OPTIMAL:
            assert strict.objective is not None
            assert loose.objective is not None
            assert loose.objective <= strict.objective
