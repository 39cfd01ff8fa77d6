"""The value of a first cover: one that some set of moves has, and the least where floats lose nothing."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from optimizer.cover import first_value
from optimizer.cover.branch_and_bound import Deviation

SMALL = st.tuples(st.integers(0, 1000), st.integers(-500, 500))
HUGE = st.tuples(st.integers(0, 10**200), st.integers(-(10**90), 10**90))


def listed(pairs: Sequence[tuple[int, int]]) -> list[Deviation]:
    """Penalties and gains as moves of a ladder each, in ascending order."""
    return [Deviation(*pair, place, 1) for place, pair in enumerate(sorted(pairs))]


def values(moves: Sequence[Deviation], price: int, short: int) -> Iterator[int]:
    """Of all sets of moves that free enough."""
    for size in range(len(moves) + 1):
        for chosen in combinations(moves, size):
            surplus = sum(move.gain for move in chosen) - short
            if surplus >= 0:
                yield sum(move.penalty for move in chosen) + price * surplus


@given(st.lists(SMALL, max_size=8), st.integers(0, 50), st.integers(1, 900), st.integers(1000, 50_000))
def test_short_numbers_give_the_least_value(
    pairs: list[tuple[int, int]], price: int, short: int, best: int
) -> None:
    moves = listed(pairs)
    expected = min([best, *values(moves, price, short)])
    assert expected == first_value.first_value(moves, price, short, best)


@given(st.lists(HUGE, max_size=7), st.integers(0, 10**90), st.integers(1, 10**90), st.integers(1, 3))
def test_whatever_the_numbers_a_set_has_that_value(
    pairs: list[tuple[int, int]], price: int, short: int, half: int
) -> None:
    moves, best = listed(pairs), 10**200
    with patch.object(first_value, "HALF", half):
        found = first_value.first_value(moves, price, short, best)
    assert found in {best, *values(moves, price, short)}
    assert found <= best
