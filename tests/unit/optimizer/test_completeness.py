"""Whatever is cut off, and wherever: what calls itself proven is right.

Every limit on counts and steps is made so small that nearly every search is cut, and the clock runs out at
every look in turn. Answers may then be worse, or there may be none; a false proof there may not be.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from types import ModuleType
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer import Problem, Solution, Status, solve, solver
from optimizer.cover import core, cover, dense, exact_fill, first_value
from optimizer.enumeration import halves, pairs
from optimizer.limits import general, lagrange, several_limits, single_limit, trade_sets
from optimizer.separable import fast_path
from optimizer.subset_sum import exact_keys, four_lists, least_sum, sums
from tests.limits import PROOF_SECONDS
from tests.unit.optimizer.oracle import brute_force, is_enumerable, is_feasible, score
from tests.unit.optimizer.problems import (
    constrained_problems,
    limited_problems,
    tiny_problems,
    weighed_problems,
)
from tests.unit.optimizer.test_fine_prices import fine_problem

CAPS: list[tuple[ModuleType, str, object]] = [
    (fast_path, "MANY_MOVES", 0),
    (fast_path, "MAX_STEPS", 3),
    (fast_path, "MAX_MOVES", 2),
    (fast_path, "MAX_TIES", 1),
    (cover, "FIRST_DEVIATIONS", 3),
    (cover, "FIRST_STEPS", 4),
    (cover, "QUICK", 40),
    (cover, "LONG", 60),
    (core, "MAX_MOVES", 4),
    (core, "SIZES", (2, 5)),
    (core, "TIED_BITS", 3),
    (core, "TIED_MOVES", 5),
    (dense, "MAX_CELLS", 40),
    (exact_fill, "FEW_BITS", 0),
    (exact_fill, "MAX_LISTED", 2),
    (first_value, "HALF", 1),
    (exact_keys, "FREE_BITS", 4.0),
    (exact_keys, "MAX_WINDOW", 2),
    (exact_keys, "LEAST_HITS", 0),
    (four_lists, "PIECE", 2),
    (least_sum, "MAX_COMPLETED", 3),
    (sums, "MAX_SUMS", 4),
    (sums, "MAX_GROWTH", 9),
    (least_sum, "MAX_WORK", 9),
    (least_sum, "PIECE", 2),
    (halves, "MAX_STREAMED", 20),
    (pairs, "MAX_PAIRS", 6),
    (pairs, "PAIRS", 4),
    (pairs, "MAX_JUDGED", 2),
    (pairs, "MAX_TIES", 1),
    (lagrange, "MAX_MOVES", 5),
    (lagrange, "SMALL", (2,)),
    (lagrange, "LARGE", (4,)),
    (several_limits, "SMALL", (2,)),
    (several_limits, "LARGE", (4,)),
    (trade_sets, "MAX_NODES", 6),
]
"""Limits of the package, and what they are cut to."""

CLOCKS = (solver, single_limit, several_limits, general)
"""Modules that look at the clock."""


def problems() -> st.SearchStrategy[Problem]:
    """Of every kind that can be enumerated."""
    fine = st.builds(
        fine_problem,
        st.integers(0, 10_000),
        st.integers(2, 4),
        st.just("3000"),
        st.sampled_from(["0.1", "0.12", "0.2", "0.3"]),
    )
    return st.one_of(tiny_problems(), constrained_problems(), limited_problems(), weighed_problems(), fine)


def check(drawn: Problem, answer: Solution) -> None:
    """What the answer claims, against enumeration."""
    expected = brute_force(drawn)
    if answer.status is Status.INFEASIBLE:
        assert expected is None
    if answer.objective is not None:
        assert expected is not None
        assert is_feasible(drawn, answer.orders)
        best, reached = score(drawn, expected), score(drawn, answer.orders)
        assert best <= reached
        assert answer.lower_bound is not None
        assert answer.lower_bound <= best[0]
        if answer.status is Status.PROVEN_OPTIMAL:
            assert best[0] == reached[0] == answer.lower_bound
        if answer.tie_broken:
            assert answer.status is Status.PROVEN_OPTIMAL
            assert best == reached
    elif answer.lower_bound is not None:
        assert expected is None or answer.lower_bound <= score(drawn, expected)[0]


@contextmanager
def cut(caps: list[tuple[ModuleType, str, object]]) -> Iterator[None]:
    """The package with some of its limits cut."""
    with ExitStack() as stack:
        for module, name, value in caps:
            stack.enter_context(patch.object(module, name, value))
        yield


@contextmanager
def looks() -> Iterator[None]:
    """A clock on which every look takes a second."""
    clock = count()
    with ExitStack() as stack:
        for module in CLOCKS:
            stack.enter_context(patch.object(module, "monotonic", lambda: float(next(clock))))
        stack.enter_context(patch.object(general, "LEAST_SECONDS", 1e9))  # its thread has its own time
        yield


@settings(max_examples=250, deadline=None)
@given(problems(), st.lists(st.sampled_from(CAPS), unique_by=lambda cap: cap[:2]))
def test_a_search_cut_anywhere_proves_nothing_false(
    drawn: Problem, caps: list[tuple[ModuleType, str, object]]
) -> None:
    assume(is_enumerable(drawn))
    with cut(caps), patch.object(general, "LEAST_SECONDS", 1e9):
        check(drawn, solve(drawn, timeout_seconds=PROOF_SECONDS))


@settings(max_examples=250, deadline=None)
@given(problems(), st.integers(0, 60))
def test_a_clock_that_runs_out_at_any_look_proves_nothing_false(drawn: Problem, seconds: int) -> None:
    assume(is_enumerable(drawn))
    with looks():
        check(drawn, solve(drawn, timeout_seconds=seconds))


@pytest.mark.parametrize("name", ["proven", "feasible"])
def test_what_is_checked_can_fail(name: str) -> None:
    """An answer that is not the best is caught, whatever it calls itself."""
    drawn = fine_problem(3, 3, "3000", "0.2")
    answer = solve(drawn, timeout_seconds=PROOF_SECONDS)
    worse = tuple(order - 1 for order in answer.orders)
    status = Status.PROVEN_OPTIMAL if name == "proven" else Status.FEASIBLE
    objective = score(drawn, worse)[0]
    bound = objective if name == "proven" else objective + 1
    with pytest.raises(AssertionError):
        check(drawn, Solution(drawn, status, worse, objective, bound))
