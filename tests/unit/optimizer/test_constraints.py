"""Constraints and strategies against brute force."""

from hypothesis import given, settings

from optimizer import Problem, Status, solve
from tests.unit.optimizer.oracle import brute_force, is_feasible, score
from tests.unit.optimizer.problems import constrained_problems, limited_problems


@settings(max_examples=1_500, deadline=None)
@given(constrained_problems())
def test_constrained_problems_agree_with_brute_force_to_the_last_tie(drawn: Problem) -> None:
    expected = brute_force(drawn)
    actual = solve(drawn)
    if expected is None:
        assert actual.status is Status.INFEASIBLE
        assert actual.conflicts
    else:
        assert actual.status is Status.PROVEN_OPTIMAL
        assert expected == actual.orders
        assert len(actual.reasons) == len(actual.orders)


@settings(max_examples=100, deadline=None)
@given(limited_problems())
def test_limits_agree_with_brute_force(drawn: Problem) -> None:
    """Never wrong: proven answers are optimal, others valid with a bound that holds."""
    expected = brute_force(drawn)
    actual = solve(drawn)
    if expected is None:
        assert actual.status is Status.INFEASIBLE
        return
    assert actual.objective is not None
    assert actual.lower_bound is not None
    assert is_feasible(drawn, actual.orders)
    best = score(drawn, expected)[0]
    assert actual.lower_bound <= best <= actual.objective
    if actual.status is Status.PROVEN_OPTIMAL:
        assert best == actual.objective
