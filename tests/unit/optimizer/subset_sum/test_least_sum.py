"""Least sums of at least an amount, against plain enumeration."""

from collections.abc import Sequence
from itertools import product
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.enumeration.enumeration import never
from optimizer.subset_sum import four_lists, least_sum

NUMBERS = st.one_of(st.integers(0, 9), st.integers(0, 10**6), st.integers(0, 10**15))

GROUPS = st.lists(
    st.one_of(
        st.lists(NUMBERS, min_size=1, max_size=4),
        st.builds(
            lambda start, step, count: range(start, start + step * count + 1, step),
            NUMBERS,
            st.integers(1, 10**5),
            st.integers(0, 9),
        ),
    ),
    min_size=1,
    max_size=5,
)
"""Numbers of up to five positions, as lists and as ranges."""


def enumerated(groups: Sequence[Sequence[int]], amount: int, below: int) -> int | None:
    """The least sum in [amount, below)."""
    return min((total for one in product(*groups) if amount <= (total := sum(one)) < below), default=None)


@settings(max_examples=400, deadline=None)
@given(
    GROUPS,
    st.fractions(-1, 2),
    st.sampled_from([0, 1, 1000, 10**20]),
    st.sampled_from([2, 1 << 17]),
    st.sampled_from([0, 1 << 22]),
)
def test_least_sums_agree_with_enumeration(
    groups: list[Sequence[int]], part: float, more: int, piece: int, completed: int
) -> None:
    amount = int(sum(max(group) for group in groups) * part)
    expected = enumerated(groups, amount, amount + more)
    with (
        patch.object(four_lists, "PIECE", piece),
        patch.object(least_sum, "PIECE", piece),
        patch.object(least_sum, "MAX_COMPLETED", completed),
    ):
        found = least_sum.least_sum(groups, amount, amount + more, never)
    assert found.exhaustive
    assert expected == found.sum
    if expected is not None:
        assert expected == sum(group[option] for group, option in zip(groups, found.options, strict=True))


TWENTY = [[(10**9 + 7 * place * place) * count for count in range(6)] for place in range(20)]
"""Twenty positions of five shares of play."""


def test_a_search_that_time_ends_says_nothing() -> None:
    found = least_sum.least_sum(TWENTY, 3 * 10**9 + 1, 10**12, lambda: True)
    assert (found.sum, found.exhaustive) == (None, False)
    long = least_sum.least_sum([[0, 5], range(0, 3 * 10**12, 3)], 7, 10**9, lambda: True)
    assert (long.sum, long.exhaustive) == (None, False)


@pytest.mark.parametrize(
    "groups",
    [
        [[0, 1 << place] for place in range(60)],
        [range(10**9), range(0, 7 * 10**9, 7), [0, 3]],
        [[0, 1, 1 << 62]],
    ],
)
def test_too_many_or_too_great_sums_are_left_alone(groups: list[Sequence[int]]) -> None:
    assert least_sum.least_sum(groups, 5, 1 << 60, never) == least_sum.NOT_TRIED


def test_a_long_range_completes_what_the_others_leave() -> None:
    groups: list[Sequence[int]] = [range(0, 585 * 10**12, 585), [0, 418_231, 836_462]]
    found = least_sum.least_sum(groups, 10**12, 10**12 + 585, never)
    best = min((first - 10**12) % 585 for first in groups[1])
    assert (10**12 + best, True) == (found.sum, found.exhaustive)
