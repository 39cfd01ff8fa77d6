"""What must hold of any answer, beside what an oracle says of the same problem."""

from optimizer import Problem, Status, solve
from tests.limits import PROOF_SECONDS
from tests.unit.optimizer.oracle import NOTHING_FOUND, brute_force, cash_after, cp_sat, is_feasible, score


def check_enumerated(problem: Problem) -> None:
    """Never wrong, by all orders there are: proven is best, all else is valid with a bound that holds."""
    expected, actual = brute_force(problem), solve(problem, timeout_seconds=PROOF_SECONDS)
    if expected is None:
        assert actual.status is Status.INFEASIBLE
        assert actual.conflicts
        return
    assert actual.objective is not None
    assert actual.lower_bound is not None
    assert is_feasible(problem, actual.orders)
    best = score(problem, expected)[0]
    assert actual.lower_bound <= best <= actual.objective
    if actual.status is Status.PROVEN_OPTIMAL:
        assert best == actual.objective
    if actual.tie_broken:
        assert expected == actual.orders
    assert cash_after(problem, actual.orders) == actual.cash_after
    assert len(actual.reasons) == len(actual.orders)


def check_by_cp_sat(problem: Problem, timeout_seconds: float) -> None:
    """Never wrong, by what CP-SAT finds and proves; nothing is asked of an answer that had no time."""
    answer, bounds = solve(problem, timeout_seconds=timeout_seconds), cp_sat(problem)
    if answer.status is Status.INFEASIBLE:
        assert bounds is None or bounds[1] == NOTHING_FOUND
    elif answer.objective is not None and answer.lower_bound is not None:
        assert bounds is not None
        assert is_feasible(problem, answer.orders)
        assert answer.lower_bound <= bounds[1]
        assert bounds[0] <= answer.objective
